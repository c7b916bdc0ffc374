package live

import (
	"encoding/binary"

	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// entry is what one metric has in a pane. Metrics are numbers here; see names.
type entry struct {
	metric uint32
	rollup.Partial
}

// A pane is packed as its entries, one after the other:
//
//	metric, length of the rest, has, count, sum, …   as the bits of has say
//
// all in varints, so that most panes of most series take a few dozen bytes.
const (
	hasBounds   = 1 << iota // min, max − min
	hasWeight               // weight, estimated: other than count and sum give
	hasHist                 // number, then index (as a difference) and count of each
	hasDistinct             // number, then index (as a difference) and rank of each
)

// packer packs panes; its buffer is used again.
type packer struct{ body []byte }

// append adds the packed entries to b, without those that say nothing.
func (k *packer) append(b []byte, entries []entry) []byte {
	for i := range entries {
		e := &entries[i]
		if e.Zero() {
			continue
		}
		k.body = appendPartial(k.body[:0], &e.Partial)
		b = binary.AppendUvarint(b, uint64(e.metric))
		b = binary.AppendUvarint(b, uint64(len(k.body)))
		b = append(b, k.body...)
	}
	return b
}

func appendPartial(b []byte, p *rollup.Partial) []byte {
	var has byte
	if p.Bounded {
		has |= hasBounds
	}
	if p.Weight != p.Count*int64(rollup.Once) || p.Estimated != p.Sum {
		has |= hasWeight
	}
	if len(p.Hist) > 0 {
		has |= hasHist
	}
	if len(p.Distinct) > 0 {
		has |= hasDistinct
	}
	b = append(b, has)
	b = binary.AppendVarint(binary.AppendVarint(b, p.Count), p.Sum)
	if has&hasBounds != 0 {
		b = binary.AppendVarint(binary.AppendVarint(b, p.Min), p.Max-p.Min)
	}
	if has&hasWeight != 0 {
		b = binary.AppendVarint(binary.AppendVarint(b, p.Weight), p.Estimated)
	}
	if has&hasHist != 0 {
		b = binary.AppendUvarint(b, uint64(len(p.Hist)))
		last := int64(0)
		for _, x := range p.Hist {
			b = binary.AppendUvarint(binary.AppendVarint(b, int64(x.Index)-last), x.Count)
			last = int64(x.Index)
		}
	}
	if has&hasDistinct != 0 {
		b = binary.AppendUvarint(b, uint64(len(p.Distinct)))
		last := uint16(0)
		for _, x := range p.Distinct {
			b = append(binary.AppendUvarint(b, uint64(x.Index-last)), x.Rank)
			last = x.Index
		}
	}
	return b
}

// unpacker reads what packer writes; it is only given that.
type unpacker struct{ b []byte }

func (u *unpacker) uint() uint64 {
	v, n := binary.Uvarint(u.b)
	u.b = u.b[n:]
	return v
}

func (u *unpacker) int() int64 {
	v, n := binary.Varint(u.b)
	u.b = u.b[n:]
	return v
}

func (u *unpacker) byte() byte {
	c := u.b[0]
	u.b = u.b[1:]
	return c
}

// next gives the next entry's metric and what is packed of it.
func (u *unpacker) next() (metric uint32, body unpacker) {
	metric = uint32(u.uint())
	n := u.uint()
	body.b = u.b[:n]
	u.b = u.b[n:]
	return metric, body
}

// mergeInto adds a packed partial to p.
func (u *unpacker) mergeInto(p *rollup.Partial) {
	has := u.byte()
	var o rollup.Partial
	o.Count, o.Sum = u.int(), u.int()
	if o.Bounded = has&hasBounds != 0; o.Bounded {
		o.Min = u.int()
		o.Max = o.Min + u.int()
	}
	o.Weight, o.Estimated = o.Count*int64(rollup.Once), o.Sum
	if has&hasWeight != 0 {
		o.Weight, o.Estimated = u.int(), u.int()
	}
	p.Merge(&o)
	if has&hasHist != 0 {
		u.mergeHist(&p.Hist)
	}
	if has&hasDistinct != 0 {
		last := uint16(0)
		for n := u.uint(); n > 0; n-- {
			last += uint16(u.uint())
			p.Distinct.Add(rollup.Register{Index: last, Rank: u.byte()})
		}
	}
}

// mergeHist adds packed buckets; to an empty histogram they are just appended.
func (u *unpacker) mergeHist(h *rollup.Histogram) {
	empty, last := len(*h) == 0, int64(0)
	for n := u.uint(); n > 0; n-- {
		last += u.int()
		if count := u.uint(); empty {
			*h = append(*h, rollup.Bucket{Index: int16(last), Count: count})
		} else {
			h.Add(int16(last), int64(count))
		}
	}
}

// mergeMetric adds what a packed pane has of one metric to p.
func mergeMetric(p *rollup.Partial, pane []byte, metric uint32) {
	u := unpacker{pane}
	for len(u.b) > 0 {
		if m, body := u.next(); m == metric {
			body.mergeInto(p)
		}
	}
}

// content is an unpacked pane. Its memory is used again.
type content struct{ entries []entry }

// find gives the partial of a metric, nil if there is none.
func (c *content) find(metric uint32) *rollup.Partial {
	for i := range c.entries {
		if c.entries[i].metric == metric {
			return &c.entries[i].Partial
		}
	}
	return nil
}

// of gives the partial of a metric, a new one if there is none.
func (c *content) of(metric uint32) *rollup.Partial {
	if p := c.find(metric); p != nil {
		return p
	}
	n := len(c.entries)
	if n < cap(c.entries) { // what was reset before is there, with its memory
		c.entries = c.entries[:n+1]
		c.entries[n].Reset()
	} else {
		c.entries = append(c.entries, entry{})
	}
	c.entries[n].metric = metric
	return &c.entries[n].Partial
}

// merge adds a packed pane.
func (c *content) merge(pane []byte) {
	u := unpacker{pane}
	for len(u.b) > 0 {
		m, body := u.next()
		body.mergeInto(c.of(m))
	}
}

func (c *content) reset() { c.entries = c.entries[:0] }
