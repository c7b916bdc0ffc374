// Package race measures spanmill and a peer, an OpenTelemetry Collector built
// for the purpose, on one machine, in turns. A round of a side is:
//
//	(1) the same requests for every side, made beforehand ─► way in ─► Kafka
//	(2) Kafka ─► writer ─► a new ClickHouse, until all rows are there and merges over
//
// The stages follow each other, so that the CPU of each process belongs to one
// of them. All rounds share one broker, warmed by a small round of each side
// that is not counted; its topics, the other processes and ClickHouse are new
// in each. In the end the ids in the table are compared with those acked.
//
// side.go says how each side is started, round.go is one round, figures.go what
// it gives, report.go the table of all.
package race
