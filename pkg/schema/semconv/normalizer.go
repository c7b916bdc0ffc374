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
	hits     []hit
	encoded  bool                   // the witness said: strings are JSON text (R1)
	best     [textColumns]candidate // indexed by column
	counts   [columns - textColumns]count
	kind     string // "" while nothing has decided
	kindFrom int    // the deciding rule's place
	rejected int
	made     []byte // text that is in no attribute
}

// hit is an attribute that some source knows.
type hit struct {
	source *source
	value  *schema.Value
	attr   int // index in Span.Attrs, if on the span
	band   band
}

// candidate is a text column's best source so far.
type candidate struct {
	rank uint16
	hit  int
}

type count struct {
	rank uint16
	n    uint64
}

// noRank is the rank of a column that has no source yet.
const noRank = math.MaxUint16

// What is kept for the next span is bounded: one odd span must not cost memory
// for ever.
const (
	maxKeptBytes = 1 << 20
	maxKeptHits  = 1 << 10
)

// New compiles the tables.
func New() *Normalizer {
	return &Normalizer{table: compile(dialects()), providers: compileProviders()}
}

// Normalize fills out from the span, every field of it. It does not change the
// span; text in out aliases the span's, or is valid until the next call.
func (n *Normalizer) Normalize(span *schema.Span, out *schema.GenAI) {
	n.reset()
	family := n.gather(span)
	for i := range n.hits {
		n.weigh(i)
	}
	n.fill(out)
	out.Family = n.table.families[family]
	if out.ErrorType == "" {
		out.ErrorType = exceptionType(span.Events)
	}
	out.Rejected = n.rejected
}

func (n *Normalizer) reset() {
	if cap(n.made) > maxKeptBytes {
		n.made = nil
	}
	n.made = n.made[:0]
	if cap(n.hits) > maxKeptHits {
		n.hits = nil
	}
	clear(n.hits) // they point into the last span
	n.hits = n.hits[:0]
	n.encoded, n.kind, n.kindFrom, n.rejected = false, "", len(kindSources), 0
	for i := range n.best {
		n.best[i].rank = noRank
	}
	for i := range n.counts {
		n.counts[i].rank = noRank
	}
}

// gather collects the attributes that matter, and what concerns all of them.
func (n *Normalizer) gather(span *schema.Span) (family int) {
	family = len(n.table.families) - 1
	for i := range span.Attrs {
		a := &span.Attrs[i]
		s := n.table.find(a.Key)
		if s == nil {
			family = min(family, n.table.family(a.Key))
			continue
		}
		family = min(family, s.family)
		if s.witness && a.Value.Type == schema.ValueString && strings.HasPrefix(a.Value.Str, `"`) {
			n.encoded = true
		}
		n.hits = append(n.hits, hit{s, &a.Value, i, onSpan})
	}
	if span.Resource != nil {
		n.gatherIdentity(span.Resource.Attrs, onResource)
	}
	if span.Scope != nil {
		n.gatherIdentity(span.Scope.Attrs, onScope)
	}
	return family
}

// gatherIdentity collects what the span's surroundings say about it (R4).
func (n *Normalizer) gatherIdentity(attrs []schema.Attr, b band) {
	for i := range attrs {
		if s := n.table.find(attrs[i].Key); s != nil {
			n.hits = append(n.hits, hit{s, &attrs[i].Value, -1, b})
		}
	}
}

// weigh offers one attribute to all its columns.
func (n *Normalizer) weigh(i int) {
	h := &n.hits[i]
	for _, t := range h.source.columns {
		if h.band != onSpan && !t.column.identity() {
			continue
		}
		if t.column >= textColumns {
			n.offerNumber(t, h.value)
		} else if rank := t.column.rank(t.place, h.band); rank < n.best[t.column].rank && n.says(t.column, h) {
			n.best[t.column] = candidate{rank, i}
		}
	}
	if h.band != onSpan {
		return
	}
	if len(h.source.members) > 0 {
		n.weighMembers(h)
	}
	if k := h.source.kind; k != nil && k.place < n.kindFrom {
		if kind := n.decide(k, h); kind != "" {
			n.kind, n.kindFrom = kind, k.place
		}
	}
}

// weighMembers offers the members of an object's attribute.
func (n *Normalizer) weighMembers(h *hit) {
	text := n.objectText(h)
	if emptyText(text) {
		return
	}
	m := objectMembers(text)
	for key, value, ok := m.next(); ok; key, value, ok = m.next() {
		for _, t := range h.source.members {
			if t.name == key {
				n.offerNumber(t.target, &schema.Value{Type: schema.ValueString, Str: value})
			}
		}
	}
	if m.bad {
		n.rejected++
	}
}

// offerNumber reads the value even where a better one is known: what is
// rejected must not depend on the order of attributes.
func (n *Normalizer) offerNumber(t target, v *schema.Value) {
	got, worth := number(t.column, v)
	switch worth {
	case usable:
		if c := &n.counts[t.column-textColumns]; t.place < c.rank {
			*c = count{t.place, got}
		}
	case rejected:
		n.rejected++
	case absent:
	}
}

// decide gives the kind that the attribute stands for, or "".
func (n *Normalizer) decide(k *kindRule, h *hit) string {
	if !n.says(operation, h) {
		// A structured value has no name, but it does mean that the key is there.
		if len(k.values) == 0 && n.says(input, h) {
			return k.rest
		}
		return ""
	}
	text := n.lower(trim(n.valueText(h)))
	if kind, ok := k.values[text]; ok {
		return kind
	}
	for _, s := range k.suffixes {
		for _, suffix := range s.values {
			if strings.HasSuffix(text, suffix) {
				return s.kind
			}
		}
	}
	if text == "unknown" {
		return ""
	}
	return k.rest
}

// exceptionType is the error type of a span that recorded an exception.
func exceptionType(events []schema.SpanEvent) string {
	for i := range events {
		if events[i].Name != "exception" {
			continue
		}
		for _, a := range events[i].Attrs {
			if a.Key == "exception.type" && a.Value.Type == schema.ValueString && a.Value.Str != "" {
				return a.Value.Str
			}
		}
	}
	return ""
}

// alias gives bytes as text without copying; they must not change any more.
func alias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
