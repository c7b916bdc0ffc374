package rollup

import (
	"errors"
	"fmt"
	"math"
)

// Version is the format of a record of topic rollups; it is the record's first
// number, and what is old decodes for ever.
const Version = 1

// A record is Version and then rollups up to its end, in msgpack:
//
//	rollup   [tenant, view, eval, [name, value, …], [pane, …]]
//	pane     [start/PaneSeconds, [metric, …]]
//	metric   [name, has, count, sum, …]  what follows is as the bits of has say
const (
	hasBounds    = 1 << iota // min, max
	hasWeight                // weight, estimated: other than count and sum give
	hasHist                  // [index, count, …]
	hasDistinct              // [index, rank, …]
	hasAll       = 1<<iota - 1
	metricFields = 4
)

// AppendHeader begins a record.
func AppendHeader(b []byte) []byte { return appendUint(b, Version) }

// Append adds a rollup to a record.
func Append(b []byte, r *Rollup) []byte {
	b = AppendSeries(b, &r.Series)
	b = appendArray(b, len(r.Panes))
	for i := range r.Panes {
		b = AppendPane(b, r.Panes[i].Start, len(r.Panes[i].Metrics))
		for j := range r.Panes[i].Metrics {
			m := &r.Panes[i].Metrics[j]
			b = AppendMetric(b, m.Name, &m.Partial)
		}
	}
	return b
}

// AppendSeries is, with AppendPanes, AppendPane and AppendMetric, Append in
// pieces, for those who hold no Rollup: after the series the number of panes,
// after a pane so many metrics as were said.
func AppendSeries(b []byte, s *Series) []byte {
	b = appendArray(b, 5)
	b = appendText(b, s.Tenant)
	b = appendText(b, s.View)
	eval := int64(0)
	if s.Eval {
		eval = 1
	}
	b = appendInt(b, eval)
	b = appendArray(b, 2*len(s.Labels))
	for _, l := range s.Labels {
		b = appendText(appendText(b, l.Name), l.Value)
	}
	return b
}

// AppendPanes says how many panes follow; see AppendSeries.
func AppendPanes(b []byte, n int) []byte { return appendArray(b, n) }

// AppendPane says how many metrics follow; see AppendSeries.
func AppendPane(b []byte, start int64, metrics int) []byte {
	b = appendArray(b, 2)
	b = appendInt(b, start/PaneSeconds)
	return appendArray(b, metrics)
}

// AppendMetric adds one metric; see AppendSeries.
func AppendMetric(b []byte, name string, p *Partial) []byte {
	has, fields := 0, metricFields
	if p.Bounded {
		has, fields = has|hasBounds, fields+2
	}
	if p.Weight != p.Count*int64(Once) || p.Estimated != p.Sum {
		has, fields = has|hasWeight, fields+2
	}
	if len(p.Hist) > 0 {
		has, fields = has|hasHist, fields+1
	}
	if len(p.Distinct) > 0 {
		has, fields = has|hasDistinct, fields+1
	}
	b = appendArray(b, fields)
	b = appendText(b, name)
	b = appendInt(b, int64(has))
	b = appendInt(appendInt(b, p.Count), p.Sum)
	if has&hasBounds != 0 {
		b = appendInt(appendInt(b, p.Min), p.Max)
	}
	if has&hasWeight != 0 {
		b = appendInt(appendInt(b, p.Weight), p.Estimated)
	}
	if has&hasHist != 0 {
		b = appendArray(b, 2*len(p.Hist))
		for _, x := range p.Hist {
			b = appendUint(appendInt(b, int64(x.Index)), x.Count)
		}
	}
	if has&hasDistinct != 0 {
		b = appendArray(b, 2*len(p.Distinct))
		for _, x := range p.Distinct {
			b = appendUint(appendUint(b, uint64(x.Index)), uint64(x.Rank))
		}
	}
	return b
}

// ErrVersion says that the record's format is one that this binary does not know.
var ErrVersion = errors.New("unknown version")

// Decode shows visit the rollups of a record, in order, and ends with visit's
// first error. What visit is given is its own.
func Decode(value []byte, visit func(*Rollup) error) error {
	return decode(&unpacker{b: value}, visit, func() *Rollup { return new(Rollup) })
}

