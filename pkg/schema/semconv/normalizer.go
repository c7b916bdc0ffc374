package semconv

import (
	"math"
	"strings"
	"unsafe"

	"github.com/spanmill/spanmill/pkg/schema"
)

// Normalizer reads GenAI meaning out of spans. It keeps its memory from span to
// span and is not safe for concurrent use.
type Normalizer struct {
	table     *table
	providers map[string]string

	// Of the span at hand:
	spoken   uint32 // bits of the families it speaks
	home     int    // the dialect its scope is at home in, or -1
	hits     []hit
	values   []schema.Value         // of members that are text
	leaves   []leaf                 // of folds
	folded   uint32                 // bits of the folds that have leaves
	sorted   bool                   // the leaves are
	encoded  bool                   // the witness said: strings are JSON text (R1)
	best     [textColumns]candidate // indexed by column
	counts   [columns - textColumns]count
	kind     string // "" while nothing has decided
	kindFrom int    // the deciding rule's place
	marked   marked
	rejected int
	made     []byte   // text that is in no attribute
	lists    []string // what FinishReasons and Tags are slices of
	room     int      // how many words the span's may still be given
}

// hit is an attribute that some source knows.
type hit struct {
	source *source
	value  *schema.Value // nil: a fold's
	attr   int           // index in Span.Attrs, if it is there and whole
	band   band
	plain  bool // a member's text: nothing is encoded any more
}

// candidate is a text column's best source so far.
type candidate struct {
	rank uint16
	hit  int32
}

type count struct {
	rank uint16
	n    uint64
}

// noRank is the rank of a column that has no source yet.
const noRank = math.MaxUint16

// What every span begins with.
var (
	noCandidates = func() (all [textColumns]candidate) {
		for i := range all {
			all[i].rank = noRank
		}
		return all
	}()
	noCounts = func() (all [columns - textColumns]count) {
		for i := range all {
			all[i].rank = noRank
		}
		return all
	}()
)

// What is kept for the next span is bounded: one odd span must not cost memory
// for ever.
const (
	maxKeptBytes = 1 << 20
	maxKeptHits  = 1 << 10
	maxKeptLists = 1 << 10
)

// New compiles the tables.
func New() *Normalizer {
	return &Normalizer{table: compile(dialects()), providers: compileProviders()}
}

// Forget ends the life of what Normalize has made so far, and uses its memory
// again.
func (n *Normalizer) Forget() {
	n.made = kept(n.made, maxKeptBytes)
	n.lists = kept(n.lists, maxKeptLists)
}

// Normalize fills out from the span, every field of it. It does not change the
// span; what out refers to aliases the span's, or is valid until Forget.
func (n *Normalizer) Normalize(span *schema.Span, out *schema.GenAI) {
	n.reset()
	n.gather(span)
	for i := range n.hits { // weighing may add some, which are weighed already
		n.weigh(i)
	}
	n.fill(span, out)
	out.Family = n.table.family(n.spoken)
	out.Rejected = n.rejected
	out.Eval, out.HTTPStatus = n.marked.eval, n.marked.status
	out.Weight = weightOf(span.TraceState, n.marked.ratio)
}

func (n *Normalizer) reset() {
	n.hits = kept(n.hits, maxKeptHits)
	n.values = kept(n.values, maxKeptHits)
	n.leaves = kept(n.leaves, maxKeptHits)
	n.room = 2 * maxListed
	n.spoken, n.folded, n.home, n.sorted, n.encoded = 0, 0, -1, false, false
	n.kind, n.kindFrom, n.rejected = "", len(kindSources), 0
	n.best, n.counts, n.marked = noCandidates, noCounts, marked{}
}

// kept empties memory for the next span, and lets go of what is too large and
// of what it points to.
func kept[T any](s []T, limit int) []T {
	if cap(s) > limit {
		return nil
	}
	clear(s)
	return s[:0]
}

