package otlp

import (
	"github.com/spanmill/spanmill/pkg/schema"
)

// What a Decoder keeps between calls, at most: 4096 spans and 64 Ki attributes
// of each slab are about 8 MiB.
const (
	keepDecodedSpans = 1 << 12
	keepDecodedAttrs = 1 << 16
)

// Decoder turns records into flat spans. The zero value is ready; it keeps its
// memory between calls and is not safe for concurrent use.
type Decoder struct {
	// Slabs that the spans' slices are cut from. attrs holds attributes of
	// spans only; those of everything that occurs inside or around a span go to
	// side, so that each owner's attributes lie together.
	spans     []schema.Span
	resources []schema.Resource
	scopes    []schema.Scope
	attrs     []schema.Attr
	side      []schema.Attr
	events    []schema.SpanEvent
	links     []schema.Link
	logs      []schema.LogRecord
	text      []byte // mended strings
	keys      keys

	mended schema.SpanFlags // of what is being decoded
	odd    bool             // something in the record wants walk's judgement
}

// Decode gives the spans of one record, an ExportTraceServiceRequest, in wire
// order. The spans and their slices are valid until the next Decode or Reset;
// strings alias record (mended ones and keys may be the decoder's), which must not
// change while they are used. Resource and Scope are never nil.
//
// A span with unusable ids is returned with Invalid set. The error is a
// *FramingError: then no span of the record is returned.
func (d *Decoder) Decode(record []byte) ([]schema.Span, error) {
	d.Reset()
	src := alias(record)
	c := d.cursor(msgRequest, src)
	for c.next() {
		if c.num == 1 {
			d.resourceSpans(c.data)
		}
	}
	// A record in which nothing was odd has passed all that walk checks. Of any
	// other, walk says whether it is one; what was read of it is right then.
	if d.odd {
		if err := check(msgRequest, src); err != nil {
			d.Reset()
			return nil, err
		}
	}
	return d.spans, nil
}

// Reset ends the life of what Decode returned and lets go of the record.
func (d *Decoder) Reset() {
	d.spans = reuse(d.spans, keepDecodedSpans)
	d.resources = reuse(d.resources, keepDecodedSpans)
	d.scopes = reuse(d.scopes, keepDecodedSpans)
	d.attrs = reuse(d.attrs, keepDecodedAttrs)
	d.side = reuse(d.side, keepDecodedAttrs)
	d.events = reuse(d.events, keepDecodedSpans)
	d.links = reuse(d.links, keepDecodedSpans)
	d.logs = reuse(d.logs, keepDecodedSpans)
	d.text = atMost(d.text, keepBytes)[:0]
	d.odd = false
	d.keys.refresh()
}

// cursor reads a message of the record.
func (d *Decoder) cursor(m message, src string) cursor { return cursor{src: src, m: m, odd: &d.odd} }

// reuse empties a slab. It clears it, because its strings would keep the
// record's memory alive.
func reuse[T any](s []T, most int) []T {
	clear(s)
	return atMost(s, most)[:0]
}

func (d *Decoder) resourceSpans(src string) {
	d.mended = 0
	resource := d.resource(src)
	mended := d.mended
	c := d.cursor(msgResourceSpans, src)
	for c.next() {
		if c.num == 2 {
			d.scopeSpans(c.data, resource, mended)
		}
	}
}

// resource reads what ResourceSpans says of its resource. It runs before any
// span is read, since resource may follow them on the wire.
func (d *Decoder) resource(src string) *schema.Resource {
	d.resources = append(d.resources, schema.Resource{})
	r, first := &d.resources[len(d.resources)-1], len(d.side)
	c := d.cursor(msgResourceSpans, src)
	for c.next() {
		switch c.num {
		case 1:
			m := d.cursor(msgResource, c.data)
			for m.next() {
				switch m.num {
				case 1:
					d.side = d.attr(d.side, m.data)
				case 2:
					r.DroppedAttrs = uint32(m.val)
				case 3:
					d.odd = true // a message that is not looked into
				}
			}
		case 3:
			r.SchemaURL = c.data
		}
	}
	r.SchemaURL = d.valid(r.SchemaURL)
	r.Attrs = cut(d.side, first)
	return r
}

func (d *Decoder) scopeSpans(src string, resource *schema.Resource, mended schema.SpanFlags) {
	d.mended = mended
	scope := d.scope(src)
	mended = d.mended
	c := d.cursor(msgScopeSpans, src)
	for c.next() {
		if c.num == 2 {
			d.mended = mended
			d.span(c.data, resource, scope)
		}
	}
}

