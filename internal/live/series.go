package live

import (
	"slices"

	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// series is one series' panes. The one that was added to last is unpacked; its
// cell is empty meanwhile.
type series struct {
	rollup.Series

	tiers  [tierCount]cells
	hot    content
	hotAt  int64 // start of the unpacked pane
	hotIn  int   // its tier
	isHot  bool
	latest int64 // start of the newest pane that was added to
	// totals are what was counted for Prometheus, packed, and fresh what was
	// counted since they were.
	totals []byte
	fresh  content
	size   int64 // bytes, of totals and all cells
}

// open gives the content of a pane, for additions.
func (x *series) open(s *Store, tier int, start int64) *content {
	if x.isHot && x.hotIn == tier && x.hotAt == start {
		return &x.hot
	}
	x.cool(s)
	x.settle(s)
	list := x.tiers[tier]
	i := list.find(start)
	if i == len(list) || list[i].start != start {
		x.tiers[tier] = slices.Insert(list, i, cell{start: start})
		x.grow(s, cellBytes)
	} else {
		c := &list[i]
		x.hot.merge(c.data)
		x.grow(s, -int64(cap(c.data)))
		c.data = nil
	}
	x.isHot, x.hotAt, x.hotIn = true, start, tier
	return &x.hot
}

// cool packs the unpacked pane.
func (x *series) cool(s *Store) {
	if !x.isHot {
		return
	}
	list := x.tiers[x.hotIn]
	c := &list[list.find(x.hotAt)]
	c.data = s.packed(x.hot.entries)
	x.grow(s, int64(cap(c.data)))
	x.hot.reset()
	x.isHot = false
}

// packed packs entries into bytes of their own.
func (s *Store) packed(entries []entry) []byte {
	s.packing = s.pack.append(s.packing[:0], entries)
	return append([]byte(nil), s.packing...)
}

func (x *series) grow(s *Store, by int64) {
	x.size += by
	s.bytes += by
}

// count adds to the totals.
func (x *series) count(s *Store, metrics []rollup.Metric) {
	for i := range metrics {
		p := x.fresh.of(s.metrics.number(metrics[i].Name))
		p.Merge(&metrics[i].Partial)
		p.Distinct = nil // a count of different values is of a window
	}
}

// settle packs the totals.
func (x *series) settle(s *Store) {
	if len(x.fresh.entries) == 0 {
		return
	}
	s.scratch.reset()
	s.scratch.merge(x.totals)
	for i := range x.fresh.entries {
		e := &x.fresh.entries[i]
		s.scratch.of(e.metric).Merge(&e.Partial)
	}
	x.grow(s, -int64(cap(x.totals)))
	x.totals = s.packed(s.scratch.entries)
	x.grow(s, int64(cap(x.totals)))
	x.fresh.reset()
}

// total gives a metric's total; false: nothing was counted.
func (x *series) total(metric uint32) (p rollup.Partial, ok bool) {
	mergeMetric(&p, x.totals, metric)
	if f := x.fresh.find(metric); f != nil {
		p.Merge(f)
	}
	return p, !p.Zero()
}

// coolAfter is how many seconds a pane stays unpacked that nothing is added to.
const coolAfter = 60

// fold moves panes to where they belong by now.
func (x *series) fold(s *Store) {
	if x.isHot && x.hotAt+coolAfter < s.now {
		x.cool(s)
		x.settle(s)
		x.hot, x.fresh = content{}, content{}
	}
	for t := range x.tiers {
		list := x.tiers[t]
		n := list.find(s.edges[t])
		if n == 0 {
			continue
		}
		x.cool(s)
		for i := 0; i < n; {
			i = x.move(s, t, i, n)
		}
		for _, c := range list[:n] {
			x.grow(s, -int64(cap(c.data)+cellBytes))
		}
		x.tiers[t] = slices.Delete(list, 0, n)
		if cap(x.tiers[t]) > 2*len(x.tiers[t])+8 {
			x.tiers[t] = slices.Clone(x.tiers[t])
		}
	}
}

// move adds the i-th pane of a tier, and those behind it that become one with it,
// to the tier where they belong by now. It gives the place of the next one.
func (x *series) move(s *Store, tier, i, n int) int {
	list := x.tiers[tier]
	start := list[i].start
	to := s.edges.tier(start)
	if to == tierCount {
		return i + 1
	}
	start -= start % widths[to]
	s.scratch.reset()
	for ; i < n && list[i].start < start+widths[to]; i++ {
		s.scratch.merge(list[i].data)
	}
	into := x.tiers[to]
	j := into.find(start)
	if j == len(into) || into[j].start != start {
		into = slices.Insert(into, j, cell{start: start})
		x.tiers[to] = into
		x.grow(s, cellBytes)
	}
	c := &into[j]
	s.scratch.merge(c.data)
	x.grow(s, -int64(cap(c.data)))
	c.data = s.packed(s.scratch.entries)
	x.grow(s, int64(cap(c.data)))
	return i
}

// empty reports whether there is no pane.
func (x *series) empty() bool {
	for _, list := range x.tiers {
		if len(list) > 0 {
			return false
		}
	}
	return true
}

// add adds what the series has of a metric in [from, to) to p.
func (x *series) add(p *rollup.Partial, metric uint32, from, to int64) {
	for _, list := range x.tiers {
		for i := list.find(from); i < len(list) && list[i].start < to; i++ {
			mergeMetric(p, list[i].data, metric)
		}
	}
	if x.isHot && x.hotAt >= from && x.hotAt < to {
		for i := range x.hot.entries {
			if e := &x.hot.entries[i]; e.metric == metric {
				p.Merge(&e.Partial)
			}
		}
	}
}
