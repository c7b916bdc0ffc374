// Package embedded is the bus of `spanmill up`: one Kafka-protocol broker in
// this process, kept in a directory. It is kfake with what a log that is relied
// upon needs beside it. It is meant for one machine and modest volume; the next
// step is any Kafka, and nothing above the protocol notices.
//
// What an acknowledgement means: the batch and its index entry were written and
// fsynced. A commit is written and fsynced before it is answered. A failed write
// is answered with an error; a failing fsync is not noticed by kfake.
//
// What is added here, and where:
//
//   - restore.go, before anything listens: each partition's end is established
//     from its segments, so that start-up reads one segment at a time and a log
//     start survives; and raised to the floor, so that no offset is ever issued
//     twice (W14), not even when the log was trimmed to nothing or lost its tail.
//   - transactions.go, there too: what a killed process had begun is aborted in the
//     log itself. kfake only takes it for aborted, until the same transactional id
//     commits something else and the process is killed again; then it would be read.
//     And kfake ends a transaction in two steps, records and then offset: where the
//     process was killed between them, the first is taken back.
//   - trim.go: retention, by whole segments and never past what the reading
//     group has committed; and the disk budget: when records that nobody has read
//     yet fill it, Full says so and the gateway refuses.
//   - guard.go: a stray connection (a browser, a port scan) is closed instead of
//     allocating what its first bytes happen to say. And a connection that had a
//     large answer begins anew, since kfake keeps memory for the largest one.
//
// kfake's own files are read and written in disk.go, segment.go and
// transactions.go alone. Their format has a version, which is checked; the
// dependency is pinned.
package embedded
