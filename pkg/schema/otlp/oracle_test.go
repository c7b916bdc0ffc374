package otlp

import (
	"fmt"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/spanmill/spanmill/pkg/schema"
)

// plainSpan is the form in which our spans and pdata's are compared. Values
// are described as text by two independent describers.
type plainSpan struct {
	Resource, Scope, IDs, Head, Status string
	Attrs, Events, Links               []string
}

// wellFormed is what Decode makes of invalid UTF-8.
func wellFormed(s string) string { return string([]rune(s)) }

func pdataSpans(td ptrace.Traces) []plainSpan {
	var out []plainSpan
	for _, rs := range td.ResourceSpans().All() {
		r := fmt.Sprintf("%q %d %q", pdataAttrs(rs.Resource().Attributes()),
			rs.Resource().DroppedAttributesCount(), wellFormed(rs.SchemaUrl()))
		for _, ss := range rs.ScopeSpans().All() {
			sc := ss.Scope()
			scope := fmt.Sprintf("%q %q %q %d %q", wellFormed(sc.Name()), wellFormed(sc.Version()),
				pdataAttrs(sc.Attributes()), sc.DroppedAttributesCount(), wellFormed(ss.SchemaUrl()))
			for _, s := range ss.Spans().All() {
				p := pdataSpan(s)
				p.Resource, p.Scope = r, scope
				out = append(out, p)
			}
		}
	}
	return out
}

func pdataSpan(s ptrace.Span) plainSpan {
	trace, id, parent := s.TraceID(), s.SpanID(), s.ParentSpanID()
	p := plainSpan{
		IDs: fmt.Sprintf("%x %x %x", trace[:], id[:], parent[:]),
		Head: fmt.Sprintf("%q %q %d %d %d %d %d %d %d", wellFormed(s.Name()), wellFormed(s.TraceState().AsRaw()), int32(s.Kind()),
			uint64(s.StartTimestamp()), uint64(s.EndTimestamp()), s.Flags(),
			s.DroppedAttributesCount(), s.DroppedEventsCount(), s.DroppedLinksCount()),
		Status: fmt.Sprintf("%d %q", int32(s.Status().Code()), wellFormed(s.Status().Message())),
		Attrs:  pdataAttrs(s.Attributes()),
	}
	for _, e := range s.Events().All() {
		p.Events = append(p.Events, fmt.Sprintf("%d %q %d %q", uint64(e.Timestamp()), wellFormed(e.Name()),
			e.DroppedAttributesCount(), pdataAttrs(e.Attributes())))
	}
	for _, l := range s.Links().All() {
		trace, id := l.TraceID(), l.SpanID()
		p.Links = append(p.Links, fmt.Sprintf("%x %x %q %d %d %q", trace[:], id[:], wellFormed(l.TraceState().AsRaw()),
			l.DroppedAttributesCount(), l.Flags(), pdataAttrs(l.Attributes())))
	}
	return p
}

func pdataAttrs(m pcommon.Map) []string {
	var out []string
	for k, v := range m.All() {
		text := pdataValue(v, 1)
		if strings.Contains(text, "TOO DEEP") {
			text = "raw"
		}
		out = append(out, fmt.Sprintf("%q=%s", wellFormed(k), text))
	}
	return out
}

