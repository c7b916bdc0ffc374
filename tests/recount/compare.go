package recount

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// Stream is what was streamed, added up.
type Stream map[Key]*rollup.Partial

// Add merges what a record of topic rollups, or a row of its table, adds.
func (s Stream) Add(k Key, p *rollup.Partial) {
	if s[k] == nil {
		s[k] = new(rollup.Partial)
	}
	s[k].Merge(p)
}

// Counted is what SQL counts of a metric; of different values it is their number.
type Counted struct{ N, Sum int64 }

// priced are the metrics of which the generator does not know what they must be,
// since it has no price book: they are held against SQL alone.
var priced = []string{"cost", "unpriced_calls"}

// mostSaid bounds the differences that are spelt out.
const mostSaid = 20

// comparison counts what it compares.
type comparison struct {
	testing.TB

	wrong                                 int
	series                                map[string]bool
	panes                                 map[int64]bool
	cells, recounted, quantiles, distinct int
}

func (c *comparison) objectf(format string, args ...any) {
	c.Helper()
	if c.wrong++; c.wrong <= mostSaid {
		c.Errorf(format, args...)
	}
}

// Compare holds the stream against what the generator knows, and against what SQL
// counts unless that is nil. It says how much it compared.
func Compare(t testing.TB, w *Want, got Stream, bySQL map[Key]Counted) {
	t.Helper()
	c := &comparison{TB: t, series: map[string]bool{}, panes: map[int64]bool{}}
	for k, want := range w.cells {
		c.cell(k, want, got[k])
	}
	for k, values := range w.different {
		c.about(k, len(values), got[k])
	}
	for k, p := range got {
		if w.cells[k] == nil && w.different[k] == nil && !p.Zero() && !slices.Contains(priced, k.metric()) {
			c.objectf("%s was never to be: %+v", k, p)
		}
	}
	if bySQL != nil {
		c.sql(got, bySQL)
	}
	t.Logf("%d spans, %d of them late: compared %d counts and sums of %d series in %d panes with the generator, %d with SQL, %d quantiles, %d distinct counts; %d are wrong",
		w.Spans, w.Late, c.cells, len(c.series), len(c.panes), c.recounted, c.quantiles, c.distinct, c.wrong)
	if c.cells < 1000 || c.quantiles < 1000 || c.distinct < 10 || bySQL != nil && c.recounted < 1000 {
		t.Error("there was little to compare")
	}
}

func (c *comparison) cell(k Key, want *cell, p *rollup.Partial) {
	c.Helper()
	c.cells++
	c.series[k.series()] = true
	var pane int64
	if _, err := fmt.Sscan(string(k)[len(k.series())+2:], &pane); err == nil {
		c.panes[pane] = true
	}
	count := int64(len(want.values))
	if p == nil {
		c.objectf("%s is not there, want %d of %d", k, count, want.sum)
		return
	}
	if p.Count != count || p.Sum != want.sum || p.Weight != count*int64(rollup.Once) || p.Estimated != want.sum {
		c.objectf("%s counts %d and sums up to %d, want %d and %d", k, p.Count, p.Sum, count, want.sum)
	}
	if p.Bounded && (p.Min != slices.Min(want.values) || p.Max != slices.Max(want.values)) {
		c.objectf("%s is from %d to %d, want %d to %d", k, p.Min, p.Max, slices.Min(want.values), slices.Max(want.values))
	}
	if form := rollup.DefinitionOf(k.metric()).Form; form == rollup.Measured {
		c.distribution(k, want, p)
	} else if (form == rollup.Bounded) != p.Bounded {
		c.objectf("%s has bounds: %t", k, p.Bounded)
	}
}

// distribution compares quantiles with the exact ones, of the same rank.
func (c *comparison) distribution(k Key, want *cell, p *rollup.Partial) {
	c.Helper()
	if p.Hist.Total() != int64(len(want.values)) {
		c.objectf("%s has a distribution of %d, want %d", k, p.Hist.Total(), len(want.values))
	}
	slices.Sort(want.values)
	for _, q := range []float64{0.5, 0.9, 0.95, 0.99} {
		exact := float64(want.values[max(1, int(math.Ceil(q*float64(len(want.values)))))-1])
		if v, _ := p.Hist.Quantile(q); math.Abs(v-exact) > rollup.QuantileError*exact {
			c.objectf("%s: quantile %g is %f, exactly %f", k, q, v, exact)
		}
		c.quantiles++
	}
}

// about compares a distinct count, which has a standard error: four of them.
func (c *comparison) about(k Key, want int, p *rollup.Partial) {
	c.Helper()
	c.distinct++
	if n := float64(want); p == nil || math.Abs(p.Distinct.Estimate()-n) > 4*rollup.DistinctError*n+0.5 {
		c.objectf("%s: %v, want about %d", k, p, want)
	}
}

// sql compares in both directions: what only one side has is a difference too.
func (c *comparison) sql(got Stream, bySQL map[Key]Counted) {
	c.Helper()
	for k, n := range bySQL {
		p := cmp.Or(got[k], new(rollup.Partial))
		if rollup.DefinitionOf(k.metric()).Form == rollup.Different {
			c.about(k, int(n.N), p)
			continue
		}
		c.recounted++
		if p.Count != n.N || p.Sum != n.Sum {
			c.objectf("%s: streamed %d and %d, by SQL %d and %d", k, p.Count, p.Sum, n.N, n.Sum)
		}
	}
	for k, p := range got {
		if _, ok := bySQL[k]; !ok && !p.Zero() {
			c.objectf("%s: streamed %d and %d, by SQL nothing", k, p.Count, p.Sum)
		}
	}
}
