// Package custom has the metrics and views that people define in metrics.yaml:
// which spans count, by a filter; what of them, by a value; and what they are told
// apart by. All three are CEL expressions over what a span tells.
//
// They are compiled, typed and bounded when the file is read, so that nothing is
// found out on the way: every expression has one type that its place demands, its
// greatest cost is known (there are no loops, and texts are cut to [MaxText] and
// [MaxContent] before an expression sees them), and errors name file, line and
// column.
//
// What spans take in and give out can be filtered and counted by, but not be told
// apart by: labels have no content (P8).
package custom
