package corpus_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spanmill/spanmill/internal/pricing"
)

// sdk is the scope of the spans that the Anthropic SDK makes by itself, as soon
// as an application has a tracer provider: also of calls that an instrumentation
// tells of.
const sdk = "com.anthropic.sdk.python"

// twice are the instrumentations whose calls come a second time, from another
// scope. No span alone shows it: the SDK's spans are the same without the
// instrumentation, and then they are all there is.
var twice = map[string]string{
	"openinference.instrumentation.anthropic":       sdk,
	"opentelemetry.instrumentation.genai.anthropic": sdk,
	"opentelemetry.instrumentation.anthropic":       sdk,
}

// TestCallsToldTwice: docs/pricing.md lists the combinations that bill a call
// twice, and what keeps them from it. One that is not listed fails here.
func TestCallsToldTwice(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "prices.yaml")
	if err := os.WriteFile(path, []byte("books: [{unbilled_scopes: ["+sdk+"]}]"), 0o600); err != nil {
		t.Fatal(err)
	}
	books, err := pricing.Load(pricing.Config{Files: []string{path}})
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]string)
	for _, c := range all(t) {
		if c.signal != "traces" {
			continue
		}
		calls := make(map[string]int) // by scope
		tokens := make(map[string]uint64)
		billed := uint64(0)
		for _, n := range spans(t, c) {
			if !n.genai.Billable {
				continue
			}
			sent := n.genai.InputTokens.N + n.genai.OutputTokens.N
			calls[n.span.Scope.Name]++
			tokens[n.span.Scope.Name] += sent
			if priced(&n, books); n.genai.Billable {
				billed += sent
			}
		}
		if len(calls) < 2 {
			continue
		}
		delete(calls, sdk)
		scope := slices.Collect(maps.Keys(calls))
		if len(scope) != 1 || tokens[scope[0]] != tokens[sdk] {
			t.Errorf("%s: %d calls beside the SDK's, tokens %v", c, len(calls), tokens)
			continue
		}
		seen[scope[0]] = sdk
		if billed != tokens[sdk] {
			t.Errorf("%s: %d tokens are billed of %d that were used", c, billed, tokens[sdk])
		}
	}
	if diff := cmp.Diff(twice, seen); diff != "" {
		t.Errorf("told twice (-listed +seen):\n%s", diff)
	}
}
