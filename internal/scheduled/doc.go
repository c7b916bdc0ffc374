// Package scheduled makes the metrics that no stream can add up: of sessions,
// which close; of users, who come back; of what all of it is worth. It runs SQL
// over the tables every quarter of a minute, and writes what comes of it into
// tables of its own, which views sessions, users, metrics_1m and metrics_1h, the
// live API, Prometheus, alerts and the report read.
//
//	scheduled.go    the loop: when a run is due, where it begins
//	positions.go    how far into the tables runs have read
//	run.go          one run: what has changed, day by day, then the metrics
//	statements.go   sql/ as templates: values are parameters, lists are literals
//	assumptions.go  assumptions.yaml: time zones, goals, money
//	custom.go       metrics of people's own, in SQL
//	sql/            what each step does, in the order of run.go
//
// Invariants:
//
//   - S1: what a run costs does not grow with history. A run finds the traces that
//     have rows behind the positions of the last one, makes the sessions of those
//     and of their users anew, within days of them, and then the minutes and days
//     that these count in. Nothing reads all days.
//   - S2: a session closes at its newest end plus 30 minutes, whenever it is looked
//     at. A late span moves that instant, and the next run corrects both minutes.
//   - S3: a run may be cut off, or be run by several at once: it writes rows of its
//     own version, of keys that replace what was there, and notes its positions
//     last. A version that began later has read all that an earlier one was to.
//   - S4: days are the tenant's own; what is said of days that lie ahead of a
//     session (nobody came back within 48 hours) is said once they are over.
package scheduled
