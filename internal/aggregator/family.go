package aggregator

import (
	"github.com/spanmill/spanmill/internal/dedup"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// family is what a span's children come to.
type family struct {
	under  cover
	hidden uint64 // how much of the span they cover
	asked  place  // the first of the calls that ask the same, each
	asks   int    // how many those are
}

// mostAsks bounds them: they are looked through for each call that comes, and a
// parent whose children never end must not stop everybody's metrics.
const mostAsks = 1 << 10

// call is the first of the calls under one parent that ask the same.
type call struct {
	request uint64
	start   uint64
	fp      dedup.Fingerprint
	weight  rollup.Weight
	model   *series
	pane    uint32
	next    place
}

// before orders calls by when they started.
func (k call) before(o *call) bool {
	return k.start < o.start || k.start == o.start && k.fp.Less(o.fp)
}

// families are what the children of nodes come to, and what they asked.
type families struct {
	slab[family]
	calls slab[call]
}

// of gives the family of a node, an empty one if it had none.
func (s *families) of(n *node) *family {
	if n.family == 0 {
		n.family = s.take()
	}
	return s.at(n.family)
}

// ask gives the call that is a retry: all that ask the same but the first to start
// are, in whatever order they come. false: no other asked the same. A parent's
// calls beyond mostAsks different ones are compared with those and not held.
func (s *families) ask(of *family, next call) (again call, is bool) {
	for p := of.asked; p != 0; p = s.calls.at(p).next {
		first := s.calls.at(p)
		if first.request != next.request {
			continue
		}
		if next.before(first) {
			next.next = first.next
			*first, next = next, *first
		}
		return next, true
	}
	if of.asks >= mostAsks {
		return call{}, false
	}
	of.asks++
	p := s.calls.take()
	next.next, of.asked = of.asked, p
	*s.calls.at(p) = next
	return call{}, false
}

// end forgets the family of a node; its memory is used again.
func (s *families) end(n *node) {
	if n.family == 0 {
		return
	}
	of := s.at(n.family)
	for p := of.asked; p != 0; {
		one := s.calls.at(p)
		next := one.next
		*one = call{}
		s.calls.give(p)
		p = next
	}
	*of = family{under: of.under[:0]}
	s.give(n.family)
	n.family = 0
}
