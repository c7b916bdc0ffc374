package demo

import "encoding/hex"

// Maker makes spans of a Generator, any span at any time; spans of one trace
// in a row are cheapest. It belongs to one goroutine.
type Maker struct {
	g      *Generator
	head   trace
	made   bool  // head is of a trace
	kept   arena // strings of the head
	span   Span
	random random // the span's stream

	arena    arena // strings of the span
	messages int   // messages written into the span
	attrs    []Attr
	pairs    []Attr
	items    []Value
	events   []Event
	links    []Link
}

// NewMaker gives a maker of g's spans.
func (g *Generator) NewMaker() *Maker { return &Maker{g: g} }

// Span makes span s of trace i; s must be below g.Size(i). The span is valid
// until the next call.
func (m *Maker) Span(i uint64, s uint32) *Span {
	if !m.made || m.head.number != i {
		m.trace(i)
		m.made = true
	}
	m.random = m.g.seed(i, uint64(s))
	m.arena.reset()
	m.messages = 0
	m.attrs, m.pairs, m.items = m.attrs[:0], m.pairs[:0], m.items[:0]
	m.events, m.links = m.events[:0], m.links[:0]

	what, parent := m.place(s)
	t, r := &m.head, &m.random
	m.span = Span{
		Trace: i, Index: s,
		Resource: t.resource, Scope: &t.scopes.rest,
		TraceID: t.id, SpanID: m.g.ids.spanID(i, s),
		TraceState: t.state, Flags: 0x101, Kind: 1,
		Want: Want{
			Kind: "UNKNOWN", Family: "other", Experiment: "0",
			InputTokens: -1, OutputTokens: -1, TotalTokens: -1, CacheReadTokens: -1, ReasoningTokens: -1,
			FirstToken: -1,
		},
	}
	if m.g.opts.Experiment != "" {
		m.span.Want.Experiment = m.g.opts.Experiment
	}
	if s > 0 {
		m.span.ParentID = m.g.ids.spanID(i, parent)
	}
	m.span.Start, m.span.End = m.times(s, what, r)
	if modelCall(what) {
		m.span.Scope = &t.scopes.model
	}
	m.fill(what)
	m.extras()
	m.span.Attrs, m.span.Events, m.span.Links = m.attrs, m.events, m.links
	return &m.span
}

// modelCall tells whether a role belongs to the scope of model calls.
func modelCall(what role) bool {
	return what == roleChat || what == roleFailed || what == roleAgain || what == roleEmbed
}

// extras are what any span may have: links, dropped counts, no sampled flag.
func (m *Maker) extras() {
	r, s := &m.random, &m.span
	bits := r.next()
	if bits&15 == 0 { // answers a span of an earlier trace
		i := s.Trace - min(s.Trace, 1+bits>>4&63)
		link := Link{TraceID: m.g.ids.traceID(i), SpanID: m.g.ids.spanID(i, 0), Flags: 0x100}
		if bits>>10&1 == 0 {
			link.Attrs = m.pairList(Attr{"link.kind", S("follows")}, Attr{"link.weight", D(0.5)}, Attr{"link.hops", I(2)})
			link.TraceState = "acme=l:1"
		} else {
			link.Dropped = 3
		}
		m.links = append(m.links, link)
	}
	switch bits >> 16 & 63 {
	case 0:
		s.DroppedAttrs = 1 + uint32(bits>>22&7)
	case 1:
		s.DroppedEvents = 4
	case 2:
		s.DroppedLinks = 1
	case 3:
		s.Flags = 0
	}
}

func (m *Maker) add(key string, v Value) { m.attrs = append(m.attrs, Attr{key, v}) }

func (m *Maker) addText(key, text string) {
	if text != "" {
		m.add(key, S(text))
	}
}

func (m *Maker) addCount(key string, n int64) {
	if n >= 0 {
		m.add(key, I(n))
	}
}

// pairList and list keep nested values in slabs that the next span overwrites.
func (m *Maker) pairList(pairs ...Attr) []Attr {
	from := len(m.pairs)
	m.pairs = append(m.pairs, pairs...)
	return m.pairs[from:len(m.pairs):len(m.pairs)]
}

func (m *Maker) kv(pairs ...Attr) Value { return Value{Type: Map, Pairs: m.pairList(pairs...)} }

func (m *Maker) list(items ...Value) Value {
	from := len(m.items)
	m.items = append(m.items, items...)
	return Value{Type: Array, Items: m.items[from:len(m.items):len(m.items)]}
}

func (m *Maker) event(at uint64, name string, attrs ...Attr) {
	m.events = append(m.events, Event{Time: at, Name: name, Attrs: m.pairList(attrs...)})
}

// join makes one string of parts.
func (m *Maker) join(parts ...string) string {
	m.arena.start()
	for _, p := range parts {
		m.arena.text(p)
	}
	return m.arena.end()
}

// code makes an identifier such as "call_…" that occurs once.
func (m *Maker) code(prefix string) string {
	m.arena.start()
	m.arena.text(prefix)
	m.arena.base32(m.random.next())
	return m.arena.end()
}

// traceHex is the MLflow name of the span's trace: "tr-" and the id.
func (m *Maker) traceHex() {
	m.arena.text("tr-")
	m.arena.buf = hex.AppendEncode(m.arena.buf, m.head.id[:])
}

// length gives the length of a text that is percent of an average one: mostly
// near it, one in a hundred eight times as long.
func (m *Maker) length(percent int) int {
	mean := m.g.textBytes * percent / 100
	n := mean*3/10 + m.random.below(mean*12/10+1)
	if m.random.below(100) == 0 {
		n = mean * 8
	}
	return max(n, 24)
}

// message makes one message of plain text.
func (m *Maker) message(percent int) string {
	size := m.length(percent)
	m.arena.start()
	m.prose(size, ".\n")
	return m.arena.end()
}
