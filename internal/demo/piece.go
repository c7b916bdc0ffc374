package demo

import "fmt"

// Position is a place in the order of sending: before span Span of trace Trace.
type Position struct {
	Trace uint64
	Span  uint32
}

// Before orders positions.
func (p Position) Before(q Position) bool {
	return p.Trace < q.Trace || p.Trace == q.Trace && p.Span < q.Span
}

func (p Position) String() string { return fmt.Sprintf("%d.%d", p.Trace, p.Span) }

// Piece is what one request carries: the spans from one position up to another,
// which is not of it.
type Piece struct {
	From, To Position
	Spans    int
}

// Cursor cuts the order of sending into pieces of a size. Traces are cut where
// a piece is full, as a batching exporter does.
type Cursor struct {
	g    *Generator
	at   Position
	left uint64 // spans still to give
}

// NewCursor gives pieces from a position on, of so many spans in all.
func (g *Generator) NewCursor(from Position, spans uint64) *Cursor {
	return &Cursor{g: g, at: from, left: spans}
}

// Next gives the next piece of at most n spans; false at the end.
func (c *Cursor) Next(n int) (Piece, bool) {
	p := Piece{From: c.at}
	want := int(min(uint64(n), c.left))
	for p.Spans < want {
		size := c.g.Size(c.at.Trace)
		take := min(int(size-c.at.Span), want-p.Spans)
		p.Spans += take
		if c.at.Span += uint32(take); c.at.Span == size {
			c.at = Position{Trace: c.at.Trace + 1}
		}
	}
	p.To = c.at
	c.left -= uint64(p.Spans)
	return p, p.Spans > 0
}

// Each calls f for the part of each trace that the piece holds: spans
// [from, to) of trace i.
func (p Piece) Each(g *Generator, f func(i uint64, from, to uint32)) {
	for i, from := p.From.Trace, p.From.Span; i <= p.To.Trace; i, from = i+1, 0 {
		to := p.To.Span
		if i < p.To.Trace {
			to = g.Size(i)
		}
		if from < to {
			f(i, from, to)
		}
	}
}

// AppendPiece appends the OTLP ExportTraceServiceRequest of a piece.
func (m *Maker) AppendPiece(dst []byte, p Piece) []byte {
	p.Each(m.g, func(i uint64, from, to uint32) { dst = m.appendTrace(dst, i, from, to) })
	return dst
}

// appendTrace appends the ResourceSpans of a part of a trace: spans of either
// scope together, as exporters group them.
func (m *Maker) appendTrace(dst []byte, i uint64, from, to uint32) []byte {
	if !m.made || m.head.number != i {
		m.trace(i)
		m.made = true
	}
	dst, mark := open(dst, 1, 2)
	dst = append(dst, m.head.resource.wire...)
	for _, models := range [...]bool{true, false} {
		scope := &m.head.scopes.rest
		if models {
			scope = &m.head.scopes.model
		}
		started, inner := false, 0
		for s := from; s < to; s++ {
			if what, _ := m.place(s); modelCall(what) != models {
				continue
			}
			if !started {
				dst, inner = open(dst, 2, 2)
				dst = append(dst, scope.wire...)
				started = true
			}
			dst = appendSpan(dst, m.Span(i, s))
		}
		if started {
			dst = appendText(dst, 3, scope.SchemaURL)
			dst = closeAt(dst, inner, 2)
		}
	}
	dst = appendText(dst, 3, m.head.resource.SchemaURL)
	return closeAt(dst, mark, 2)
}
