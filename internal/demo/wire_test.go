package demo

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

// TestPdataReadsWhatWasMeant decodes bodies with the Collector's decoder and
// compares each span with the Span it was encoded from.
func TestPdataReadsWhatWasMeant(t *testing.T) {
	t.Parallel()
	g := newTestGenerator(t, func(o *Options) { o.HugeEvery, o.HugeSpans = 200, 1500 })
	m, reader := g.NewMaker(), g.NewMaker()
	types, dialects := make(map[Type]int), make(map[string]int)
	for _, p := range pieces(g, 6000, 400) {
		req := ptraceotlp.NewExportRequest()
		if err := req.UnmarshalProto(m.AppendPiece(nil, p)); err != nil {
			t.Fatalf("piece %v: %v", p, err)
		}
		count := 0
		for _, rs := range req.Traces().ResourceSpans().All() {
			for _, ss := range rs.ScopeSpans().All() {
				for _, s := range ss.Spans().All() {
					count++
					i, ok := g.TraceNumber(s.TraceID())
					at, ok2 := g.SpanIndex(i, s.SpanID())
					if !ok || !ok2 {
						t.Fatalf("ids %v %v name no span", s.TraceID(), s.SpanID())
					}
					want := reader.Span(i, at)
					if d := cmp.Diff(meant(want), read(rs, ss, s), cmpopts.EquateNaNs(), cmpopts.EquateEmpty()); d != "" {
						t.Fatalf("span %d.%d: %s", i, at, d)
					}
					countTypes(types, want.Attrs)
					dialects[want.Want.Family]++
				}
			}
		}
		if count != p.Spans {
			t.Fatalf("piece %v has %d spans", p, count)
		}
	}
	for typ := Empty; typ <= Map; typ++ {
		if types[typ] < 10 {
			t.Errorf("type %d occurs %d times in 6000 spans", typ, types[typ])
		}
	}
	for _, family := range []string{"otel_genai", "mlflow", "other"} {
		if dialects[family] < 100 {
			t.Errorf("family %s has %d of 6000 spans", family, dialects[family])
		}
	}
}

func countTypes(types map[Type]int, attrs []Attr) {
	for i := range attrs {
		types[attrs[i].Value.Type]++
		countTypes(types, attrs[i].Value.Pairs)
	}
}

// meant and read give one shape to a Span and to pdata's.
func meant(s *Span) map[string]any {
	shape := map[string]any{
		"ids":      fmt.Sprintf("%x %x %x", s.TraceID, s.SpanID, s.ParentID),
		"name":     s.Name,
		"state":    s.TraceState,
		"numbers":  []uint64{uint64(s.Kind), s.Start, s.End, uint64(s.Status), uint64(s.Flags), uint64(s.DroppedAttrs), uint64(s.DroppedEvents), uint64(s.DroppedLinks)},
		"status":   s.StatusMessage,
		"attrs":    raw(s.Attrs),
		"resource": raw(s.Resource.Attrs),
		"scope":    raw(s.Scope.Attrs),
		"origin": fmt.Sprintf("%q %d %q %q %d %q", s.Resource.SchemaURL, s.Resource.Dropped,
			s.Scope.Name, s.Scope.Version, s.Scope.Dropped, s.Scope.SchemaURL),
	}
	for i, e := range s.Events {
		shape[fmt.Sprint("event ", i)] = []any{e.Time, e.Name, raw(e.Attrs), e.Dropped}
	}
	for i, l := range s.Links {
		shape[fmt.Sprint("link ", i)] = []any{fmt.Sprintf("%x %x", l.TraceID, l.SpanID), l.TraceState, raw(l.Attrs), l.Dropped, l.Flags}
	}
	return shape
}

