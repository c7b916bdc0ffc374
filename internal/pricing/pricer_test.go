package pricing

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/spanmill/spanmill/pkg/schema"
)

// TestPricingAllocatesNothing once a model was seen: the budget of the writer's
// hot path.
func TestPricingAllocatesNothing(t *testing.T) {
	p, all := NewPricer(shippedBooks(t)), cases(t)
	spans := make([]*schema.GenAI, len(all))
	var cost schema.Cost
	for i, c := range all {
		spans[i] = c.span()
		p.Price("default", 1, &schema.Span{}, spans[i], &cost)
	}
	span := &schema.Span{}
	allocs := testing.AllocsPerRun(100, func() {
		for _, g := range spans {
			p.Price("default", 1, span, g, &cost)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations for %d spans", allocs, len(spans))
	}
}

// TestMatchesAreBounded: a client that names a new model with each span costs no
// memory for ever, and gets no wrong price.
func TestMatchesAreBounded(t *testing.T) {
	p := NewPricer(shippedBooks(t))
	var cost schema.Cost
	for i := range 3 * maxMatches {
		g := &schema.GenAI{Provider: "acme", Model: fmt.Sprintf("model-%d", i), Billable: true}
		p.Price("default", 1, &schema.Span{}, g, &cost)
		if len(p.matches) > maxMatches {
			t.Fatalf("%d matches are kept", len(p.matches))
		}
	}
	clear(p.matches)
	long := &schema.GenAI{Provider: "openai", Model: "gpt-4o" + strings.Repeat("-001", 1<<20), Billable: true}
	if why := p.Price("default", 1, &schema.Span{}, long, &cost); why != UnknownModel || len(p.matches) != 0 {
		t.Errorf("a name of 4 MiB: %q, %d matches are kept", why, len(p.matches))
	}
}

// TestMatchOwnsItsNames: a match outlives the record that its span's strings
// point into.
func TestMatchOwnsItsNames(t *testing.T) {
	p := NewPricer(shippedBooks(t))
	record := []byte("openaigpt-4o")
	text := string(record)
	g := &schema.GenAI{Provider: text[:6], Model: text[6:], Billable: true, InputTokens: schema.Count{N: 1, Set: true}}
	var cost schema.Cost
	p.Price("default", 1, &schema.Span{}, g, &cost)
	for k := range p.matches {
		if k.provider != "openai" || k.model != "gpt-4o" {
			t.Errorf("%+v", k)
		}
	}
}

// TestChoice: which cost counts.
func TestChoice(t *testing.T) {
	prefer, err := NewBooks(append(mustOwn(t, `
books:
- models: [{provider: openai, model: gpt-4o, input: "2"}]
- tenant: reporter
  prefer_reported: true
`), mustShipped(t)...)...)
	if err != nil {
		t.Fatal(err)
	}
	reported := schema.Count{N: 77, Set: true}
	for name, c := range map[string]struct {
		tenant string
		g      schema.GenAI
		want   schema.Cost
		why    Reason
	}{
		"computed beats reported": {
			g:    schema.GenAI{Provider: "openai", Model: "gpt-4o", Billable: true, CostNano: reported},
			want: schema.Cost{Nano: 2000, Source: schema.CostComputed, Computed: schema.Count{N: 2000, Set: true}, Input: 2000, Reported: reported, Version: "own@1"},
		},
		"preferred": {
			tenant: "reporter",
			g:      schema.GenAI{Provider: "openai", Model: "gpt-4o", Billable: true, CostNano: reported, CostDetailed: true},
			want:   schema.Cost{Nano: 77, Source: schema.CostReportedDetail, Computed: schema.Count{N: 2000, Set: true}, Input: 2000, Reported: reported, Itemised: true, Version: "own@1"},
		},
		"nothing to compute by": {
			g:    schema.GenAI{Provider: "acme", Model: "gpt-4o", Billable: true, CostNano: reported},
			want: schema.Cost{Nano: 77, Source: schema.CostReportedTotal, Reported: reported}, why: UnknownProvider,
		},
		"a roll-up": {
			g:    schema.GenAI{Provider: "openai", Model: "gpt-4o", CostNano: reported},
			want: schema.Cost{Source: schema.CostNone, Reported: reported},
		},
		"nothing": {
			g:    schema.GenAI{Provider: "acme", Model: "owl", Billable: true},
			want: schema.Cost{Source: schema.CostNone}, why: UnknownProvider,
		},
	} {
		c.g.InputTokens = schema.Count{N: 1, Set: true}
		if got, why := price(t, prefer, c.tenant, time.Now(), &c.g); got != c.want || why != c.why {
			t.Errorf("%s: %+v (%s), want %+v (%s)", name, got, why, c.want, c.why)
		}
	}
}

// TestUnbilledScopes: a call that two instrumentations tell counts once, by the
// books of its record's time.
func TestUnbilledScopes(t *testing.T) {
	books, err := NewBooks(append(mustOwn(t, `
books:
- effective_at: 2030-01-10T00:00:00Z
  unbilled_scopes: [com.anthropic.sdk.*]
- tenant: acme
  unbilled_scopes: [openinference.instrumentation.langchain]
`), mustShipped(t)...)...)
	if err != nil {
		t.Fatal(err)
	}
	before, after := time.Date(2030, 1, 9, 0, 0, 0, 0, time.UTC), time.Date(2030, 1, 10, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		tenant, scope string
		at            time.Time
		billed        bool
	}{
		{"poor", "com.anthropic.sdk.python", before, true},
		{"poor", "com.anthropic.sdk.python", after, false},
		{"acme", "com.anthropic.sdk.python", after, false},
		{"poor", "com.anthropic.sdkpython", after, true},
		{"poor", "openinference.instrumentation.langchain", after, true},
		{"acme", "openinference.instrumentation.langchain", before, false},
		{"acme", "openinference.instrumentation.langchain.x", before, true},
		{"acme", "", after, true},
	} {
		g := &schema.GenAI{
			Provider: "anthropic", Model: "claude-sonnet-4-5", Billable: true,
			InputTokens: schema.Count{N: 1, Set: true}, CostNano: schema.Count{N: 7, Set: true},
		}
		var cost schema.Cost
		span := &schema.Span{Scope: &schema.Scope{Name: c.scope}}
		why := NewPricer(books).Price(c.tenant, c.at.UnixMilli(), span, g, &cost)
		want := schema.Cost{Source: schema.CostNone, Reported: g.CostNano}
		if c.billed {
			want = schema.Cost{Nano: 3000, Source: schema.CostComputed, Computed: schema.Count{N: 3000, Set: true}, Input: 3000, Reported: g.CostNano, Version: cost.Version}
		}
		if g.Billable != c.billed || cost != want || why != Priced {
			t.Errorf("%s %q at %s: billable %t, %+v (%s)", c.tenant, c.scope, c.at, g.Billable, cost, why)
		}
	}
}

func mustShipped(t testing.TB) []*Book {
	t.Helper()
	books, err := Shipped()
	if err != nil {
		t.Fatal(err)
	}
	return books
}

// TestPartsAddUp: whatever a span reports, each of its tokens is charged once.
func TestPartsAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		count := func(name string) schema.Count {
			return schema.Count{N: rapid.Uint64Range(0, 1<<40).Draw(t, name), Set: true}
		}
		u := Usage{
			Input: count("input"), Output: count("output"), CacheRead: count("read"), CacheWrite: count("write"),
			CacheWrite1h: count("hour"), Reasoning: count("reasoning"), AudioInput: count("audio in"), AudioOutput: count("audio out"),
		}
		p := u.Parts()
		if in := p[Input] + p[CacheRead] + p[CacheWrite] + p[CacheWrite1h] + p[AudioInput]; in != u.Input.N {
			t.Errorf("parts of the input are %d of %d", in, u.Input.N)
		}
		if out := p[Output] + p[Reasoning] + p[AudioOutput]; out != u.Output.N {
			t.Errorf("parts of the output are %d of %d", out, u.Output.N)
		}
	})
}

