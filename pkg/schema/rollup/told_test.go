package rollup

import (
	"math"
	"slices"
	"testing"
)

// TestWilson: the ends are the roots of (p − x)² = z²·x·(1 − x)/n, solved in
// thirty digits.
func TestWilson(t *testing.T) {
	for _, c := range []struct{ part, n, low, high float64 }{
		{0, 0, 0, 1}, {0, 10, 0, 0.277533}, {10, 10, 0.722467, 1}, {8, 10, 0.490162, 0.943318}, {50, 100, 0.403832, 0.596168}, {12, 10, 0.722467, 1},
	} {
		if low, high := Wilson(c.part, c.n); math.Abs(low-c.low) > 1e-6 || math.Abs(high-c.high) > 1e-6 {
			t.Errorf("%g of %g: %g to %g", c.part, c.n, low, high)
		}
	}
}

// TestRatesAreOfMetrics that there are, and of labels that their views have.
func TestRatesAreOfMetrics(t *testing.T) {
	for _, r := range Rates {
		for _, side := range []struct {
			of    MetricName
			where map[string]string
		}{{r.Of, r.Where}, {r.Over, r.OverWhere}} {
			i := slices.IndexFunc(Views, func(v ViewDefinition) bool { return v.Name == side.of.View })
			if i < 0 || !slices.Contains(Views[i].Metrics, side.of.Name) {
				t.Fatalf("%s: there is no %v", r.Name, side.of)
			}
			for name := range side.where {
				if !slices.Contains(Views[i].Labels, name) {
					t.Errorf("%s: %s has no label %s", r.Name, side.of.View, name)
				}
			}
		}
		if slices.ContainsFunc(Definitions, func(d Definition) bool { return d.Name == r.Name }) || r.Help == "" {
			t.Errorf("%s is a metric too, or says nothing", r.Name)
		}
	}
}

// TestWhatIsGradedCanBeTakenBack, all of it, in another partial and another order.
func TestWhatIsGradedCanBeTakenBack(t *testing.T) {
	var before, after Partial
	for _, v := range []int64{250_000, -1_000_000, 0, 250_000} {
		o := Of(v, Once)
		after.Retract(o)
		before.Grade(o)
	}
	if before.Bounded || before.Count != 4 || before.Hist.Total() != 4 {
		t.Errorf("%+v", before)
	}
	if before.Merge(&after); !before.Zero() {
		t.Errorf("left over: %+v", before)
	}
}
