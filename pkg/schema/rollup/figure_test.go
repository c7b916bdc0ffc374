package rollup

import (
	"math"
	"testing"
)

func near(a, b float64) bool { return math.Abs(a-b) < 1e-4 }

// TestKappa is held against Cohen's own arithmetic, worked by hand.
func TestKappa(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		v                Verdicts
		kappa, low, high float64
		told             bool
	}{
		{Verdicts{20, 5, 10, 15}, 0.4, 0.1250, 0.6179, true},      // 35 of 50, chance 0.5
		{Verdicts{45, 15, 25, 15}, 0.1304, -0.0826, 0.3274, true}, // 60 of 100, chance 0.54
		{Verdicts{0, 25, 25, 0}, -1, -1, -0.8573, true},           // never
		{Verdicts{15, 0, 0, 15}, 1, 0.7730, 1, true},              // always
		{Verdicts{PassPass: 40}, 0, 0, 0, false},                  // chance leaves nothing open
		{Verdicts{14, 0, 0, 15}, 0, 0, 0, false},                  // too few
		{Verdicts{}, 0, 0, 0, false},
	} {
		kappa, low, high, told := c.v.Kappa()
		if told != c.told || !near(kappa, c.kappa) || !near(low, c.low) || !near(high, c.high) {
			t.Errorf("%+v: %.4f from %.4f to %.4f, told %v", c.v, kappa, low, high, told)
		}
	}
}

func graded(values map[int64]int) *Partial {
	var p Partial
	for v, n := range values {
		for range n {
			p.Grade(Of(v, Once))
		}
	}
	return &p
}

// TestDrift: a difference with its interval and an index, each from as many
// values on as it needs, on both sides.
func TestDrift(t *testing.T) {
	t.Parallel()
	before := graded(map[int64]int{0: 100, 1_000_000: 300})
	d := DriftOf(graded(map[int64]int{0: 200, 1_000_000: 200}), before)
	// 1.96 × √(0.25/399 + 0.1875/399), but for the bucket that 1 is known by.
	if !d.Told || !d.PSITold || d.N != 400 || d.Before != 400 || d.Difference != -250_000 || math.Abs(d.High-d.Low-2*64_900) > 2000 || d.Low >= -250_000 || d.High <= -250_000 {
		t.Errorf("%+v", d)
	}
	// Bins of nothing below and of a quarter below; (½−¼)·ln 2 + (½−¾)·ln ⅔ but for the halves that are added.
	if math.Abs(d.PSI-0.2747) > 0.002 {
		t.Errorf("the index is %g", d.PSI)
	}
	for _, few := range []map[int64]int{{0: 29}, {1: 0}} {
		for _, d := range []Drift{DriftOf(graded(few), before), DriftOf(before, graded(few))} {
			if d.Told || d.PSITold || d.Difference != 0 || d.PSI != 0 || min(d.N, d.Before) != int64(few[0]) {
				t.Errorf("%+v", d)
			}
		}
	}
	if d := DriftOf(graded(map[int64]int{0: 199}), before); !d.Told || d.PSITold || d.PSI != 0 {
		t.Errorf("%+v", d)
	}
	if d := DriftOf(before, before); d.Difference != 0 || d.PSI != 0 || !d.PSITold {
		t.Errorf("against itself: %+v", d)
	}
}

// TestPSIHasTenBins, however many buckets there are: of values that are spread
// alike it says little.
func TestPSIHasTenBins(t *testing.T) {
	t.Parallel()
	even, odd, up := map[int64]int{}, map[int64]int{}, map[int64]int{}
	for i := range int64(1000) {
		even[2000*i], odd[2000*i+1000], up[2000*i+500_000] = 1, 1, 1
	}
	if alike := PSI(graded(odd).Hist, graded(even).Hist); alike > 0.02 {
		t.Errorf("alike: %g", alike)
	}
	if moved := PSI(graded(up).Hist, graded(even).Hist); moved < 0.25 {
		t.Errorf("a quarter higher: %g", moved)
	}
	taken := graded(odd).Hist
	taken.Add(BucketOf(1), -1) // out before it was put in
	if PSI(taken, graded(even).Hist) != PSI(graded(odd).Hist, graded(even).Hist) {
		t.Error("what was taken out counts")
	}
	if PSI(nil, nil) != 0 {
		t.Error("of nothing there is none")
	}
}