func read(rs ptrace.ResourceSpans, ss ptrace.ScopeSpans, s ptrace.Span) map[string]any {
	trace, span, parent := s.TraceID(), s.SpanID(), s.ParentSpanID()
	shape := map[string]any{
		"ids":   fmt.Sprintf("%x %x %x", trace[:], span[:], parent[:]),
		"name":  s.Name(),
		"state": s.TraceState().AsRaw(),
		"numbers": []uint64{
			uint64(s.Kind()), uint64(s.StartTimestamp()), uint64(s.EndTimestamp()), uint64(s.Status().Code()), uint64(s.Flags()),
			uint64(s.DroppedAttributesCount()), uint64(s.DroppedEventsCount()), uint64(s.DroppedLinksCount()),
		},
		"status":   s.Status().Message(),
		"attrs":    s.Attributes().AsRaw(),
		"resource": rs.Resource().Attributes().AsRaw(),
		"scope":    ss.Scope().Attributes().AsRaw(),
		"origin": fmt.Sprintf("%q %d %q %q %d %q", rs.SchemaUrl(), rs.Resource().DroppedAttributesCount(),
			ss.Scope().Name(), ss.Scope().Version(), ss.Scope().DroppedAttributesCount(), ss.SchemaUrl()),
	}
	for i, e := range s.Events().All() {
		shape[fmt.Sprint("event ", i)] = []any{uint64(e.Timestamp()), e.Name(), e.Attributes().AsRaw(), e.DroppedAttributesCount()}
	}
	for i, l := range s.Links().All() {
		trace, span := l.TraceID(), l.SpanID()
		shape[fmt.Sprint("link ", i)] = []any{
			fmt.Sprintf("%x %x", trace[:], span[:]), l.TraceState().AsRaw(), l.Attributes().AsRaw(), l.DroppedAttributesCount(), l.Flags(),
		}
	}
	return shape
}

// raw puts attributes through pdata's own values, which keeps their types.
func raw(attrs []Attr) map[string]any {
	m := pcommon.NewMap()
	putAll(m, attrs)
	return m.AsRaw()
}

func putAll(m pcommon.Map, attrs []Attr) {
	for i := range attrs {
		put(m.PutEmpty(strings.Clone(attrs[i].Key)), &attrs[i].Value)
	}
}

func put(dst pcommon.Value, v *Value) {
	switch v.Type {
	case Empty:
	case String:
		dst.SetStr(strings.Clone(v.Text))
	case Bool:
		dst.SetBool(v.Num != 0)
	case Int:
		dst.SetInt(int64(v.Num))
	case Double:
		dst.SetDouble(v.Double())
	case Bytes:
		dst.SetEmptyBytes().FromRaw([]byte(v.Text))
	case Array:
		list := dst.SetEmptySlice()
		for i := range v.Items {
			put(list.AppendEmpty(), &v.Items[i])
		}
	case Map:
		putAll(dst.SetEmptyMap(), v.Pairs)
	}
}

func TestHostileBuildersMakeWhatPdataReads(t *testing.T) {
	t.Parallel()
	body := EncodeRequest("shop",
		EncodeSpan(RawSpan{TraceID: strings.Repeat("a", 16), SpanID: "12345678", Name: "fine", Start: 5, End: 9, Status: 2, Attrs: []Attr{{"n", I(-1)}}}),
		EncodeSpan(RawSpan{TraceID: strings.Repeat("b", 16), SpanID: "12345678", More: Message(nil).Text(5, "later name").Varint(99, 7)}))
	req := ptraceotlp.NewExportRequest()
	if err := req.UnmarshalProto(body); err != nil {
		t.Fatal(err)
	}
	rs := req.Traces().ResourceSpans().At(0)
	service, _ := rs.Resource().Attributes().Get("service.name")
	list := rs.ScopeSpans().At(0).Spans()
	if service.Str() != "shop" || list.Len() != 2 || list.At(0).Name() != "fine" || list.At(1).Name() != "later name" {
		t.Errorf("read %v", req)
	}
	if n, _ := list.At(0).Attributes().Get("n"); n.Int() != -1 || list.At(0).EndTimestamp() != 9 || list.At(0).Status().Code() != 2 {
		t.Errorf("first span %v", list.At(0))
	}
	short := EncodeRequest("shop", EncodeSpan(RawSpan{TraceID: "short", SpanID: "12345678"}))
	if err := ptraceotlp.NewExportRequest().UnmarshalProto(short); err == nil {
		t.Error("pdata accepts a trace id of 5 bytes")
	}
}