// TestAbsurdCountsSaturate: no count wraps into a small cost.
func TestAbsurdCountsSaturate(t *testing.T) {
	for _, n := range []uint64{1 << 60, math.MaxUint64} {
		g := &schema.GenAI{Provider: "openai", Model: "gpt-4o", Billable: true, InputTokens: schema.Count{N: n, Set: true}, OutputTokens: schema.Count{N: n, Set: true}}
		if cost, _ := price(t, shippedBooks(t), "default", time.Now(), g); cost.Nano != MaxNano {
			t.Errorf("%d tokens cost %d", n, cost.Nano)
		}
	}
}

// TestRounding is half to even, once.
func TestRounding(t *testing.T) {
	for atto, want := range map[uint64]uint64{0: 0, 499_999_999: 0, 500_000_000: 0, 500_000_001: 1, 1_500_000_000: 2, 2_500_000_000: 2, 2_500_000_001: 3} {
		var s sum
		s.add(1, atto)
		if got := s.nano(); got != want {
			t.Errorf("%d atto-dollars: %d, want %d", atto, got, want)
		}
	}
}

func BenchmarkPrice(b *testing.B) {
	p, g := NewPricer(shippedBooks(b)), cases(b)[1].span()
	span, cost := &schema.Span{}, schema.Cost{}
	b.ReportAllocs()
	for b.Loop() {
		p.Price("default", 1, span, g, &cost)
	}
}

func BenchmarkLoad(b *testing.B) {
	text, err := shipped.ReadFile("data/mlflow-3.18.0.tsv")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := parseCatalogue(string(text)); err != nil {
			b.Fatal(err)
		}
	}
}

// TestMoney: amounts as files have them.
func TestMoney(t *testing.T) {
	for text, want := range map[string]uint64{"0": 0, "2.5": 2_500_000_000_000, "1e-06": 1_000_000, "0.000000000001": 1, "0.0000000000005": 0, "0.0000000000015": 2, "12": 12_000_000_000_000} {
		if got, err := money(text, milliDigits); err != nil || got != want {
			t.Errorf("%s: %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", ".", ".5x", "1e99", "-1", "0x10", "1_000", "Inf", "99999999999", "1/3"} {
		if got, err := money(text, milliDigits); err == nil {
			t.Errorf("%q is %d", text, got)
		}
	}
}