// Scanner decodes record after record with the same memory. The zero value is
// ready.
type Scanner struct {
	rollup Rollup
	words  map[string]string
}

// maxWords bounds the words that a scanner remembers, so that they are allocated
// once.
const maxWords = 100_000

// Scan is Decode, but for this: what visit is given, other than strings, lasts
// until it returns.
func (s *Scanner) Scan(value []byte, visit func(*Rollup) error) error {
	if s.words == nil || len(s.words) > maxWords {
		s.words = make(map[string]string)
	}
	return decode(&unpacker{b: value, words: s.words}, visit, func() *Rollup { return &s.rollup })
}

func decode(u *unpacker, visit func(*Rollup) error, next func() *Rollup) error {
	if v := u.int(); u.err == nil && v != Version {
		return fmt.Errorf("decode rollups: %w %d, this binary knows %d", ErrVersion, v, Version)
	}
	for u.err == nil && len(u.b) > 0 {
		r := next()
		u.rollup(r)
		if u.err != nil {
			break
		}
		if err := visit(r); err != nil {
			return err
		}
	}
	if u.err != nil {
		return fmt.Errorf("decode rollups: %w", u.err)
	}
	return nil
}

// fields reads an array that must have n elements.
func (u *unpacker) fields(n int, what string) {
	if got := u.array(); got != n {
		u.fail(fmt.Errorf("a %s has %d fields, want %d", what, got, n))
	}
}

// pairs reads the length of an array of pairs.
func (u *unpacker) pairs() int {
	n := u.array()
	if n%2 != 0 {
		u.fail(errors.New("an odd number in a list of pairs"))
		return 0
	}
	return n / 2
}

func (u *unpacker) rollup(r *Rollup) {
	u.fields(5, "rollup")
	r.Tenant, r.View = u.text(), u.text()
	r.Eval = u.within(0, 1) == 1
	r.Labels, r.Panes = r.Labels[:0], r.Panes[:0]
	for range u.pairs() {
		r.Labels = append(r.Labels, Label{u.text(), u.text()})
	}
	for range u.array() {
		u.pane(another(&r.Panes))
	}
}

// another gives a slice one more element: what was there before, with its
// memory, if there is room.
func another[T any](list *[]T) *T {
	if n := len(*list); n < cap(*list) {
		*list = (*list)[:n+1]
	} else {
		var zero T
		*list = append(*list, zero)
	}
	return &(*list)[len(*list)-1]
}

func (u *unpacker) pane(p *Pane) {
	u.fields(2, "pane")
	p.Start = u.within(0, math.MaxUint32) * PaneSeconds
	p.Metrics = p.Metrics[:0]
	for range u.array() {
		u.metric(another(&p.Metrics))
	}
}

func (u *unpacker) metric(m *Metric) {
	m.Reset()
	fields := u.array()
	m.Name = u.text()
	has := u.within(0, hasAll)
	m.Count, m.Sum = u.int(), u.int()
	m.Weight, m.Estimated = m.Count*int64(Once), m.Sum
	want := metricFields
	if m.Bounded = has&hasBounds != 0; m.Bounded {
		m.Min, m.Max = u.int(), u.int()
		want += 2
	}
	if has&hasWeight != 0 {
		m.Weight, m.Estimated = u.int(), u.int()
		want += 2
	}
	if has&hasHist != 0 {
		u.hist(&m.Hist)
		want++
	}
	if has&hasDistinct != 0 {
		u.distinct(&m.Distinct)
		want++
	}
	if fields != want {
		u.fail(fmt.Errorf("a metric has %d fields, want %d", fields, want))
	}
}

func (u *unpacker) hist(h *Histogram) {
	last := int64(math.MinInt16) - 1
	for range u.pairs() {
		last = u.within(last+1, math.MaxInt16)
		*h = append(*h, Bucket{int16(last), uint64(u.int())})
	}
}

func (u *unpacker) distinct(d *Distinct) {
	last := int64(-1)
	for range u.pairs() {
		last = u.within(last+1, registers-1)
		*d = append(*d, Register{uint16(last), uint8(u.within(1, maxRank))})
	}
}
