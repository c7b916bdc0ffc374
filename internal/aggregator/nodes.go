package aggregator

import (
	"math/bits"

	"github.com/spanmill/spanmill/internal/dedup"
)

// nodes are the nodes of a window, found by their span's fingerprint: open
// addressing with linear probing. A slot is 0 (empty) or holds a node's place in
// its low bits and, in what is left of 32 bits, bits of the fingerprint's hash: a
// probe of another span then rarely has to look at the node, which is a cache
// miss. Removing shifts later slots back, so that nothing is left of what came and
// went.
type nodes struct {
	slab[node]
	slots []uint32 // a power of two
	used  int
	low   uint32 // mask of the place
	shift int    // how many bits that is
	// recent are the nodes that were asked for last: relatives come together.
	recent [2]place
}

const minNodeSlots = 1024

// newNodes makes room for so many nodes at most.
func newNodes(most int) nodes {
	shift := bits.Len(uint(most))
	return nodes{slots: make([]uint32, minNodeSlots), low: 1<<shift - 1, shift: shift}
}

func (t *nodes) mask() uint64 { return uint64(len(t.slots) - 1) }

// entry is what the slot of a node holds.
func (t *nodes) entry(fp dedup.Fingerprint, p place) uint32 {
	return uint32(fp.Hash()>>32)<<t.shift | uint32(p)
}

// find gives the place of a span's node, 0 if there is none.
func (t *nodes) find(fp dedup.Fingerprint) place {
	for _, p := range t.recent {
		if p != 0 && t.at(p).fp == fp {
			return p
		}
	}
	tag, mask := t.entry(fp, 0), t.mask()
	for i := fp.Hash() & mask; t.slots[i] != 0; i = (i + 1) & mask {
		if t.slots[i]&^t.low != tag {
			continue
		}
		if p := place(t.slots[i] & t.low); t.at(p).fp == fp {
			t.meet(p)
			return p
		}
	}
	return 0
}

func (t *nodes) meet(p place) { t.recent[0], t.recent[1] = p, t.recent[0] }

// insert adds a node for a span that has none.
func (t *nodes) insert(fp dedup.Fingerprint) place {
	if 2*(t.used+1) > len(t.slots) { // above that, closing gaps looks at many nodes
		t.grow()
	}
	p := t.take()
	t.at(p).fp = fp
	t.put(t.entry(fp, p), fp.Hash())
	t.used++
	t.meet(p)
	return p
}

func (t *nodes) put(entry uint32, hash uint64) {
	mask := t.mask()
	i := hash & mask
	for t.slots[i] != 0 {
		i = (i + 1) & mask
	}
	t.slots[i] = entry
}

func (t *nodes) grow() {
	old := t.slots
	t.slots = make([]uint32, 2*len(old))
	for _, e := range old {
		if e != 0 {
			t.put(e, t.home(e))
		}
	}
}

// home is the hash of what a slot holds.
func (t *nodes) home(entry uint32) uint64 { return t.at(place(entry & t.low)).fp.Hash() }

// remove makes that a node is found no more, if it is. It keeps its place.
func (t *nodes) remove(p place) {
	for i := range t.recent {
		if t.recent[i] == p {
			t.recent[i] = 0
		}
	}
	fp, mask := t.at(p).fp, t.mask()
	entry, gap := t.entry(fp, p), fp.Hash()&mask
	for ; t.slots[gap] != entry; gap = (gap + 1) & mask {
		if t.slots[gap] == 0 {
			return
		}
	}
	for i := (gap + 1) & mask; t.slots[i] != 0; i = (i + 1) & mask {
		if (i-t.home(t.slots[i]))&mask >= (i-gap)&mask {
			t.slots[gap] = t.slots[i]
			gap = i
		}
	}
	t.slots[gap] = 0
	t.used--
}
