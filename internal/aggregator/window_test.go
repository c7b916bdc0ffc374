package aggregator

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/spanmill/spanmill/internal/dedup"
	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// plainWindow is what a window is, said with maps and lists: nothing is corrected,
// all is worked out anew.
type plainWindow struct {
	reach             int64
	most              int
	nodes             map[dedup.Fingerprint]*plainNode
	queue             []plainHeld
	unresolved, early uint64
	told              map[string]rollup.Partial // what was added, by series, pane and metric
}

type plainHeld struct {
	offset       int64
	node, parent *plainNode
}

type plainNode struct {
	fp          dedup.Fingerprint
	came, seen  bool
	children    int
	work        interval
	below       []interval // the work of all children that came
	first       map[uint64]plainCall
	weight      rollup.Weight
	kind, named string // series and pane
	self        int64
	told        bool // self was
}

type plainCall struct {
	start  uint64
	fp     dedup.Fingerprint
	model  string
	weight rollup.Weight
}

func (w *plainWindow) node(fp dedup.Fingerprint) *plainNode {
	if w.nodes[fp] == nil {
		w.nodes[fp] = &plainNode{fp: fp, first: map[uint64]plainCall{}}
	}
	return w.nodes[fp]
}

func (w *plainWindow) tell(key string, change func(p *rollup.Partial)) {
	p := w.told[key]
	change(&p)
	w.told[key] = p
}

func (w *plainWindow) add(f *facts, offset int64, kind, named, model string) {
	for len(w.queue) > 0 && (w.queue[0].offset <= offset-w.reach || len(w.queue) >= w.most) {
		w.forget(w.queue[0].offset > offset-w.reach)
	}
	n := w.node(f.fp)
	if n.came {
		delete(w.nodes, f.fp)
		n = w.node(f.fp)
	}
	n.came, n.seen, n.work, n.weight, n.kind, n.named = true, true, interval{f.start, f.end}, f.weight, kind, named
	w.count(n)
	h := plainHeld{offset, n, nil}
	if !f.root {
		p := w.node(f.parent)
		h.parent = p
		p.children++
		p.below = append(p.below, n.work)
		w.count(p)
		if f.request != 0 && model != "" {
			w.ask(p, f.request, plainCall{f.start, f.fp, model, f.weight})
		}
	}
	w.queue = append(w.queue, h)
}

// count tells by how much the self time of a node is another than what was told.
func (w *plainWindow) count(n *plainNode) {
	if !n.came || n.work.length() > rollup.MaxValue {
		return
	}
	was, told := n.self, n.told
	n.self, n.told = int64(n.work.length()-measure(n.below, n.work)), true
	for _, key := range []string{n.kind, n.named} {
		w.tell(key+" self_time", func(p *rollup.Partial) {
			now, before := rollup.Plain(n.self, n.weight), rollup.Plain(was, n.weight)
			if !told {
				p.Add(now)
				return
			}
			p.Sum += now.Value - before.Value
			p.Estimated += now.Estimated - before.Estimated
		})
	}
}

// measure is how much of bounds intervals cover, instant by instant.
func measure(list []interval, bounds interval) (sum uint64) {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b interval) int { return int(int64(a.from) - int64(b.from)) })
	at := bounds.from
	for _, i := range list {
		if from, to := max(i.from, at), min(i.to, bounds.to); to > from {
			sum += to - from
			at = to
		}
	}
	return sum
}

func (w *plainWindow) ask(p *plainNode, request uint64, next plainCall) {
	first, known := p.first[request]
	if !known {
		p.first[request] = next
		return
	}
	if next.start < first.start || next.start == first.start && next.fp.Less(first.fp) {
		p.first[request], next = next, first
	}
	w.tell(next.model+" retries", func(p *rollup.Partial) { p.Add(rollup.Plain(1, next.weight)) })
}

func (w *plainWindow) forget(early bool) {
	if early {
		w.early++
	}
	h := w.queue[0]
	w.queue = w.queue[1:]
	h.node.came = false
	w.drop(h.node)
	if h.parent == nil {
		return
	}
	if !h.parent.seen {
		w.unresolved++
	}
	if h.parent.children--; h.parent.children == 0 && !h.parent.came {
		w.drop(h.parent)
	}
}

func (w *plainWindow) drop(n *plainNode) {
	if w.nodes[n.fp] == n {
		delete(w.nodes, n.fp)
	}
}

// alive are the nodes that something refers to.
func (w *plainWindow) alive() int {
	all := map[*plainNode]bool{}
	for _, h := range w.queue {
		all[h.node] = true
		if h.parent != nil {
			all[h.parent] = true
		}
	}
	return len(all)
}