// gather collects the attributes that matter, and what concerns all of them.
func (n *Normalizer) gather(span *schema.Span) {
	for i := range span.Attrs {
		a := &span.Attrs[i]
		s := n.table.find(a.Key)
		if s == nil {
			n.gatherUnknown(a, i)
			continue
		}
		n.spoken |= s.spoken
		for _, m := range s.signs {
			if a.Value.Type == schema.ValueString && strings.HasPrefix(a.Value.Str, m.prefix) {
				n.spoken |= m.spoken
			}
		}
		if s.witness && a.Value.Type == schema.ValueString && strings.HasPrefix(a.Value.Str, `"`) {
			n.encoded = true
		}
		if s.mark != noMark {
			n.marked.note(s.mark, &a.Value, onSpan)
		}
		n.hits = append(n.hits, hit{source: s, value: &a.Value, attr: i, band: onSpan})
	}
	if span.Resource != nil {
		n.gatherIdentity(span.Resource.Attrs, onResource)
	}
	if span.Scope != nil {
		n.gatherIdentity(span.Scope.Attrs, onScope)
		spoken, home := n.table.scope(span.Scope.Name)
		n.spoken |= spoken
		n.home = home
	}
}

// gatherUnknown takes what is of use in a key that is in no table: its
// beginning.
func (n *Normalizer) gatherUnknown(a *schema.Attr, i int) {
	if a.Key == "" {
		return
	}
	for _, p := range n.table.prefixes[a.Key[0]] {
		if !strings.HasPrefix(a.Key, p.prefix) {
			continue
		}
		n.spoken |= p.spoken
		if p.fold != nil {
			n.gatherLeaf(p.fold, a, i)
		}
	}
}

// gatherIdentity collects what the span's surroundings say about it (R4).
func (n *Normalizer) gatherIdentity(attrs []schema.Attr, b band) {
	for i := range attrs {
		if s := n.table.find(attrs[i].Key); s != nil {
			if s.mark != noMark && b == onResource {
				n.marked.note(s.mark, &attrs[i].Value, b)
			}
			n.hits = append(n.hits, hit{source: s, value: &attrs[i].Value, attr: -1, band: b})
		}
	}
}

// weigh offers one attribute to all its columns.
func (n *Normalizer) weigh(i int) {
	h := &n.hits[i]
	for _, t := range h.source.columns {
		switch {
		case h.band != onSpan && !t.column.identity(), t.guard&^n.spoken != 0:
		case t.column >= textColumns:
			n.offerNumber(t, h.value)
		default:
			n.offerText(t, i)
		}
	}
	if h.band != onSpan {
		return
	}
	if h.source.members != nil {
		n.weighMembers(h)
	}
	if k := h.source.kind; k != nil && k.place < n.kindFrom {
		if kind := n.decide(k, h); kind != "" {
			n.kind, n.kindFrom = kind, k.place
		}
	}
}

// offerText makes a hit the column's source if it is a better one.
func (n *Normalizer) offerText(t target, i int) {
	h := &n.hits[i]
	rank := t.column.rank(t.place, h.band)
	if n.home >= 0 && t.column.content() && h.source.dialect != n.home {
		rank += strangerStep
	}
	if rank < n.best[t.column].rank && n.says(t.column, h) {
		n.best[t.column] = candidate{rank, int32(i)}
	}
}

// offerMember makes a hit of an object's member, given as JSON.
func (n *Normalizer) offerMember(s *source, t target, value string) {
	text, made, ok := unquote(n.made, value)
	if n.made = made; !ok {
		text = value
	}
	n.values = append(n.values, schema.Value{Type: schema.ValueString, Str: text})
	n.hits = append(n.hits, hit{source: s, value: &n.values[len(n.values)-1], attr: -1, plain: true})
	n.offerText(t, len(n.hits)-1)
}

// offerNumber reads the value even where a better one is known: what is
// rejected must not depend on the order of attributes.
func (n *Normalizer) offerNumber(t target, v *schema.Value) {
	got, worth := number(t.column, v)
	switch worth {
	case usable:
		n.offerCount(t, got)
	case rejected:
		n.rejected++
	case absent:
	}
}

func (n *Normalizer) offerCount(t target, got uint64) {
	if c := &n.counts[t.column-textColumns]; t.place < c.rank {
		*c = count{t.place, got}
	}
}

func stringValue(s string) *schema.Value { return &schema.Value{Type: schema.ValueString, Str: s} }

// alias gives bytes as text without copying; they must not change any more.
func alias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
