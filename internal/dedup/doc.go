// Package dedup keeps client resends out (promise P3). It is Rule D, used by
// the writer and the aggregator with the same settings, so that both decide
// alike about every span without ever talking to each other:
//
//	A span is a duplicate iff the LAST SIGHT of its fingerprint in this
//	partition, of any kind, lies at most K spans and at most H of record
//	time back.
//
// Every sight refreshes, duplicates too. That is what makes the rule safe
// under restarts: a decision depends only on the K spans before it, never on
// earlier decisions, so any two consumers that have read at least K spans
// before an offset agree from there on. (A window anchored at the last
// accepted sight, generations rotated by a clock, and a horizon against the
// running maximum of record times were all simulated, and all of them made
// the two sides disagree.) Hence also:
//
//   - time is compared pairwise, sight against last sight: the record times of
//     several gateways are not monotone, and need not be;
//   - there is no clock in here, and the ring forgets at exactly K;
//   - a consumer warms a new ring by feeding it at least K spans before the
//     first one it must decide, or everything since the log's start.
//     [Ring.Oldest] is the offset from which a successor must read.
//
// A [Ring] belongs to the one goroutine that owns its partition. Its memory is
// flat arrays without pointers: a full ring of a million spans costs the
// garbage collector nothing to look at.
package dedup
