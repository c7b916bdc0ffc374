// Package aggregator turns topics spans and events into rolling metrics, exactly:
// every span that the writer stores is counted once in every series that it
// belongs to, in whatever order spans arrive and whatever dies in between (P3,
// P4); and so is every business event, and every assessment as it is now.
//
// Each partition has one goroutine and a [core], which is pure: the same log
// gives the same contributions. Per record it decodes, drops resends by Rule D
// with the writer's settings, reads the GenAI meaning, and adds what each span
// tells (facts) to the series that the views say (views.go), in the pane of the
// span's end. Once a second what was touched goes to topic rollups in one Kafka
// transaction with the partition's offset, and is forgotten: a partial is an
// addition, so a late span is simply an addition to an old pane.
//
// Partitions of topic events have a core of their own (told_*.go), in the same
// loop ([tally] is what both can do). It remembers a window of the log: an event
// that comes again is known by its id, and what an assessment added is taken back
// when it is changed or deleted.
//
// Invariants:
//
//   - Partials and the offset behind what they tell of are committed as one
//     (rules A1–A4 of docs/exactly-once.md). Nothing read before the committed
//     offset is kept in order to be sent.
//   - What is kept is a window of the log, by position: the deduplication ring,
//     the spans that self time is computed from, the series that were admitted.
//     It is made anew from the log on assignment, and decides as it would have.
//   - Memory is bounded by counts of spans, series and open partials.
//   - Content never reaches a label: names are normalised, errors are classes.
package aggregator
