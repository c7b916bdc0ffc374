package aggregator

import (
	"github.com/spanmill/spanmill/internal/dedup"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// window holds the spans of the last positions of the log, for what a span's
// relatives change: its self time (its duration without what its children
// cover), and which calls were tries of the same again. A child may come before
// its parent or after it; what was added before is corrected by the change.
//
// What is held depends on positions alone, so that a window made anew from the
// log corrects as the old one would have. It is exact for a trace whose records
// lie within reach of each other; a span that leaves without its parent's having
// come is counted as unresolved.
type window struct {
	reach int64 // offsets
	most  int   // spans
	nodes nodes
	ring  []held // a queue: first is the oldest
	first int
	// Memory to use again: nodes, families and calls that nothing refers to.
	free     []*node
	families []*family
	calls    *call
	// unresolved spans left without their parent, early ones because of most.
	unresolved, early uint64
}

// held is a span in the window.
type held struct {
	offset int64
	node   *node
	parent *node // nil: a root
}

// node is a span that is in the window, or that spans in it name as their
// parent.
type node struct {
	fp       dedup.Fingerprint
	children int32   // of it, in the window
	came     bool    // the span itself is in the window
	seen     bool    // came at any time: its children are resolved
	family   *family // nil: no child came

	bounds interval
	pane   int64
	weight rollup.Weight
	self   int64
	kind   *series
	named  *series
}

// family is what a span's children come to.
type family struct {
	under cover
	asked *call // the first of those that ask the same, each
}

// call is the first of the calls under one parent that ask the same.
type call struct {
	request uint64
	start   uint64
	fp      dedup.Fingerprint
	pane    int64
	weight  rollup.Weight
	model   *series
	next    *call
}

func newWindow(reach int64, most int) *window {
	return &window{reach: reach, most: most, nodes: newNodes()}
}

// add takes a span that is no resend, whose record is at offset; in are the
// series that it belongs to, by the place of their views.
func (w *window) add(c *catalogue, f *facts, offset int64, in []*series) {
	w.leave(offset)
	n := w.node(f.fp)
	if n.came { // a resend beyond the horizon of Rule D: another span, as in the tables
		w.nodes.remove(n)
		n = w.node(f.fp)
	}
	n.came, n.seen = true, true
	n.bounds, n.pane, n.weight = interval{f.start, f.end}, f.pane, f.weight
	n.kind, n.named = in[viewKind], in[viewComponent]
	n.self = 0
	if work := n.bounds.length(); work <= rollup.MaxValue {
		n.self = int64(work)
		if n.family != nil {
			n.self -= int64(n.family.under.covered(n.bounds))
		}
		o := rollup.Plain(n.self, n.weight)
		c.observe(n.kind, n.pane, selfTime, o)
		c.observe(n.named, n.pane, selfTime, o)
	}
	h := held{offset: offset, node: n}
	if !f.root {
		h.parent = w.node(f.parent)
		h.parent.children++
		w.child(c, h.parent, n.bounds)
		if f.request != 0 && in[viewModel] != nil {
			w.ask(c, h.parent, call{f.request, f.start, f.fp, f.pane, f.weight, in[viewModel], nil})
		}
	}
	w.ring = append(w.ring, h)
}

// child corrects the self time of a span by what a child of it covers.
func (w *window) child(c *catalogue, n *node, work interval) {
	gain := w.familyOf(n).under.add(work, n.bounds)
	if !n.came || gain == 0 || n.bounds.length() > rollup.MaxValue {
		return
	}
	before := rollup.Plain(n.self, n.weight)
	n.self -= int64(gain)
	after := rollup.Plain(n.self, n.weight)
	change := rollup.Observation{Value: after.Value - before.Value, Estimated: after.Estimated - before.Estimated}
	c.correct(n.kind, n.pane, selfTime, change)
	c.correct(n.named, n.pane, selfTime, change)
}

func (w *window) familyOf(n *node) *family {
	if n.family == nil {
		if last := len(w.families) - 1; last >= 0 {
			n.family, w.families = w.families[last], w.families[:last]
		} else {
			n.family = new(family)
		}
	}
	return n.family
}

// ask counts all calls that ask the same but the first to start as retries, in
// whatever order they come.
func (w *window) ask(c *catalogue, n *node, next call) {
	of := w.familyOf(n)
	for first := of.asked; first != nil; first = first.next {
		if first.request != next.request {
			continue
		}
		if next.start < first.start || next.start == first.start && next.fp.Less(first.fp) {
			next.next = first.next
			*first, next = next, *first
		}
		c.observe(next.model, next.pane, retries, rollup.Plain(1, next.weight))
		return
	}
	one := w.calls
	if one == nil {
		one = new(call)
	} else {
		w.calls = one.next
	}
	*one = next
	one.next, of.asked = of.asked, one
}

// leave lets go of what is out of reach from an offset.
func (w *window) leave(offset int64) {
	for w.first < len(w.ring) {
		h := &w.ring[w.first]
		far := h.offset <= offset-w.reach
		if !far && len(w.ring)-w.first < w.most {
			break
		}
		if !far {
			w.early++
		}
		w.forget(h)
		*h = held{}
		w.first++
	}
	if w.first > len(w.ring)/4 && w.first > 1024 {
		w.ring = w.ring[:copy(w.ring, w.ring[w.first:])]
		w.first = 0
	}
}

// forget lets go of one span.
func (w *window) forget(h *held) {
	h.node.came = false
	w.nodes.remove(h.node)
	w.recycle(h.node)
	p := h.parent
	if p == nil {
		return
	}
	if !p.seen {
		w.unresolved++
	}
	if p.children--; p.children == 0 && !p.came {
		w.nodes.remove(p)
		w.recycle(p)
	}
}

// recycle keeps a node that nothing refers to for its memory.
func (w *window) recycle(n *node) {
	if n.came || n.children > 0 {
		return
	}
	if of := n.family; of != nil {
		of.under = of.under[:0]
		for of.asked != nil {
			one := of.asked
			of.asked = one.next
			*one = call{next: w.calls}
			w.calls = one
		}
		w.families = append(w.families, of)
	}
	*n = node{}
	w.free = append(w.free, n)
}

// node finds or makes the node of a span.
func (w *window) node(fp dedup.Fingerprint) *node {
	n := w.nodes.find(fp)
	if n != nil {
		return n
	}
	if last := len(w.free) - 1; last >= 0 {
		n, w.free = w.free[last], w.free[:last]
	} else {
		n = new(node)
	}
	n.fp = fp
	w.nodes.insert(n)
	return n
}

// size is how many spans are held.
func (w *window) size() int { return len(w.ring) - w.first }

// forgetAll empties the window.
func (w *window) forgetAll() {
	*w = *newWindow(w.reach, w.most)
}