// TestWindowIsThePlainOne: spans in any order, of spans that come late, twice or
// never, through windows that are too short and too small, add what they add to a
// window made of maps, and what leaves leaves nothing behind.
func TestWindowIsThePlainOne(t *testing.T) {
	var early, unresolved, retried uint64
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 9))
		reach, most := int64(1+rng.IntN(150)), 1+rng.IntN(200)
		plain := &plainWindow{reach: reach, most: most, nodes: map[dedup.Fingerprint]*plainNode{}, told: map[string]rollup.Partial{}}
		w, c := newWindow(reach, most), newCatalogue(views, 1000)
		told, offset, ids := map[string]rollup.Partial{}, int64(0), 2+rng.IntN(300)
		for step := range 1500 {
			if offset += int64(rng.IntN(2)); rng.IntN(200) == 0 {
				offset += rng.Int64N(3 * reach)
			}
			c.enter(offset / reach)
			f, in := windowFacts(rng, ids), make([]*series, len(views))
			in[viewKind], in[viewComponent] = c.find(viewKind, f), c.find(viewComponent, f)
			model := ""
			if rng.IntN(2) == 0 {
				in[viewModel] = c.find(viewModel, f)
				model = windowKey(c, in[viewModel], f.pane)
			}
			w.add(c, f, offset, in)
			plain.add(f, offset, windowKey(c, in[viewKind], f.pane), windowKey(c, in[viewComponent], f.pane), model)
			windowTold(c, told)
			if alive := int(w.nodes.made) - len(w.nodes.free); w.size() != len(plain.queue) || w.early != plain.early ||
				w.unresolved != plain.unresolved || w.nodes.used != len(plain.nodes) || alive != plain.alive() {
				t.Fatalf("seed %d, step %d: %d held, %d early, %d unresolved, %d found, %d there; want %d, %d, %d, %d, %d",
					seed, step, w.size(), w.early, w.unresolved, w.nodes.used, alive, len(plain.queue), plain.early, plain.unresolved, len(plain.nodes), plain.alive())
			}
		}
		for key, want := range plain.told {
			if got := told[key]; fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("seed %d: %s: %+v, want %+v", seed, key, got, want)
			}
			delete(told, key)
		}
		if len(told) > 0 {
			t.Fatalf("seed %d: also %v", seed, told)
		}
		early, unresolved, retried = early+plain.early, unresolved+plain.unresolved, retried+w.leftovers(t, offset)
	}
	if early == 0 || unresolved == 0 || retried == 0 {
		t.Errorf("%d left early, %d unresolved, %d calls: what was compared is too little", early, unresolved, retried)
	}
}

// leftovers lets everything leave, and gives how many calls there were at a time.
func (w *window) leftovers(t *testing.T, offset int64) uint64 {
	t.Helper()
	w.leave(offset + w.reach + 1)
	free := func(made place, free int) bool { return int(made) == free }
	if w.size() != 0 || w.nodes.used != 0 || !free(w.nodes.made, len(w.nodes.free)) ||
		!free(w.families.made, len(w.families.free)) || !free(w.families.calls.made, len(w.families.calls.free)) {
		t.Errorf("when all have left, %d are held: %d nodes of %d, %d families of %d, %d calls of %d are free", w.size(),
			len(w.nodes.free), w.nodes.made, len(w.families.free), w.families.made, len(w.families.calls.free), w.families.calls.made)
	}
	return uint64(w.families.calls.made)
}

// windowFacts are a span of few ids, so that it has relatives.
func windowFacts(rng *rand.Rand, ids int) *facts {
	span := func() dedup.Fingerprint {
		id := rng.IntN(ids)
		return dedup.NewHasher("k").Key("t", schema.TraceID{}, schema.SpanID{byte(id), byte(id >> 8)})
	}
	f := &facts{tenant: "t", pane: int64(rng.IntN(4)) * rollup.PaneSeconds, weight: []rollup.Weight{rollup.Once, 3_333_333}[rng.IntN(2)]}
	f.labels[dimService], f.labels[dimName], f.labels[dimModel] = "s", string(rune('a'+rng.IntN(5))), string(rune('a'+rng.IntN(2)))
	f.fp, f.parent, f.root = span(), span(), rng.IntN(5) == 0
	f.start = rng.Uint64N(1000)
	f.end = f.start + rng.Uint64N(1000)
	if rng.IntN(20) == 0 {
		f.end += rollup.MaxValue
	}
	f.request = rng.Uint64N(4)
	return f
}

func windowKey(c *catalogue, s *series, pane int64) string {
	words := c.wordsOf(s)
	return fmt.Sprint(words.View, words.Labels, pane)
}

// windowTold takes what was added.
func windowTold(c *catalogue, told map[string]rollup.Partial) {
	for _, t := range c.touched {
		for i := range t.panes {
			p := &t.panes[i]
			for have := p.have; have != 0; have &= have - 1 {
				m := have.first()
				key := windowKey(c, t.series, p.start) + " " + definitions[m].name
				sum := told[key]
				sum.Merge(p.partial(m))
				told[key] = sum
			}
		}
	}
	c.clear()
}
