package pricing

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/spanmill/spanmill/pkg/schema"
)

// TestFind: how names lead to prices, and which do not.
func TestFind(t *testing.T) {
	books := shippedBooks(t)
	for _, c := range []struct {
		provider, model, tier string
		want                  string // step and name, or the reason
	}{
		{"openai", "gpt-4o", "", "exact gpt-4o"},
		{"openai", "GPT-4o", "", "stripped gpt-4o"},
		{"openai", "openai/gpt-4o", "", "stripped gpt-4o"},
		{"openai", "gpt-4o-2031-01-02", "", "stripped gpt-4o"},
		{"openai", "ft:gpt-4o-2024-08-06:my-org:x:Ab12", "", "unknown_model"}, // dearer than what it is made of
		{" OpenAI ", "gpt-4o", "", "exact gpt-4o"},
		{"openai", "gpt-4o", "default", "exact gpt-4o"},
		{"openai", "gpt-4o", "batch", "exact gpt-4o"},
		{"anthropic", "claude-sonnet-4-5@20990101", "", "stripped claude-sonnet-4-5"},
		{"anthropic", "claude-sonnet-4-5-latest", "", "prefix claude-sonnet-4-5"},
		{"gcp.gemini", "models/gemini-2.5-flash", "", "stripped gemini-2.5-flash"},
		{"gcp.gemini", "gemini-2.5-flash-preview-11-2031", "", "prefix gemini-2.5-flash"},
		{"gcp.gemini", "gemini-2.5-flash-preview-05-06", "", "prefix gemini-2.5-flash"},
		{"gcp.vertex_ai", "projects/p/locations/l/publishers/google/models/gemini-2.5-flash", "", "stripped gemini-2.5-flash"},
		{"gcp.gen_ai", "gemini-2.5-flash", "", "exact gemini-2.5-flash"},
		{"gcp.gen_ai", "gemini-2.5-pro", "", "unknown_provider"}, // which differ in a rate
		{"gcp.gen_ai", "google/gemini-2.5-flash", "", "exact gemini-2.5-flash"},
		{"gcp.gemini", "googleai/gemini-2.5-flash", "", "stripped gemini-2.5-flash"},
		{"", "googleai/gemini-2.5-flash", "", "exact gemini-2.5-flash"},
		{"azure.ai.openai", "gpt-4o", "", "exact gpt-4o"},
		{"aws.bedrock", "arn:aws:bedrock:eu-west-1:1:inference-profile/apac.anthropic.claude-3-haiku-20240307-v1:0", "", "stripped anthropic.claude-3-haiku-20240307-v1:0"},
		{"aws.bedrock", "ca.anthropic.claude-3-haiku-20240307-v1:0", "", "stripped anthropic.claude-3-haiku-20240307-v1:0"},
		{"litellm", "anthropic/claude-sonnet-4-5", "", "exact claude-sonnet-4-5"},
		{"", "mistral/mistral-large-latest", "", "exact mistral-large-latest"},

		// Another model is not a release of this one.
		{"anthropic", "claude-opus-4-99", "", "unknown_model"},
		{"openai", "gpt-4o-nano", "", "unknown_model"},
		{"openai", "gpt-4.9", "", "unknown_model"},
		{"openai", "gpt-5-pro-max", "", "unknown_model"},
		{"openai", "gpt", "", "unknown_model"},
		{"openai", "gpt-4o", "scale", "no_tier"},
		{"openai", "", "", "no_model"},
		{"", "gpt-4o", "", "unknown_provider"},
		{"azure.ai.inference", "gpt-4o-mini-2024-07-18-none", "", "unknown_model"},
	} {
		m := books.Find(Call{Provider: c.provider, Model: c.model, Tier: c.tier, At: time.Now()}, nil)
		got := string(m.Why)
		if m.Why == Priced {
			got = fmt.Sprintf("%s %s", m.Step, m.Model)
		}
		if got != c.want {
			t.Errorf("%s/%s %s: %s, want %s", c.provider, c.model, c.tier, got, c.want)
		}
	}
}

