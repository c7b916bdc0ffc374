// Package scheduled makes the metrics that no stream can add up: of sessions,
// which close; of users, who come back; of what all of it is worth. It runs SQL
// over the tables every quarter of a minute, and writes what comes of it into
// tables of its own, which views sessions, users, metrics_1m and metrics_1h, the
// live API, Prometheus, alerts and the report read.
//
//	scheduled.go    the loop: when a run is due, where it begins
//	positions.go    how far into the tables runs have read
//	days.go         which days a run looks at
//	run.go          one run: what has changed, day by day, then the metrics
//	statements.go   sql/ as templates: values are parameters, lists are literals
//	assumptions.go  assumptions.yaml: time zones, goals, money
//	custom.go       metrics of people's own, in SQL
//	sql/            what each step does, in the order of run.go
//
// Invariants:
//
//   - S1: what a run costs does not grow with history. Where it begins is found by
//     the index on offsets: heads and touched read what is behind the positions of
//     the last run, on recent days: looking through the index of all days grows with
//     them. A sweep reads older days, from the positions of the last sweep, as those
//     of runs have moved past rows there: each hour, when a process has begun, and
//     when the server says that older days were given something (look). So a row
//     on an old day is an hour late at most, and none is missed (TestRowsOnOldDays).
//     On which days the traces lie that an assessment, an event or a deletion is
//     about is looked up by their hash (trace_days). Sessions, users and traces are
//     read by days, within nine of those that changed (members to gone); the minutes
//     made anew are those in which sessions close that differ from what was known
//     (differing), and the days made anew look back 58. FINAL would read all days of
//     a table whose key does not have the day: the settings of these statements say
//     that a key has one (store.Scheduled). Of users alone all days are read
//     (firsts), by their key, of those that the run is about.
//   - S2: a session closes at its newest end plus 30 minutes, whenever it is looked
//     at. A late span moves that instant, and the next run corrects both minutes.
//   - S3: a run may be cut off, stand still, or be run by several at once: what it
//     leaves is as if it had not been there. It writes rows of its own version, of
//     keys that replace what was there, and notes its positions last. Where a later
//     run has begun its statements fail (mine): that one read what it did not, and
//     takes what it left for unknown. And a run begins only when the server is at no
//     statement of another (underway), so that it sees all that was written. Of
//     replicas each knows its own statements only.
//   - S4: days are the tenant's own; what is said of days that lie ahead of a
//     session (nobody came back within 48 hours) is said once they are over.
package scheduled
