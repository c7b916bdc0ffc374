// Package faults is what breaks on real parts: processes killed at any moment
// and between two steps of the protocol, a ClickHouse that is away, slow, full
// or wrong, connections cut once the insert was applied, writers that come and
// go. In the end the generator's ledger and the log are held against the tables,
// row by row.
//
// Each test is written once, with its size as an argument: TestFaults… are short
// and part of `make test`, TestSoak… (build tag soak) are what a release has to
// pass. These environment variables set the size of the long ones:
//
//	FAULTS_ROUNDS=100   kills on Kafka          FAULTS_UP_ROUNDS=30   on spanmill up
//	FAULTS_RATE=26000   spans a second          FAULTS_UP_RATE=12000  on spanmill up
//	FAULTS_AWAY=10m     ClickHouse away         FAULTS_AWAY_RATE=8000 meanwhile
//	FAULTS_STORM=2m     writers come and go     FAULTS_TURNS=10       of each fault of the proxy
package faults