// TestUnknownProviderIsNotPriced: a model's name does not tell who sells it.
func TestUnknownProviderIsNotPriced(t *testing.T) {
	books := shippedBooks(t)
	for _, provider := range []string{"", "acme", "vllm", "hugging_face", "open ai", "litellm"} {
		for _, model := range []string{"gpt-4o", "claude-sonnet-4-5", "gemini-2.5-pro"} {
			g := &schema.GenAI{Provider: provider, Model: model, Billable: true, InputTokens: schema.Count{N: 5, Set: true}}
			cost, why := price(t, books, "default", time.Now(), g)
			if why != UnknownProvider || cost.Computed.Set || cost.Nano != 0 || cost.Source != schema.CostNone {
				t.Errorf("%q/%s: %+v, reason %q: want no price", provider, model, cost, why)
			}
		}
	}
}

// TestOrderOfBooks: a tenant's own before the operator's before the shipped
// ones, the newest in force first, and a certain match before all of that.
func TestOrderOfBooks(t *testing.T) {
	day := func(d int) time.Time { return time.Date(2030, 1, d, 0, 0, 0, 0, time.UTC) }
	own := mustOwn(t, `
books:
- effective_at: 2030-01-10T00:00:00Z
  models:
  - {provider: openai, model: gpt-4o, input: "7", output: "7"}
- effective_at: 2030-01-20T00:00:00Z
  models:
  - {provider: openai, model: gpt-4o, input: "8", output: "8"}
  - {provider: openai, model: "gpt-4*", input: "1", output: "1"}
  - {provider: acme, model: owl, input: "5", aliases: [eule]}
  - {provider: openai, model: o3}
  aliases:
  - {provider: azure.ai.openai, model: prod, means_model: gpt-4o}
  - {provider: acme, model: proxy, means_provider: anthropic, means_model: claude-sonnet-4-5}
- tenant: rich
  effective_at: 2030-01-15T00:00:00Z
  models:
  - {provider: openai, model: gpt-4o, input: "9", output: "9"}
`)
	shipped, err := Shipped()
	if err != nil {
		t.Fatal(err)
	}
	books, err := NewBooks(append(slices.Clone(shipped), own...)...)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		tenant, provider, model string
		at                      time.Time
		micro                   uint64 // of an input token; 0: not priced
	}{
		{"poor", "openai", "gpt-4o", day(9), 2_500_000},
		{"poor", "openai", "gpt-4o", day(10).Add(-time.Millisecond), 2_500_000},
		{"poor", "openai", "gpt-4o", day(10), 7_000_000},
		{"poor", "openai", "gpt-4o", day(20), 8_000_000},
		{"rich", "openai", "gpt-4o", day(14), 7_000_000},
		{"rich", "openai", "gpt-4o", day(15), 9_000_000},
		{"rich", "openai", "gpt-4o", day(25), 9_000_000},
		{"poor", "openai", "gpt-4o-mini", day(25), 150_000}, // the shipped name, not the operator's *
		{"poor", "openai", "gpt-4.9-x", day(25), 1_000_000},
		{"poor", "openai", "gpt-4.9-x", day(15), 0},
		{"poor", "acme", "owl", day(15), 0},
		{"poor", "acme", "EULE", day(25), 5_000_000},
		{"poor", "azure.ai.openai", "prod", day(25), 2_500_000},
		{"poor", "acme", "proxy", day(25), 3_000_000},
		{"poor", "openai", "o3", day(15), 2_000_000},
		{"poor", "openai", "o3", day(25), 0}, // the operator took its price away
	} {
		g := &schema.GenAI{Provider: c.provider, Model: c.model, Billable: true, InputTokens: schema.Count{N: 1_000_000, Set: true}}
		cost, why := price(t, books, c.tenant, c.at, g)
		if cost.Nano != c.micro*1000 {
			t.Errorf("%s %s/%s at %s: %d nano-dollars (%s), want %d", c.tenant, c.provider, c.model, c.at, cost.Nano, why, c.micro*1000)
		}
	}
}

func mustOwn(t testing.TB, text string) []*Book {
	t.Helper()
	books, err := parseOwn([]byte(text), "own@1")
	if err != nil {
		t.Fatal(err)
	}
	return books
}

// TestExplained: a search tells each name it looked up, the found one last.
func TestExplained(t *testing.T) {
	var tries []Try
	m := shippedBooks(t).Find(Call{Provider: "openai", Model: "gpt-4o-2031-01-02", At: time.Now()}, func(x Try) { tries = append(tries, x) })
	if m.Why != Priced || len(tries) < 3 {
		t.Fatalf("%v after %d tries", m.Why, len(tries))
	}
	for i, x := range tries {
		if last := i == len(tries)-1; x.Found != last {
			t.Errorf("try %d of %d: %+v", i, len(tries), x)
		}
	}
}
