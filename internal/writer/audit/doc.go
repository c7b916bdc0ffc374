// Package audit holds the log against the tables: Verify says where they
// differ, Replay stores what the tables lack.
//
// Both walk the log of a partition below what the writers have committed, and
// decide about each record with the writer's own stage: what it would store is
// what must be there, once, at that place (src_offset, src_index). Batches are
// formed again as they were, which the rows of trace_parts tell (src_first_offset,
// src_offset); where trace_parts has nothing, batches are cut anew.
//
//	extent.go   what of the log is looked at
//	batches.go  the batches that landed, page by page
//	walk.go     the log, batch by batch, through the stage
//	expect.go   what the stage would store, kept instead of stored
//	letters.go  the dead letters there are, by origin
//	verify.go, compare.go, parts.go, report.go   the audit
//	replay.go, fill.go   storing what is missing
//
// Invariants:
//
//   - Neither joins the writers' group nor commits in it (W3).
//   - Memory is bounded by a window of the log and one of the tables, whatever
//     the size of either.
//   - What cannot be decided is counted as that. The first K spans of a log
//     whose beginning is gone may be resends of what is gone (Rule D).
//   - Replay inserts below the committed offset only, alone on its partition,
//     when no insert of anybody else can land any more, and only rows that the
//     table has not: docs/exactly-once.md has the argument.
package audit
