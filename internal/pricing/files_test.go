package pricing

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spanmill/spanmill/pkg/schema"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// call is usage of all kinds.
func call(provider, model, tier string, input uint64) *schema.GenAI {
	n := func(n uint64) schema.Count { return schema.Count{N: n, Set: true} }
	return &schema.GenAI{
		Provider: provider, Model: model, ServiceTier: tier, Billable: true,
		InputTokens: n(input), OutputTokens: n(1000), CacheReadTokens: n(100), CacheWriteTokens: n(50), CacheWrite1hTokens: n(20),
		ReasoningTokens: n(300), AudioInputTokens: n(10), AudioOutputTokens: n(40),
	}
}

// TestOwnFile: every kind of price that a file can give.
func TestOwnFile(t *testing.T) {
	path := write(t, "acme.yaml", `
books:
- models:
  - provider: acme
    model: owl
    input: "1"
    output: "2"
    cache_read: "0.1"
    cache_write: "1.25"
    cache_write_1h: "2"
    reasoning: "3"
    audio_input: "10"
    audio_output: "20"
    request: "0.000005"
    tiers:
      flex: {input: "0.5"}
      priority:
        input: "4"
        long_context: [{above: 10000, input: "8"}]
    long_context:
    - {above: 20000, output: "30"}
    - {above: 10000, input: "5", output: "6"}
  - {provider: acme, model: search, request: "0.01"}
`)
	books, err := Load(Config{Files: []string{path}, OnlyFiles: true})
	if err != nil {
		t.Fatal(err)
	}
	const parts = 100*100 + 30*1250 + 20*2000 + 10*10_000 + 5000 // besides text and output
	for _, c := range []struct {
		tier  string
		input uint64
		want  uint64
		why   Reason
	}{
		{"", 1000, 840*1000 + parts + 660*2000 + 300*3000 + 40*20_000, Priced},
		{"flex", 1000, 840*500 + parts + 660*2000 + 300*3000 + 40*20_000, Priced},
		{"priority", 10_001, 9841*8000 + parts + 660*2000 + 300*3000 + 40*20_000, Priced},
		{"flex", 10_001, 0, NoTier},
		{"", 10_000, 9840*1000 + parts + 660*2000 + 300*3000 + 40*20_000, Priced},
		{"", 10_001, 9841*5000 + parts + 660*6000 + 300*3000 + 40*20_000, Priced},
		{"", 20_001, 19_841*5000 + parts + 660*30_000 + 300*3000 + 40*20_000, Priced},
		{"turbo", 1000, 0, NoTier},
	} {
		cost, why := price(t, books, "", time.Now(), call("acme", "owl", c.tier, c.input))
		if cost.Computed.N != c.want || why != c.why {
			t.Errorf("%q %d: %d (%s), want %d (%s)", c.tier, c.input, cost.Computed.N, why, c.want, c.why)
		}
	}
	perCall, why := price(t, books, "", time.Now(), &schema.GenAI{Provider: "acme", Model: "search", Billable: true})
	if perCall.Nano != 10_000_000 || why != Priced {
		t.Errorf("a call costs %d (%s)", perCall.Nano, why)
	}
	var failed schema.Cost
	why = NewPricer(books).Price("", 1, &schema.Span{StatusCode: 2}, &schema.GenAI{Provider: "acme", Model: "search", Billable: true}, &failed)
	if why != NoUsage || failed.Computed.Set {
		t.Errorf("a failed call costs %+v (%s)", failed, why)
	}
}

