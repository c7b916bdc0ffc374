// Package rollup holds the additive contents of metrics: what spans add to a
// series in a pane, how two of them become one, and how they travel.
//
//   - A series is a view, a tenant and label values; views say which there are.
//   - A pane is [PaneSeconds] of event time.
//   - A [Partial] is what was added to one metric of one series in one pane. A
//     pane's content is the merge of all its partials, in whatever order they
//     come, so a late span is a partial for an old pane and nothing is held back.
//
// Everything in a partial is an integer, merged by addition (counts, sums,
// histogram buckets) or by the greater value (maxima, distinct registers), so
// that merging is exact, commutative and associative: the stream equals its
// recount to the last digit (P4). SQL merges the same columns with sum, min,
// max, sumMap and maxMap. Addition wraps at 64 bits, as two's complement does;
// contributions beyond [MaxValue] are refused by whoever makes them.
//
// Two things are estimates, with errors that their tests hold them to:
//
//   - a quantile is within [QuantileError] of the exact one, relatively, and
//     exact where min and max bound it;
//   - a distinct count has a relative standard error of [DistinctError].
//
// A correction (of a parent's self time, when a child arrives; of an assessment
// that was replaced) is a partial like any other, with negative numbers.
package rollup
