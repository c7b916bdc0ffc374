package corpus_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spanmill/spanmill/internal/pricing"
)

// bills are what the calls of each scenario come to by the shipped catalogue, in
// nano-dollars, whoever instrumented them: LangChain calls OpenAI.
var bills = map[string]map[string]uint64{
	"openai": {
		"agent": 22_500, "cached": 115_350, "chat": 7_650, "embeddings": 260, "error": 0, "reasoning": 311_300,
		"responses": 149_800, "responses-stream": 6_600, "stream": 6_600, "tools": 22_500,
	},
	"anthropic": {"cached": 14_859_450, "chat": 177_000, "error": 0, "reasoning": 1_053_000, "stream": 153_000, "tools": 501_000},
	"google":    {"cached": 72_140, "chat": 25_700, "error": 0, "reasoning": 173_300, "stream": 22_300, "tools": 67_700},
	"langchain": {"agent": 22_500, "chat": 7_650},
}

// otherwise is what a capture comes to instead, and why nothing can be done
// about it.
type otherwise struct {
	nano   uint64
	reason string
}

// Reasons that several captures have.
const (
	noHour  = "the instrumentation does not tell an hour's cache writes from those of five minutes"
	noCache = "the instrumentation, or the SDK of that age, does not tell what came from the cache"
	oneTurn = "the AI SDK's scenario is the first of three turns"
)

var billedOtherwise = map[string]otherwise{
	"otel/anthropic.cached":           {11_644_200, noHour},
	"openinference/anthropic.cached":  {11_644_200, noHour},
	"openllmetry/anthropic.cached":    {11_644_200, noHour},
	"vercel/anthropic.cached":         {5_514_750, oneTurn},
	"otel/older-openai.cached":        {220_950, noCache},
	"vercel/older-openai.cached":      {220_950, noCache},
	"openllmetry/older-openai.stream": {0, "the version of that age reports no usage of streams"},
	"openllmetry/anthropic.stream":    {258_000, "OpenLLMetry adds the count that a stream begins with to the one that it ends with"},
	"mlflow/anthropic.stream":         {0, "MLflow's autologging does not read the Anthropic SDK's streams"},
	"mlflow/openai.embeddings":        {0, noUsage},
	"vercel/openai.agent":             {28_500, longerSchema},
	"vercel/openai.tools":             {28_500, longerSchema},
	"vercel/older-openai.agent":       {28_500, longerSchema},
	"vercel/anthropic.tools":          {621_000, longerSchema},
	"vercel/google.tools":             {92_300, longerSchema},
}

// sdk is the scope of the spans that the Anthropic SDK makes by itself, as soon
// as an application has a tracer provider: also of calls that an instrumentation
// tells of.
const sdk = "com.anthropic.sdk.python"

// TestBills: a call costs the same, once, whichever instrumentations told it.
func TestBills(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "prices.yaml")
	if err := os.WriteFile(path, []byte("books: [{unbilled_scopes: ["+sdk+"]}]"), 0o600); err != nil {
		t.Fatal(err)
	}
	books, err := pricing.Load(pricing.Config{Files: []string{path}})
	if err != nil {
		t.Fatal(err)
	}
	used := 0
	for _, c := range all(t) {
		if c.signal != "traces" {
			continue
		}
		got := uint64(0)
		for _, n := range spans(t, c) {
			got += priced(&n, books).Computed.N
		}
		want, known := bills[strings.TrimSuffix(strings.TrimPrefix(c.variant, "older-"), "-logs")][c.scenario]
		if other, listed := billedOtherwise[c.dialect+"/"+c.variant+"."+c.scenario]; listed {
			if used++; other.nano == want || other.reason == "" {
				t.Errorf("%s is listed without need", c)
			}
			want = other.nano
		}
		if got != want || !known {
			t.Errorf("%s: %d nano-dollars, want %d", c, got, want)
		}
	}
	if used != len(billedOtherwise) {
		t.Errorf("%d of %d captures that are listed exist", used, len(billedOtherwise))
	}
}

// twice are the instrumentations whose calls come a second time, from another
// scope. No span alone shows it: the SDK's spans are the same without the
// instrumentation, and then they are all there is.
var twice = map[string]string{
	"openinference.instrumentation.anthropic":       sdk,
	"opentelemetry.instrumentation.genai.anthropic": sdk,
	"opentelemetry.instrumentation.anthropic":       sdk,
}

// TestCallsToldTwice: docs/pricing.md lists the combinations that bill a call
// twice unless one of the scopes is left unbilled. One that is not listed fails
// here.
func TestCallsToldTwice(t *testing.T) {
	t.Parallel()
	seen := make(map[string]string)
	for _, c := range all(t) {
		if c.signal != "traces" {
			continue
		}
		scopes := make(map[string]bool)
		for _, n := range spans(t, c) {
			if n.genai.Billable {
				scopes[n.span.Scope.Name] = true
			}
		}
		for scope := range scopes {
			switch {
			case scope == sdk || len(scopes) == 1:
			case len(scopes) == 2 && scopes[sdk]:
				seen[scope] = sdk
			default:
				t.Errorf("%s: scopes %v", c, scopes)
			}
		}
	}
	if diff := cmp.Diff(twice, seen); diff != "" {
		t.Errorf("told twice (-listed +seen):\n%s", diff)
	}
}