func pdataValue(v pcommon.Value, depth int) string {
	if depth > maxDepth {
		return "TOO DEEP"
	}
	var b strings.Builder
	switch v.Type() {
	case pcommon.ValueTypeEmpty:
		return "empty"
	case pcommon.ValueTypeStr:
		return fmt.Sprintf("%q", wellFormed(v.Str()))
	case pcommon.ValueTypeBool:
		return fmt.Sprint(v.Bool())
	case pcommon.ValueTypeInt:
		return fmt.Sprintf("int %d", v.Int())
	case pcommon.ValueTypeDouble:
		return fmt.Sprintf("double %v", v.Double())
	case pcommon.ValueTypeBytes:
		return fmt.Sprintf("bytes %x", v.Bytes().AsRaw())
	case pcommon.ValueTypeSlice:
		for _, e := range v.Slice().All() {
			b.WriteString(pdataValue(e, depth+1) + ",")
		}
		return "[" + b.String() + "]"
	case pcommon.ValueTypeMap:
		for k, e := range v.Map().All() {
			fmt.Fprintf(&b, "%q:%s,", wellFormed(k), pdataValue(e, depth+1))
		}
		// A map whose values would lie too deep is too deep even if a value is
		// missing.
		if depth == maxDepth && v.Map().Len() > 0 {
			return "TOO DEEP"
		}
		return "{" + b.String() + "}"
	}
	panic("unknown pdata type")
}

func ourSpans(spans []schema.Span) []plainSpan {
	var out []plainSpan
	for i := range spans {
		s := &spans[i]
		p := plainSpan{
			Resource: fmt.Sprintf("%q %d %q", ourAttrs(s.Resource.Attrs), s.Resource.DroppedAttrs, s.Resource.SchemaURL),
			Scope: fmt.Sprintf("%q %q %q %d %q", s.Scope.Name, s.Scope.Version, ourAttrs(s.Scope.Attrs),
				s.Scope.DroppedAttrs, s.Scope.SchemaURL),
			IDs: fmt.Sprintf("%s %s %s", s.TraceID, s.SpanID, s.ParentSpanID),
			Head: fmt.Sprintf("%q %q %d %d %d %d %d %d %d", s.Name, s.TraceState, s.Kind, s.StartUnixNano, s.EndUnixNano,
				s.Flags, s.DroppedAttrs, s.DroppedEvents, s.DroppedLinks),
			Status: fmt.Sprintf("%d %q", s.StatusCode, s.StatusMessage),
			Attrs:  ourAttrs(s.Attrs),
		}
		for _, e := range s.Events {
			p.Events = append(p.Events, fmt.Sprintf("%d %q %d %q", e.TimeUnixNano, e.Name, e.DroppedAttrs, ourAttrs(e.Attrs)))
		}
		for _, l := range s.Links {
			trace, id := make([]byte, 16), make([]byte, 8)
			setID(trace, l.TraceID)
			setID(id, l.SpanID)
			p.Links = append(p.Links, fmt.Sprintf("%x %x %q %d %d %q", trace, id, l.TraceState, l.DroppedAttrs, l.Flags, ourAttrs(l.Attrs)))
		}
		out = append(out, p)
	}
	return out
}

func ourAttrs(attrs []schema.Attr) []string {
	var out []string
	for _, a := range attrs {
		out = append(out, fmt.Sprintf("%q=%s", a.Key, ourValue(a.Value)))
	}
	return out
}

func ourValue(v schema.Value) string {
	var b strings.Builder
	switch v.Type {
	case schema.ValueString:
		return fmt.Sprintf("%q", wellFormed(v.Str))
	case schema.ValueBool:
		return fmt.Sprint(v.Bool())
	case schema.ValueInt:
		return fmt.Sprintf("int %d", v.Int())
	case schema.ValueDouble:
		return fmt.Sprintf("double %v", v.Double())
	case schema.ValueBytes:
		return fmt.Sprintf("bytes %x", v.Str)
	case schema.ValueRaw:
		return "raw"
	case schema.ValueArray:
		for c := (cursor{src: v.Str}); c.next(); {
			if c.num == 1 {
				var e schema.Value
				anyValue(&e, c.data, nil)
				b.WriteString(ourValue(e) + ",")
			}
		}
		return "[" + b.String() + "]"
	case schema.ValueMap:
		for c := (cursor{src: v.Str}); c.next(); {
			if c.num == 1 {
				var a schema.Attr
				keyValue(&a, c.data, nil)
				fmt.Fprintf(&b, "%q:%s,", wellFormed(a.Key), ourValue(a.Value))
			}
		}
		return "{" + b.String() + "}"
	}
	return "empty"
}
