package alerts

import (
	"math"

	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// standardError is that of a group's mean, in the metric's unit; false: it
// cannot be told, since nothing says how the values are distributed.
func standardError(m Metric, g *group) (float64, bool) {
	n := float64(g.Count)
	if n <= 0 {
		return 0, false
	}
	if rollup.DefinitionOf(m.Name).Form == rollup.Share {
		// As if two more were of each sort: none of a few is no proof of none.
		p := (float64(g.Sum) + 2) / (n + 4)
		return math.Sqrt(p * (1 - p) / n), true
	}
	if g.Hist.Total() <= 0 {
		return 0, false
	}
	return math.Sqrt(g.Hist.Variance()/n) * rollup.DefinitionOf(m.Name).Scale, true
}

// surelyBeyond reports whether a group's value is beyond the rule's bounds by more
// than chance explains.
func (r *Rule) surelyBeyond(value float64, g *group) bool {
	if r.Sure == 0 || !r.beyond(value) {
		return r.beyond(value)
	}
	e, known := standardError(r.Of, g)
	low, high := value-r.Sure*e, value+r.Sure*e
	if rollup.DefinitionOf(r.Of.Name).Form == rollup.Share {
		low, high = rollup.Interval(float64(g.Sum), float64(g.Count), r.Sure)
	}
	return known && (r.Above.Set && low > r.Above.Limit || r.Below.Set && high < r.Below.Limit)
}

// surelyOther reports whether two groups' means differ by more than chance
// explains.
func (r *Rule) surelyOther(then, now *group, difference float64) bool {
	if r.Sure == 0 {
		return true
	}
	a, known := standardError(r.Of, then)
	b, ok := standardError(r.Of, now)
	return known && ok && math.Abs(difference) > r.Sure*math.Hypot(a, b)
}
