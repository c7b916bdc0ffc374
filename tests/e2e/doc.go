// Package e2e tests the built binaries from outside: started, spoken to, killed
// and asked as README.md and docs/processes.md say. Most tests take a plant, and
// so run on `spanmill up` and on ingest-gateway and writer with a real Kafka, in
// both group protocols (plants_test.go has the list, and why the others do not).
// One of them alone:
//
//	go test -v -run 'TestOnKafka/classic/killed_at_named_points' ./tests/e2e
//
// The harness below it does the starting.
package e2e
