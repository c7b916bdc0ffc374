// Package experiments knows the experiments of every tenant: what the compacted
// topic of the same name says, read whole and followed by each gateway. There is
// no other state, so any number of gateways agree, and none needs ClickHouse.
//
//	registry.go     what a record means: pure, the same for every reader
//	key.go          the keys of records, and which ids names take
//	experiments.go  Experiments: follows the log, and changes by writing to it
//
// # Why the keys are what they are
//
// A change is a record, and counts when it comes back, in the order of the log.
// Two kinds are claims, which may lose: an experiment is created (its id and its
// name must be free) or renamed (the name must be free). Whether one lost depends
// on what was before it, so compaction must not take away anything before it:
// each claim has a key of its own and stays for ever. What cannot lose, stage and
// tags, has one key each: the last one counts, and compaction may take the others.
//
// Every record's value is the whole experiment as its writer knew it, for readers
// who only keep the last one. Where that was not the last word, because a claim
// lost or two gateways wrote at once, the writer adds a copy of what holds; for
// this package copies mean nothing.
//
// Invariants:
//
//   - X1: the state is a function of the log, whether or not it was compacted.
//   - X2: an id belongs to one experiment for ever: it is not used again when
//     its experiment is renamed or deleted.
//   - X3: a name is held by one experiment of a tenant at most; a deleted one
//     keeps its name, as in MLflow.
//   - X4: a change that was answered is in the state of every gateway that asks
//     the log's end first (Fresh).
package experiments
