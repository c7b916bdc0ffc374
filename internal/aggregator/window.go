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
	reach    int64 // offsets; a generation of series is as long
	most     int   // spans
	nodes    nodes
	families families
	// A queue through the nodes of the spans that are held.
	first, last place
	held        int
	// unresolved spans left without their parent, early ones because of most.
	unresolved, early uint64
}

// node is a span that is in the window, or that spans in it name as their
// parent. There are a hundred thousand in a partition, so what others can tell is
// not kept, and nothing in it is a pointer.
type node struct {
	fp     dedup.Fingerprint
	bounds interval
	offset int64
	weight rollup.Weight
	pane   uint32 // its start in panes
	// kind and named are the numbers of series in the generation of the offset.
	kind, named uint32

	parent   place // 0: it is a root
	next     place // in the queue
	family   place // 0: no child came
	children int32 // of it, in the window
	came     bool  // the span itself is in the window
	seen     bool  // came at any time: its children are resolved
}

// at is the start of the node's pane.
func (n *node) at() int64 { return int64(n.pane) * rollup.PaneSeconds }

// maxWindowSpans bounds how many spans may be held: the places of their nodes must
// leave room for bits of the hash in a slot.
const maxWindowSpans = 1<<26 - 1

// nodesOf is how many nodes so many spans are at most: one each, one for its
// parent, and those of the span that comes.
func nodesOf(spans int) int { return 2*spans + 2 }

func newWindow(reach int64, most int) *window {
	return &window{reach: reach, most: most, nodes: newNodes(nodesOf(most))}
}

// add takes a span that is no resend, whose record is at offset; in are the
// series that it belongs to, by the place of their views.
func (w *window) add(c *catalogue, f *facts, offset int64, in []*series) {
	w.leave(offset)
	w.settle(c)
	p := w.node(f.fp)
	if w.nodes.at(p).came { // a resend beyond the horizon of Rule D: another span, as in the tables
		w.nodes.remove(p)
		p = w.node(f.fp)
	}
	n := w.nodes.at(p)
	n.came, n.seen = true, true
	n.bounds, n.offset, n.weight, n.pane = interval{f.start, f.end}, offset, f.weight, uint32(f.pane/rollup.PaneSeconds)
	n.kind, n.named = in[viewKind].number, in[viewComponent].number
	w.enqueue(p, n)
	if work := n.bounds.length(); work <= rollup.MaxValue {
		self := int64(work)
		if n.family != 0 {
			of := w.families.at(n.family)
			of.hidden = of.under.covered(n.bounds)
			self -= int64(of.hidden)
		}
		o := rollup.Plain(self, n.weight)
		c.observe(in[viewKind], f.pane, selfTime, o)
		c.observe(in[viewComponent], f.pane, selfTime, o)
	}
	if f.root {
		return
	}
	n.parent = w.node(f.parent)
	parent := w.nodes.at(n.parent)
	parent.children++
	w.child(c, parent, n.bounds)
	if f.request != 0 && in[viewModel] != nil {
		next := call{request: f.request, start: f.start, fp: f.fp, weight: f.weight, model: in[viewModel], pane: n.pane}
		if again, is := w.families.ask(w.families.of(parent), next); is {
			c.observe(again.model, int64(again.pane)*rollup.PaneSeconds, retries, rollup.Plain(1, again.weight))
		}
	}
}

// child corrects the self time of a span by what a child of it covers.
func (w *window) child(c *catalogue, n *node, work interval) {
	of := w.families.of(n)
	gain := of.under.add(work, n.bounds)
	length := n.bounds.length()
	if !n.came || gain == 0 || length > rollup.MaxValue {
		return
	}
	before := rollup.Plain(int64(length)-int64(of.hidden), n.weight)
	of.hidden += gain
	after := rollup.Plain(int64(length)-int64(of.hidden), n.weight)
	change := rollup.Observation{Value: after.Value - before.Value, Estimated: after.Estimated - before.Estimated}
	list := c.of(n.offset / w.reach)
	c.correct(list[n.kind], n.at(), selfTime, change)
	c.correct(list[n.named], n.at(), selfTime, change)
}

// settle lets the series of the generation before go, when no span is of it.
func (w *window) settle(c *catalogue) {
	if c.before != nil && (w.first == 0 || w.nodes.at(w.first).offset/w.reach == c.generation) {
		c.release()
	}
}

func (w *window) enqueue(p place, n *node) {
	if w.first == 0 {
		w.first = p
	} else {
		w.nodes.at(w.last).next = p
	}
	w.last, n.next = p, 0
	w.held++
}

// leave lets go of what is out of reach from an offset.
func (w *window) leave(offset int64) {
	for w.first != 0 {
		far := w.nodes.at(w.first).offset <= offset-w.reach
		if !far && w.held < w.most {
			return
		}
		if !far {
			w.early++
		}
		w.forget()
	}
}

// forget lets go of the oldest span.
func (w *window) forget() {
	p := w.first
	n := w.nodes.at(p)
	w.first = n.next
	w.held--
	parent := n.parent
	n.came = false
	w.nodes.remove(p)
	w.recycle(p, n)
	if parent == 0 {
		return
	}
	n = w.nodes.at(parent)
	if !n.seen {
		w.unresolved++
	}
	if n.children--; n.children == 0 && !n.came {
		w.nodes.remove(parent)
		w.recycle(parent, n)
	}
}

// recycle keeps a node that nothing refers to for its memory.
func (w *window) recycle(p place, n *node) {
	if n.came || n.children > 0 {
		return
	}
	w.families.end(n)
	*n = node{}
	w.nodes.give(p)
}

// node finds or makes the node of a span.
func (w *window) node(fp dedup.Fingerprint) place {
	if p := w.nodes.find(fp); p != 0 {
		return p
	}
	return w.nodes.insert(fp)
}

// size is how many spans are held.
func (w *window) size() int { return w.held }

// forgetAll empties the window.
func (w *window) forgetAll() {
	*w = *newWindow(w.reach, w.most)
}
