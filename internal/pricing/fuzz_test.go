package pricing

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spanmill/spanmill/pkg/schema"
)

// FuzzFind: whatever a span names, a search ends after a bounded number of
// looks, finds a model that the book has, of a provider that the span means, and
// never without a provider; what it costs is what its parts cost, and no more
// than can be stored.
func FuzzFind(f *testing.F) {
	shipped, err := Shipped()
	if err != nil {
		f.Fatal(err)
	}
	books, err := NewBooks(append(mustOwn(f, `
books:
- models:
  - {provider: acme, model: "owl*", input: "1", request: "0.01", tiers: {flex: {input: "0.5"}}, long_context: [{above: 1000, output: "3"}]}
  aliases: [{provider: acme, model: eule, means_provider: openai, means_model: gpt-4o}]
`), shipped...)...)
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []struct{ provider, model, tier string }{
		{"openai", "gpt-4o-2024-08-06", ""},
		{"", "anthropic/claude-sonnet-4-5", "batch"},
		{"gcp.gen_ai", "models/gemini-2.5-flash-preview-05-06", "flex"},
		{"aws.bedrock", "arn:aws:bedrock:eu-west-1:1:inference-profile/eu.anthropic.claude-3-haiku-20240307-v1:0", ""},
		{"acme", "owl-001-001-001", "flex"},
		{"litellm", "acme/EULE", ""},
		{"openai", "ft:gpt-4o-mini:o:n:i", "priority"},
		{" OpenAI ", "-001-001-@:", "default"},
	} {
		f.Add(s.provider, s.model, s.tier, uint64(1200), uint64(1000), uint64(300), uint64(200))
	}
	pricer := NewPricer(books)
	f.Fuzz(func(t *testing.T, provider, model, tier string, input, read, output, reasoning uint64) {
		looks := 0
		m := books.Find(Call{Provider: provider, Model: model, Tier: tier, At: time.UnixMilli(1)}, func(Try) { looks++ })
		if most := 64 * (16 + maxName); looks > most {
			t.Errorf("%d looks", looks)
		}
		g := &schema.GenAI{
			Provider: provider, Model: model, ServiceTier: tier, Billable: true,
			InputTokens: schema.Count{N: input, Set: true}, CacheReadTokens: schema.Count{N: read, Set: true},
			OutputTokens: schema.Count{N: output, Set: true}, ReasoningTokens: schema.Count{N: reasoning, Set: true},
		}
		var cost schema.Cost
		why := pricer.Price("", 1, &schema.Span{}, g, &cost)
		if m.Why != Priced {
			if why != m.Why || cost.Computed.Set {
				t.Errorf("unpriced (%s), and costs %+v (%s)", m.Why, cost, why)
			}
			return
		}
		named := strings.TrimSpace(provider)
		if named == "" && !strings.Contains(model, "/") {
			t.Errorf("%q has a price without a provider", model)
		}
		if !slices.ContainsFunc(books.All(), func(b *Book) bool { return b.has(key{m.Provider, m.Model}) != nil || strings.HasSuffix(m.Model, "*") }) {
			t.Errorf("%s/%s is in no book", m.Provider, m.Model)
		}
		if cost.Computed.N > MaxNano || cost.Computed.Set != (why == Priced) {
			t.Errorf("costs %+v (%s)", cost, why)
		}
	})
}