func (d *Decoder) scope(src string) *schema.Scope {
	d.scopes = append(d.scopes, schema.Scope{})
	s, first := &d.scopes[len(d.scopes)-1], len(d.side)
	c := d.cursor(msgScopeSpans, src)
	for c.next() {
		switch c.num {
		case 1:
			m := d.cursor(msgScope, c.data)
			for m.next() {
				switch m.num {
				case 1:
					s.Name = m.data
				case 2:
					s.Version = m.data
				case 3:
					d.side = d.attr(d.side, m.data)
				case 4:
					s.DroppedAttrs = uint32(m.val)
				}
			}
		case 3:
			s.SchemaURL = c.data
		}
	}
	s.Name, s.Version, s.SchemaURL = d.valid(s.Name), d.valid(s.Version), d.valid(s.SchemaURL)
	s.Attrs = cut(d.side, first)
	return s
}

func (d *Decoder) span(src string, resource *schema.Resource, scope *schema.Scope) {
	d.spans = append(d.spans, schema.Span{})
	s := &d.spans[len(d.spans)-1]
	s.Resource, s.Scope, s.Index = resource, scope, uint32(len(d.spans)-1)
	var trace, id, parent string
	attrs, events, links := len(d.attrs), len(d.events), len(d.links)
	c := d.cursor(msgSpan, src)
	for c.next() {
		switch c.num {
		case 1:
			trace = c.data
		case 2:
			id = c.data
		case 3:
			s.TraceState = c.data
		case 4:
			parent = c.data
		case 5:
			s.Name = c.data
		case 6:
			s.Kind = int32(c.val)
		case 7:
			s.StartUnixNano = c.val
		case 8:
			s.EndUnixNano = c.val
		case 9:
			d.attrs = d.attr(d.attrs, c.data)
		case 10:
			s.DroppedAttrs = uint32(c.val)
		case 11:
			d.event(c.data)
		case 12:
			s.DroppedEvents = uint32(c.val)
		case 13:
			d.link(c.data)
		case 14:
			s.DroppedLinks = uint32(c.val)
		case 15:
			d.status(s, c.data)
		case 16:
			s.Flags = uint32(c.val)
		}
	}
	if bad := badID(trace, id, parent); bad >= 0 {
		s.Invalid = reasons[bad]
	}
	setID(s.TraceID[:], trace)
	setID(s.SpanID[:], id)
	setID(s.ParentSpanID[:], parent)
	s.Name, s.TraceState, s.StatusMessage = d.valid(s.Name), d.valid(s.TraceState), d.valid(s.StatusMessage)
	s.Attrs, s.Events, s.Links = cut(d.attrs, attrs), cut(d.events, events), cut(d.links, links)
	s.Mended = d.mended
}

// setID makes an id of a wrong length zero, also where the field came before
// with a good one: of a field that comes twice the last is valid (protobuf).
func setID(id []byte, wire string) {
	clear(id)
	if len(wire) == len(id) {
		copy(id, wire)
	}
}

func (d *Decoder) status(s *schema.Span, src string) {
	c := d.cursor(msgStatus, src)
	for c.next() {
		switch c.num {
		case 2:
			s.StatusMessage = c.data
		case 3:
			s.StatusCode = int32(c.val)
		}
	}
}

func (d *Decoder) event(src string) {
	var e schema.SpanEvent
	first := len(d.side)
	c := d.cursor(msgEvent, src)
	for c.next() {
		switch c.num {
		case 1:
			e.TimeUnixNano = c.val
		case 2:
			e.Name = c.data
		case 3:
			d.side = d.attr(d.side, c.data)
		case 4:
			e.DroppedAttrs = uint32(c.val)
		}
	}
	e.Name, e.Attrs = d.valid(e.Name), cut(d.side, first)
	d.events = append(d.events, e)
}

func (d *Decoder) link(src string) {
	var l schema.Link
	first := len(d.side)
	c := d.cursor(msgLink, src)
	for c.next() {
		switch c.num {
		case 1:
			l.TraceID = c.data
		case 2:
			l.SpanID = c.data
		case 3:
			l.TraceState = c.data
		case 4:
			d.side = d.attr(d.side, c.data)
		case 5:
			l.DroppedAttrs = uint32(c.val)
		case 6:
			l.Flags = uint32(c.val)
		}
	}
	l.TraceState, l.Attrs = d.valid(l.TraceState), cut(d.side, first)
	d.links = append(d.links, l)
}

// cut takes what a slab got since first. Its capacity ends there, so that an
// append by the owner cannot reach the neighbour.
func cut[T any](slab []T, first int) []T {
	return slab[first:len(slab):len(slab)]
}