// TestLiteLLMFile: the fields that price tokens, and from when.
func TestLiteLLMFile(t *testing.T) {
	path := write(t, "lite.json", `{
"sample_spec": {"input_cost_per_token": "what a token costs"},
"owl": {"litellm_provider": "acme", "mode": "chat", "max_tokens": 8192, "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06,
  "cache_read_input_token_cost": 1.0000000000000001e-07, "cache_creation_input_token_cost": 1.25e-06, "cache_creation_input_token_cost_above_1hr": 2e-06,
  "output_cost_per_reasoning_token": 3e-06, "input_cost_per_audio_token": 1e-05, "output_cost_per_audio_token": 2e-05, "supports_vision": true,
  "input_cost_per_token_batches": 5e-07, "input_cost_per_token_above_128k_tokens": 4e-06, "input_cost_per_token_above_128k_tokens_priority": 9e-06,
  "input_cost_per_token_priority": 8e-06, "input_cost_per_request": 0.000005, "output_cost_per_image": 0.04},
"vertex_ai/gemini-x": {"litellm_provider": "vertex_ai-language-models", "input_cost_per_token": 1e-06},
"azure/deployment": {"litellm_provider": "azure", "input_cost_per_token": 1e-06},
"ft:owl": {"litellm_provider": "acme", "input_cost_per_token": 3e-06},
"painter": {"litellm_provider": "acme", "output_cost_per_image": 0.04}
}`)
	at := time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC)
	books, err := Load(Config{Files: []string{path + "@" + at.Format(time.RFC3339)}, OnlyFiles: true})
	if err != nil {
		t.Fatal(err)
	}
	const rest = 100*100 + 30*1250 + 20*2000 + 10*10_000 + 5000 + 660*2000 + 300*3000 + 40*20_000
	for tier, rate := range map[string]uint64{"": 1000, "batch": 500, "priority": 8000} {
		if cost, why := price(t, books, "", at, call("acme", "owl", tier, 1000)); cost.Nano != 840*rate+rest {
			t.Errorf("%q: %d (%s), want %d", tier, cost.Nano, why, 840*rate+rest)
		}
	}
	for tier, rate := range map[string]uint64{"": 4000, "priority": 9000} {
		if cost, why := price(t, books, "", at, call("acme", "owl", tier, 128_001)); cost.Nano != 127_841*rate+rest {
			t.Errorf("long, %q: %d (%s), want %d", tier, cost.Nano, why, 127_841*rate+rest)
		}
	}
	for _, c := range []Call{
		{Provider: "azure.ai.openai", Model: "deployment", At: at},
		{Provider: "gcp.vertex_ai", Model: "gemini-x", At: at},
		{Provider: "acme", Model: "ft:owl:somebody:Ab12", At: at},
	} {
		if m := books.Find(c, nil); m.Why != Priced {
			t.Errorf("%s/%s: %s", c.Provider, c.Model, m.Why)
		}
	}
	if m := books.Find(Call{Provider: "acme", Model: "owl", At: at.Add(-time.Millisecond)}, nil); m.Why != UnknownProvider {
		t.Errorf("before it is in force: %q", m.Why)
	}
	if m := books.Find(Call{Provider: "acme", Model: "painter", At: at}, nil); m.Why != UnknownModel {
		t.Errorf("what is not sold by tokens: %q", m.Why)
	}
}

// TestBadFiles are refused, with the reason.
func TestBadFiles(t *testing.T) {
	for text, want := range map[string]string{
		``:          "EOF",
		`books: []`: "no books",
		`books: [{models: [{provider: a, model: b, inptu: "1"}]}]`:                                      "inptu",
		`books: [{models: [{provider: a, model: b, input: "-1"}]}]`:                                     "not an amount",
		`books: [{models: [{provider: a, model: b, input: "1e99"}]}]`:                                   "beyond",
		`books: [{models: [{provider: a, model: b, input: "1e999999999"}]}]`:                            "not an amount",
		`books: [{models: [{provider: a, model: b, input: "NaN"}]}]`:                                    "not an amount",
		`books: [{models: [{provider: a, input: "1"}]}]`:                                                "need a name",
		`books: [{unbilled_scopes: ["*"]}]`:                                                             "names no scope",
		`books: [{effective_at: tomorrow}]`:                                                             "no time",
		`books: [{models: [{provider: a, model: b, input: "1"}, {provider: a, model: b, input: "2"}]}]`: "two prices",
		`books: [{models: [{provider: a, model: b, input: "1", long_context: [{input: "1"}]}]}]`:        "above",
		`{"x": {"litellm_provider": "a", "input_cost_per_token": "cheap"}}`:                             "not an amount",
		`{"x": {"input_cost_per_token": 1}}`:                                                            "no litellm_provider",
		`{"x": 1}`:                                                                                      "not an object",
		`{}`:                                                                                            "no models",
	} {
		path := write(t, "prices", text)
		if err := (Config{Files: []string{path}}).Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	if err := (Config{Files: []string{"/nowhere"}}).Validate(); err == nil {
		t.Error("a file that is not there is accepted")
	}
	twice := write(t, "a.yaml", "books: [{models: [{provider: a, model: b, input: \"1\"}]}]")
	if _, err := Load(Config{Files: []string{twice, twice}}); err == nil {
		t.Error("a file that is named twice is accepted")
	}
}
