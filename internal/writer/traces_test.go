package writer

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spanmill/spanmill/pkg/schema"
)

func sumUp(rows []schema.SpanRow) []schema.TracePart {
	var t traces
	t.reset()
	for i := range rows {
		t.add(&rows[i])
	}
	out := make([]schema.TracePart, len(t.parts))
	for i := range t.parts {
		out[i] = t.parts[i].TracePart
	}
	return out
}

func traceRows() []schema.SpanRow {
	resource := resourceOf("svc")
	row := func(span byte, parent byte, start uint64, g schema.GenAI) schema.SpanRow {
		s := &schema.Span{
			TraceID: schema.TraceID{1}, SpanID: schema.SpanID{span}, StartUnixNano: start, EndUnixNano: start + 10,
			Name: string(rune('a' + span)), StatusCode: int32(span % 3), Resource: resource,
		}
		if parent != 0 {
			s.ParentSpanID = schema.SpanID{parent}
		}
		g.ServiceName = "svc"
		return schema.SpanRow{Span: s, GenAI: &g, Tenant: "acme", ExperimentID: "0", PartDay: 20000 + uint16(span), ReceivedMilli: int64(span)}
	}
	tokens := func(n uint64) schema.Count { return schema.Count{N: n, Set: true} }
	return []schema.SpanRow{
		row(1, 0, 100, schema.GenAI{Kind: "AGENT", InputTokens: tokens(99), Input: strings.Repeat("é", 300), Output: "done"}),
		row(2, 1, 110, schema.GenAI{Kind: "LLM", Billable: true, InputTokens: tokens(7), OutputTokens: tokens(3), SessionID: "late"}),
		row(3, 1, 105, schema.GenAI{Kind: "LLM", Billable: true, InputTokens: tokens(5), SessionID: "early", UserID: "u"}),
		row(4, 2, 107, schema.GenAI{Kind: "TOOL", Eval: true}),
	}
}

func TestTracePartDoesNotDependOnTheOrderOfSpans(t *testing.T) {
	rows := traceRows()
	want := sumUp(rows)
	if len(want) != 1 {
		t.Fatalf("%d parts of one trace", len(want))
	}
	p := want[0]
	if p.Spans != 4 || !p.Eval || p.Errors != 1 || p.LLMCalls != 2 || p.InputTokens != 12 || p.OutputTokens != 3 ||
		p.SessionID != "early" || p.UserID != "u" || !p.HasRoot || p.RootName != "b" || p.PartDay != 20001 ||
		p.MinStart != 100 || p.MaxEnd != 120 || p.InputPreview != strings.Repeat("é", 200) || p.OutputPreview != "done" ||
		p.Tells != schema.TellsUsage|schema.TellsSession|schema.TellsUser|schema.TellsInput|schema.TellsOutput || !slices.Equal(p.Resources, []string{`{"service.name":"svc"}`}) {
		t.Errorf("unexpected sums: %+v", p)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		rng.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		if diff := cmp.Diff(want, sumUp(rows)); diff != "" {
			t.Fatalf("order changed the part (-want +got):\n%s", diff)
		}
	}
}

func TestRootsOwnIdentityIsPreferred(t *testing.T) {
	rows := traceRows()
	rows[0].GenAI.SessionID = "root's" // starts first anyway; make it start last
	rows[0].Span.StartUnixNano = 500
	if got := sumUp(rows)[0].SessionID; got != "root's" {
		t.Errorf("session %q, want the root's", got)
	}
}

func TestTracePartsKeepTenantsApart(t *testing.T) {
	rows := traceRows()
	rows[1].Tenant = "other"
	if n := len(sumUp(rows)); n != 2 {
		t.Errorf("%d parts, want one a tenant", n)
	}
}

func TestAbsurdTokenCountsDoNotWrap(t *testing.T) {
	rows := traceRows()
	rows[1].GenAI.InputTokens.N = math.MaxUint64
	if got := sumUp(rows)[0].InputTokens; got != math.MaxUint64 {
		t.Errorf("sum is %d", got)
	}
}

func resourceOf(service string) *schema.Resource {
	return &schema.Resource{Attrs: []schema.Attr{{Key: "service.name", Value: schema.Value{Type: schema.ValueString, Str: service}}}}
}

// TestResourcesOfATrace: each once, the one that came last last; a client that
// makes up more than anybody has sends readers to the spans.
func TestResourcesOfATrace(t *testing.T) {
	send := func(services ...string) schema.TracePart {
		rows := make([]schema.SpanRow, len(services))
		for i, s := range services {
			rows[i] = schema.SpanRow{
				Span: &schema.Span{TraceID: schema.TraceID{1}, ParentSpanID: schema.SpanID{1}, Resource: resourceOf(s)}, GenAI: &schema.GenAI{}, Offset: int64(i),
			}
		}
		return sumUp(rows)[0]
	}
	a, b := `{"service.name":"a"}`, `{"service.name":"b"}`
	if p := send("a", "b", "b", "a"); !slices.Equal(p.Resources, []string{b, a}) || p.Tells != 0 {
		t.Errorf("%q, %b", p.Resources, p.Tells)
	}
	var many []string
	for i := range 2 * maxResources {
		many = append(many, fmt.Sprint(i))
	}
	if p := send(many...); len(p.Resources) != maxResources || p.Tells != schema.TellsTags {
		t.Errorf("%d, %b", len(p.Resources), p.Tells)
	}
}

// TestTagsAreTold by roots only.
func TestTagsAreTold(t *testing.T) {
	for parent, want := range map[schema.SpanID]schema.Tells{{}: schema.TellsTags, {1}: 0} {
		attr := schema.Attr{Key: "mlflow.traceTag.team"}
		row := schema.SpanRow{Span: &schema.Span{ParentSpanID: parent, Attrs: []schema.Attr{{Key: "x"}, attr}}, GenAI: &schema.GenAI{}}
		if got := tells(&row); got != want {
			t.Errorf("parent %v: %b", parent, got)
		}
	}
}

// TestPreviewCountsCharacters: 200 of them, however many bytes they take.
func TestPreviewCountsCharacters(t *testing.T) {
	a := func(n int) string { return strings.Repeat("a", n) }
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{a(200), a(200)},
		{a(201), a(200)},
		{a(199) + "é", a(199) + "é"},
		{a(199) + "éa", a(199) + "é"},
		{a(200) + "é", a(200)},
		{"é" + a(200), "é" + a(199)},
		{a(7) + strings.Repeat("€", 300), a(7) + strings.Repeat("€", 193)},
	} {
		if got := preview(c.text); got != c.want {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}

// TestTextsStayWhatTheyWere when others follow, in a chunk or beyond one.
func TestTextsStayWhatTheyWere(t *testing.T) {
	var of texts
	var got, want []string
	for i := range 3000 {
		text := strings.Repeat(fmt.Sprint(i, " "), 1+i%300)
		got, want = append(got, of.clone(text)), append(want, text)
	}
	if !slices.Equal(got, want) {
		t.Error("a text was overwritten")
	}
}
