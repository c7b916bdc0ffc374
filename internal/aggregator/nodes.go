package aggregator

import "github.com/spanmill/spanmill/internal/dedup"

// nodes finds nodes by their span's fingerprint: open addressing with linear
// probing. A slot has the fingerprint's hash beside the node, which is a cache
// miss to look at. Removing shifts later slots back, so that nothing is left of
// what came and went.
type nodes struct {
	slots []nodeSlot // a power of two
	used  int
	// recent are the nodes that were asked for last: relatives come together.
	recent [2]*node
}

type nodeSlot struct {
	hash uint64
	node *node // nil: empty
}

const minNodeSlots = 1024

func newNodes() nodes { return nodes{slots: make([]nodeSlot, minNodeSlots)} }

func (t *nodes) mask() uint64 { return uint64(len(t.slots) - 1) }

// find gives the node of a span, nil if there is none.
func (t *nodes) find(fp dedup.Fingerprint) *node {
	for _, n := range t.recent {
		if n != nil && n.fp == fp {
			return n
		}
	}
	n := t.slots[t.slot(fp)].node
	if n != nil {
		t.meet(n)
	}
	return n
}

// slot is where the node of a span is, or would be.
func (t *nodes) slot(fp dedup.Fingerprint) uint64 {
	hash := fp.Hash()
	i := hash & t.mask()
	for s := &t.slots[i]; s.node != nil && (s.hash != hash || s.node.fp != fp); s = &t.slots[i] {
		i = (i + 1) & t.mask()
	}
	return i
}

func (t *nodes) meet(n *node) { t.recent[0], t.recent[1] = n, t.recent[0] }

// insert adds the node of a span that has none.
func (t *nodes) insert(n *node) {
	if (t.used+1)*4 > len(t.slots)*3 {
		old := t.slots
		t.slots = make([]nodeSlot, 2*len(old))
		for _, s := range old {
			if s.node != nil {
				t.slots[t.slot(s.node.fp)] = s
			}
		}
	}
	t.slots[t.slot(n.fp)] = nodeSlot{n.fp.Hash(), n}
	t.used++
	t.meet(n)
}

// remove takes a node out, unless another one has its place.
func (t *nodes) remove(n *node) {
	for i := range t.recent {
		if t.recent[i] == n {
			t.recent[i] = nil
		}
	}
	gap := t.slot(n.fp)
	if t.slots[gap].node != n {
		return
	}
	mask := t.mask()
	for i := (gap + 1) & mask; t.slots[i].node != nil; i = (i + 1) & mask {
		if (i-t.slots[i].hash)&mask >= (i-gap)&mask {
			t.slots[gap] = t.slots[i]
			gap = i
		}
	}
	t.slots[gap] = nodeSlot{}
	t.used--
}
