// Package query holds the words of reading: what a trace looks like when it is
// asked for, what may be asked (Search and its filters), and the Reader that
// answers. Stages that read (internal/mlflow) know this package; internal/store
// is the Reader that knows tables.
//
//	reader.go   Reader: what can be asked
//	trace.go    Trace, TraceInfo, Span, Value: the answers, whole and resolved
//	search.go   Search, Order, Page and its token
//	metric.go   Metric: a metric's windows, and the points that answer it
//	filter.go   the filter as a list of clauses; parse.go, lex.go its grammar
//
// Invariants:
//
//   - Q1 Every question names its tenant, and an answer holds nothing of another
//     one's (P7).
//   - Q2 A deleted trace is as unknown as one that never was.
//   - Q3 Values come back as they were sent: an integer is not a double, a
//     string that looks like JSON is a string.
//   - Q4 A page token is made of the last row's sort keys, never of a count:
//     what arrives while somebody pages through moves nothing that is still to
//     come.
package query
