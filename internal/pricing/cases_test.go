package pricing

import (
	"encoding/json"
	"maps"
	"math/big"
	"os"
	"testing"
	"time"

	"github.com/spanmill/spanmill/pkg/schema"
)

// recorded is a case that scripts/prices-cases.sh wrote.
type recorded struct {
	Provider string            `json:"provider"`
	Model    string            `json:"model"`
	Tier     string            `json:"tier"`
	Shape    string            `json:"shape"`
	Usage    map[string]uint64 `json:"usage"`
	Pricing  rawPrices         `json:"pricing"`
	LiteLLM  *float64          `json:"litellm_dollars"`
}

// rawPrices is an entry of MLflow's catalogue: dollars for a million tokens.
type rawPrices struct {
	rawRates
	Tiers map[string]rawRates `json:"service_tiers"`
	Long  []struct {
		Threshold uint64 `json:"threshold_tokens"`
		rawRates
	} `json:"long_context"`
	Modality map[string]rawRates `json:"modality"`
}

type rawRates struct {
	Input   json.Number `json:"input_per_million_tokens"`
	Output  json.Number `json:"output_per_million_tokens"`
	Read    json.Number `json:"cache_read_per_million_tokens"`
	Write   json.Number `json:"cache_write_per_million_tokens"`
	Write1h json.Number `json:"cache_write_1hr_per_million_tokens"`
}

// first is the first number that there is, as dollars for a million tokens.
func first(numbers ...json.Number) *big.Rat {
	for _, n := range numbers {
		if n != "" {
			r, _ := new(big.Rat).SetString(n.String())
			return r
		}
	}
	return new(big.Rat)
}

// nano works the cost out from the raw numbers, sharing nothing with the code.
func (c recorded) nano() *big.Int {
	var long, tier rawRates
	for _, l := range c.Pricing.Long {
		if c.Usage["input"] > l.Threshold {
			long = l.rawRates
		}
	}
	if c.Tier != "" {
		tier = c.Pricing.Tiers[c.Tier]
	}
	base, audio := c.Pricing.rawRates, c.Pricing.Modality["audio"]
	u := c.Usage
	total := new(big.Rat)
	charge := func(tokens uint64, rate *big.Rat) {
		total.Add(total, new(big.Rat).Mul(new(big.Rat).SetInt(new(big.Int).SetUint64(tokens)), rate))
	}
	input, output := first(long.Input, tier.Input, base.Input), first(long.Output, tier.Output, base.Output)
	charge(u["input"]-u["cache_read"]-u["cache_write"]-u["audio_input"], input)
	if u["cache_read"] > 0 {
		charge(u["cache_read"], orRat(first(long.Read, tier.Read, base.Read), input))
	}
	if u["cache_write"] > 0 {
		write := orRat(first(long.Write, tier.Write, base.Write), input)
		charge(u["cache_write"]-u["cache_write_1h"], write)
		charge(u["cache_write_1h"], orRat(first(long.Write1h, tier.Write1h, base.Write1h), write))
	}
	charge(u["audio_input"], orRat(first(audio.Input), input))
	charge(u["output"]-u["audio_output"], output)
	charge(u["audio_output"], orRat(first(audio.Output), output))
	total.Mul(total, big.NewRat(1_000_000_000, 1_000_000)) // nano-dollars, of single tokens
	return halfEven(total)
}

func orRat(r, other *big.Rat) *big.Rat {
	if r.Sign() == 0 {
		return other
	}
	return r
}

func halfEven(r *big.Rat) *big.Int {
	floor := new(big.Int).Div(r.Num(), r.Denom())
	rest := new(big.Rat).Sub(r, new(big.Rat).SetInt(floor))
	switch c := rest.Cmp(big.NewRat(1, 2)); {
	case c > 0, c == 0 && floor.Bit(0) == 1:
		return floor.Add(floor, big.NewInt(1))
	}
	return floor
}

