// Package sim plays seeded histories against the writer in virtual time: the
// real bus, pipeline, writer and deduplication, on kfake's broker and a model
// of ClickHouse, over networks and processes that fail in every way that
// docs/exactly-once.md reckons with.
//
// A [Plan] is a history as data: what is produced when, which process starts,
// drains, vanishes or falls silent, what becomes of the next commits and
// inserts. [Generate] draws one from a seed, [Play] lives it through, and the
// oracle then holds the tables, the dead letters and the group's offsets to
// what a plain recount of the log says. [Shrink] takes events out of a plan
// that fails for as long as it still does; what is left is printed, and can be
// kept in testdata, where it is played for ever.
//
// What a seed fixes is the plan. Which of two goroutines that are ready runs
// first stays Go's own choice, so that a rare failure may need its plan played
// several times.
//
// Read plan.go, then world.go; network.go and tables.go are the two sides that
// fail, oracle.go and recount.go are the judges, which share no code with pkg/.
package sim
