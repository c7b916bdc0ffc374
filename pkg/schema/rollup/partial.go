package rollup

// PaneSeconds is how much event time a pane spans.
const PaneSeconds = 10

// Partial is what was added to one metric of a series in a pane. The zero value
// is nothing.
type Partial struct {
	// Count is how many observations there were, Sum what they add up to.
	Count, Sum int64
	// Weight is what the observations stand for, in millionths; Estimated is the
	// sum over all that they stand for. Unsampled: Count×1e6, and Sum.
	Weight, Estimated int64
	// Min and Max bound the observations while Bounded; corrections have none.
	Min, Max int64
	Bounded  bool

	Hist     Histogram
	Distinct Distinct
}

// Add adds an observation without its place among others.
func (p *Partial) Add(o Observation) {
	p.Count++
	p.Weight += int64(o.Weight)
	p.Correct(o)
}

// Observe adds an observation and minds its bounds.
func (p *Partial) Observe(o Observation) {
	p.Add(o)
	if !p.Bounded {
		p.Min, p.Max, p.Bounded = o.Value, o.Value, true
		return
	}
	p.Min, p.Max = min(p.Min, o.Value), max(p.Max, o.Value)
}

// Measure adds an observation, its bounds and its place in the distribution. A
// distribution is of the observations that there are, not of what they stand
// for.
func (p *Partial) Measure(o Observation) {
	p.Observe(o)
	p.Hist.Add(o.Bucket, 1)
}

// Correct changes the sum by the change of an observation that was added before,
// perhaps to another partial.
func (p *Partial) Correct(change Observation) {
	p.Sum += change.Value
	p.Estimated += change.Estimated
}

// Grade adds an observation and its place in the distribution, but no bounds: so
// all of it can be taken back.
func (p *Partial) Grade(o Observation) {
	p.Add(o)
	p.Hist.Add(o.Bucket, 1)
}

// Remove takes back what Add added, perhaps to another partial.
func (p *Partial) Remove(o Observation) {
	p.Count--
	p.Weight -= int64(o.Weight)
	p.Correct(Observation{Value: -o.Value, Estimated: -o.Estimated})
}

// Retract takes a graded or measured observation back. Min and Max cannot forget
// it.
func (p *Partial) Retract(o Observation) {
	p.Remove(o)
	p.Hist.Add(o.Bucket, -1)
}

// Merge adds what o has.
func (p *Partial) Merge(o *Partial) {
	p.Count += o.Count
	p.Sum += o.Sum
	p.Weight += o.Weight
	p.Estimated += o.Estimated
	switch {
	case o.Bounded && p.Bounded:
		p.Min, p.Max = min(p.Min, o.Min), max(p.Max, o.Max)
	case o.Bounded:
		p.Min, p.Max, p.Bounded = o.Min, o.Max, true
	}
	p.Hist.Merge(o.Hist)
	p.Distinct.Merge(o.Distinct)
}

// Zero reports whether merging p changes nothing.
func (p *Partial) Zero() bool {
	return p.Count == 0 && p.Sum == 0 && p.Weight == 0 && p.Estimated == 0 && !p.Bounded && len(p.Hist) == 0 && len(p.Distinct) == 0
}

// Reset makes p nothing and keeps its memory.
func (p *Partial) Reset() {
	*p = Partial{Hist: p.Hist[:0], Distinct: p.Distinct[:0]}
}

// PaneOf is the pane of an instant, as Unix seconds of its start.
func PaneOf(unixNano uint64) int64 {
	seconds := int64(unixNano / 1_000_000_000)
	return seconds - seconds%PaneSeconds
}