// span is the case as a normalised span.
func (c recorded) span() *schema.GenAI {
	count := func(name string) schema.Count {
		n, ok := c.Usage[name]
		return schema.Count{N: n, Set: ok}
	}
	return &schema.GenAI{
		Provider: c.Provider, Model: c.Model, Billable: true, ServiceTier: c.Tier,
		InputTokens: count("input"), OutputTokens: count("output"),
		CacheReadTokens: count("cache_read"), CacheWriteTokens: count("cache_write"), CacheWrite1hTokens: count("cache_write_1h"),
		ReasoningTokens: count("reasoning"), AudioInputTokens: count("audio_input"), AudioOutputTokens: count("audio_output"),
	}
}

func cases(t testing.TB) []recorded {
	t.Helper()
	content, err := os.ReadFile("testdata/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var out []recorded
	if err := json.Unmarshal(content, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func shippedBooks(t testing.TB) *Books {
	t.Helper()
	books, err := Load(Config{})
	if err != nil {
		t.Fatal(err)
	}
	return books
}

// price prices a span received at the time.
func price(t testing.TB, books *Books, tenant string, at time.Time, g *schema.GenAI) (schema.Cost, Reason) {
	t.Helper()
	var cost schema.Cost
	why := NewPricer(books).Price(tenant, at.UnixMilli(), &schema.Span{}, g, &cost)
	return cost, why
}

// TestCostEqualsTheCatalogue: each cost is to the nano-dollar what the raw
// numbers of the catalogue come to.
func TestCostEqualsTheCatalogue(t *testing.T) {
	books, all := shippedBooks(t), cases(t)
	combinations := make(map[string]bool)
	for _, c := range all {
		cost, why := price(t, books, "default", time.Now(), c.span())
		if why != Priced || cost.Source != schema.CostComputed {
			t.Errorf("%s/%s %q %s: not priced: %s", c.Provider, c.Model, c.Tier, c.Shape, why)
			continue
		}
		taken := c
		taken.Usage = maps.Clone(c.Usage)
		taken.Usage["output"], taken.Usage["audio_output"] = 0, 0
		if want := taken.nano(); cost.Input != want.Uint64() {
			t.Errorf("%s/%s %s %s: %d for input, want %d", c.Provider, c.Model, c.Tier, c.Shape, cost.Input, want)
		}
		if want := c.nano(); cost.Nano != want.Uint64() {
			t.Errorf("%s/%s %q %s: %d nano-dollars, the catalogue's numbers come to %s", c.Provider, c.Model, c.Tier, c.Shape, cost.Nano, want)
		}
		combinations[c.Provider+c.Model+c.Tier+c.Shape] = true
	}
	if len(combinations) < 100 {
		t.Errorf("%d combinations, want 100", len(combinations))
	}
}

// TestCostEqualsLiteLLM: where LiteLLM has the same prices, its function gives
// the same cost, as far as its floating point goes.
func TestCostEqualsLiteLLM(t *testing.T) {
	books, compared := shippedBooks(t), 0
	for _, c := range cases(t) {
		if c.LiteLLM == nil {
			continue
		}
		compared++
		cost, _ := price(t, books, "default", time.Now(), c.span())
		if off := *c.LiteLLM*1e9 - float64(cost.Nano); off < -0.5001 || off > 0.5001 {
			t.Errorf("%s/%s %q %s: %d nano-dollars, LiteLLM says %v", c.Provider, c.Model, c.Tier, c.Shape, cost.Nano, *c.LiteLLM*1e9)
		}
	}
	if compared < 100 {
		t.Errorf("%d cases compared, want 100", compared)
	}
}

// TestCachedTokensHaveTheirOwnRate is golden case 1: 10,000 of 10,500 input
// tokens came from a cache, and cost a tenth.
func TestCachedTokensHaveTheirOwnRate(t *testing.T) {
	g := &schema.GenAI{
		Provider: "anthropic", Model: "claude-sonnet-4-5", Billable: true,
		InputTokens: schema.Count{N: 10_500, Set: true}, CacheReadTokens: schema.Count{N: 10_000, Set: true},
	}
	cost, _ := price(t, shippedBooks(t), "default", time.Now(), g)
	if want := uint64(500*3000 + 10_000*300); cost.Nano != want {
		t.Errorf("%d nano-dollars, want %d", cost.Nano, want)
	}
}
