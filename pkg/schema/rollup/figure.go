package rollup

import "math"

// Figure is worked out of a metric in another way than by adding up, so figures
// of two windows say nothing of both together.
type Figure struct {
	Name string     `json:"name"`
	Of   MetricName `json:"of"`
	Unit string     `json:"unit"`
	Help string     `json:"help"`
}

// Names of figures.
const (
	JudgeHumanKappa = "judge_human_kappa"
	ScoreDrift      = "score_drift"
)

// Figures are the shipped ones. A name never changes its meaning.
var Figures = []Figure{
	{JudgeHumanKappa, MetricName{"verdicts", "verdict_pairs"}, "kappa", "How far people and judges agree beyond chance: Cohen's kappa of the traces where both gave a verdict; told from 30 of them on."},
	{ScoreDrift, MetricName{"assessment", "score"}, "score", "Mean score less that of the same window a week before; told from 30 scores on in both, the population stability index from 200 on."},
}

// Enough is how many observations there are at least where a figure is told.
const Enough = 30

// EnoughForPSI is likewise of the population stability index: of ten bins and n
// values on either side chance alone makes about 18/n.
const EnoughForPSI = 200

// Verdicts are how often people and judges passed or failed the same traces: the
// first word is the person's.
type Verdicts struct{ PassPass, PassFail, FailPass, FailFail int64 }

// Labels of verdicts, and what they say.
const (
	LabelHuman  = "human"
	LabelJudge  = "judge"
	VerdictPass = "pass"
	VerdictFail = "fail"
)

// Add adds traces of which a person and a judge say something; words that are no
// verdicts count for nothing.
func (v *Verdicts) Add(human, judge string, n int64) {
	switch [2]string{human, judge} {
	case [2]string{VerdictPass, VerdictPass}:
		v.PassPass += n
	case [2]string{VerdictPass, VerdictFail}:
		v.PassFail += n
	case [2]string{VerdictFail, VerdictPass}:
		v.FailPass += n
	case [2]string{VerdictFail, VerdictFail}:
		v.FailFail += n
	}
}

// N is how many traces there are.
func (v *Verdicts) N() int64 { return v.PassPass + v.PassFail + v.FailPass + v.FailFail }

// Agreed is on how many of them both say the same.
func (v *Verdicts) Agreed() int64 { return v.PassPass + v.FailFail }

// ByChance is the share on which they would agree if either said what it does as
// often, but of any trace.
func (v *Verdicts) ByChance() float64 {
	n := float64(v.N())
	human, judge := float64(v.PassPass+v.PassFail)/n, float64(v.PassPass+v.FailPass)/n
	return human*judge + (1-human)*(1-judge)
}

// Kappa is Cohen's: the part of what chance leaves open on which they agree. Its
// interval is Wilson's of the agreement, with chance as it is. false: there are
// too few traces, or chance leaves nothing open.
func (v *Verdicts) Kappa() (kappa, low, high float64, told bool) {
	n := float64(v.N())
	if n < Enough {
		return 0, 0, 0, false
	}
	chance := v.ByChance()
	if chance >= 1 {
		return 0, 0, 0, false
	}
	beyond := func(agreement float64) float64 { return (agreement - chance) / (1 - chance) }
	low, high = Wilson(float64(v.Agreed()), n)
	return beyond(float64(v.Agreed()) / n), beyond(low), beyond(high), true
}

// Drift is how values differ from those of another time, in the metric's small
// unit.
type Drift struct {
	N, Before        int64 // how many there are
	Mean, MeanBefore float64
	// Difference is of the means; with a confidence of 95 % it is from Low to High.
	Difference, Low, High float64
	Told                  bool // false: there are too few, and nothing but how many is told
	PSI                   float64
	PSITold               bool
}

// DriftOf compares distributions.
func DriftOf(now, before *Partial) Drift {
	d := Drift{N: max(now.Count, 0), Before: max(before.Count, 0)}
	if d.Told = min(d.N, d.Before) >= Enough; !d.Told {
		return d
	}
	n, m := float64(d.N), float64(d.Before)
	d.Mean, d.MeanBefore = float64(now.Sum)/n, float64(before.Sum)/m
	d.Difference = d.Mean - d.MeanBefore
	half := z * math.Sqrt(now.Hist.Variance()/n+before.Hist.Variance()/m)
	d.Low, d.High = d.Difference-half, d.Difference+half
	if d.PSITold = min(d.N, d.Before) >= EnoughForPSI; d.PSITold {
		d.PSI = PSI(now.Hist, before.Hist)
	}
	return d
}

// count is how many there are; of what was taken out before it was put in, none.
func (b Bucket) count() float64 { return float64(max(int64(b.Count), 0)) }

// psiBins is how many bins values are put into.
const psiBins = 10

// PSI is the population stability index of values against those before. A value
// is in the bin of how many tenths of those before lie in buckets below its own;
// half a value is added to every bin that has any, so that an empty one can be
// divided by.
func PSI(now, before Histogram) (index float64) {
	var is, was [psiBins]float64
	total := 0.0
	for _, b := range before {
		total += b.count()
	}
	below, i := 0.0, 0
	bin := func(at int16) int {
		for ; i < len(before) && before[i].Index < at; i++ {
			below += before[i].count()
		}
		return min(int(psiBins*below/math.Max(total, 1)), psiBins-1)
	}
	for _, b := range before {
		was[bin(b.Index)] += b.count()
	}
	below, i = 0, 0
	n := 0.0
	for _, b := range now {
		is[bin(b.Index)] += b.count()
		n += b.count()
	}
	bins := 0.0
	for k := range is {
		if is[k]+was[k] > 0 {
			bins++
		}
	}
	for k := range is {
		if is[k]+was[k] > 0 {
			p, q := (was[k]+0.5)/(total+bins/2), (is[k]+0.5)/(n+bins/2)
			index += (q - p) * math.Log(q/p)
		}
	}
	return index
}
