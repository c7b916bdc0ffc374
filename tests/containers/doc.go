// Package containers holds what is shipped in deploy/ to account.
//
// Anywhere: the compose file is loaded as docker compose loads it, each command
// of ours goes to the built binary's --check, and the files for ClickHouse go to
// the embedded engine, where the writers' user does what a writer does.
//
// Where Docker is: Kafka and ClickHouse from the compose file's images serve the
// suites that the embedded bus and engine pass too, and the binaries.
package containers
