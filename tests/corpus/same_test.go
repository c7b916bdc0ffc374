package corpus_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/spanmill/spanmill/internal/pricing"
	"github.com/spanmill/spanmill/pkg/schema"
)

// call is a model call of a conversation, as every dialect should tell it.
type call struct {
	kind, provider, model string
	input, output, cached string // tokens, "" if not told
	reasoning             string
	cost                  string // nano-dollars by the shipped catalogue
	// What the text that went in, and came out, holds.
	asked, answered []string
}

// conversation is a scenario of the openai SDK: its calls, in their order, and
// the kinds of its spans as a tree.
type conversation struct {
	scenario string
	tree     string
	calls    []call
}

const (
	mini    = "gpt-4o-mini-2024-07-18"
	weather = "How is the weather in Paris?"
	sunny   = "18 °C and sunny in Paris"
)

// conversations are what the fakes answered; the costs are the catalogue's
// rates for gpt-4o-mini (0.15 and 0.60 dollars a million tokens, 0.075 cached)
// and o3-mini (1.10 and 4.40).
var conversations = []conversation{
	{"chat", "LLM", []call{{
		"LLM", "openai", mini, "19", "8", "", "", "7650",
		[]string{"Be brief.", "What is the capital of France?"},
		[]string{"The capital of France is Paris."},
	}}},
	{"stream", "LLM", []call{{
		"LLM", "openai", mini, "16", "7", "", "", "6600",
		[]string{"Be brief.", "Où est le chat? 🐈"},
		[]string{"Le chat est sur le tapis. 🐈"},
	}}},
	{"cached", "LLM", []call{{
		"LLM", "openai", mini, "1441", "8", "1408", "", "115350",
		[]string{"name your sources", "What is the capital of France?"},
		[]string{"The capital of France is Paris."},
	}}},
	{"reasoning", "LLM", []call{{
		"LLM", "openai", "o3-mini-2025-01-31", "11", "68", "", "64", "311300",
		[]string{"Think: what is 6 times 7?"},
		[]string{"6 times 7 is 42."},
	}}},
	{"embeddings", "EMBEDDING", []call{{
		"EMBEDDING", "openai", "text-embedding-3-small", "13", "", "", "", "260",
		[]string{"What is the capital of France?", "Où est le chat? 🐈"},
		nil,
	}}},
	{"agent", "AGENT(LLM TOOL LLM)", []call{
		{"LLM", "openai", mini, "34", "7", "", "", "9300", []string{weather}, []string{"get_weather", "Paris"}},
		{"TOOL", "", "", "", "", "", "", "", []string{"Paris"}, []string{sunny}},
		{"LLM", "openai", mini, "48", "10", "", "", "13200", []string{weather, sunny}, []string{"The tool says: " + sunny}},
	}},
}

// TestSameConversation: a conversation reads the same, whoever instrumented
// it. What differs is listed with its reason in differences; an entry that is
// no longer needed fails too.
func TestSameConversation(t *testing.T) {
	t.Parallel()
	used := make(map[string]bool)
	for _, dialect := range dialects {
		for _, conversation := range conversations {
			c := capture{dialect, "openai", conversation.scenario, "traces"}
			t.Run(c.String(), func(t *testing.T) {
				for where, got := range told(t, c, conversation) {
					name := dialect + " " + conversation.scenario + " " + where
					if listed := differences[name]; listed.got != got || listed.reason == "" {
						t.Errorf("%s: %s, which differences does not list", name, got)
					}
					used[name] = true
				}
			})
		}
	}
	for name := range differences {
		if !used[name] {
			t.Errorf("%s does not differ any more: delete the entry", name)
		}
	}
}

// told gives what a capture tells otherwise than the conversation: "got, not
// want" by place.
func told(t *testing.T, c capture, want conversation) map[string]string {
	t.Helper()
	list := spans(t, c)
	differs := make(map[string]string)
	note := func(where, got, want string) {
		if got != want {
			differs[where] = fmt.Sprintf("%q, not %q", got, want)
		}
	}
	note("tree", tree(list), want.tree)
	var leaves []normalized
	for _, n := range list {
		if n.genai.Billable || n.genai.Kind == "TOOL" {
			leaves = append(leaves, n)
		}
	}
	note("calls", fmt.Sprint(len(leaves)), fmt.Sprint(len(want.calls)))
	for i := range min(len(leaves), len(want.calls)) {
		g, w := &leaves[i].genai, want.calls[i]
		at := func(column string) string { return fmt.Sprintf("%d %s", i+1, column) }
		note(at("kind"), g.Kind, w.kind)
		note(at("provider"), g.Provider, w.provider)
		note(at("model"), g.Model, w.model)
		note(at("input tokens"), counted(g.InputTokens), w.input)
		note(at("output tokens"), counted(g.OutputTokens), w.output)
		note(at("cached tokens"), unlessZero(g.CacheReadTokens), w.cached)
		note(at("reasoning tokens"), unlessZero(g.ReasoningTokens), w.reasoning)
		note(at("cost"), cost(t, &leaves[i]), w.cost)
		note(at("input"), missing(g.Input, w.asked), "")
		note(at("output"), missing(g.Output, w.answered), "")
	}
	return differs
}

func counted(c schema.Count) string {
	if !c.Set {
		return ""
	}
	return fmt.Sprint(c.N)
}

// unlessZero: some dialects say that nothing was cached, others say nothing.
func unlessZero(c schema.Count) string {
	if c.N == 0 {
		return ""
	}
	return counted(c)
}

// cost is what the shipped catalogue computes, as the writer does.
func cost(t *testing.T, n *normalized) string {
	t.Helper()
	books, err := pricing.Load(pricing.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return counted(priced(n, books).Computed)
}

// priced prices a span as the writer does.
func priced(n *normalized, books *pricing.Books) (c schema.Cost) {
	pricing.NewPricer(books).Price("default", int64(n.span.StartUnixNano/1e6), &n.span, &n.genai, &c)
	return c
}

// missing gives the texts that content does not hold.
func missing(content string, texts []string) string {
	all := plain(content)
	var lost []string
	for _, text := range texts {
		if !strings.Contains(all, text) {
			lost = append(lost, text)
		}
	}
	return strings.Join(lost, "; ")
}

// plain joins the strings of a JSON document, and of the documents in them.
func plain(text string) string {
	var v any
	if json.Unmarshal([]byte(text), &v) != nil {
		return text
	}
	switch v := v.(type) {
	case string:
		return plain(v)
	case map[string]any, []any:
		return strings.Join(leavesOf(v, nil), "\n")
	}
	return text
}

func leavesOf(v any, out []string) []string {
	switch v := v.(type) {
	case string:
		return append(out, plain(v))
	case []any:
		for _, item := range v {
			out = leavesOf(item, out)
		}
	case map[string]any:
		for key, item := range v {
			out = leavesOf(item, append(out, key))
		}
	}
	return out
}

// tree writes the kinds of a trace's spans: AGENT(LLM TOOL LLM).
func tree(list []normalized) string {
	children := make(map[schema.SpanID][]normalized)
	known := make(map[schema.SpanID]bool)
	for _, n := range list {
		known[n.span.SpanID] = true
	}
	for _, n := range list {
		parent := n.span.ParentSpanID
		if !known[parent] {
			parent = schema.SpanID{}
		}
		children[parent] = append(children[parent], n)
	}
	return treeBelow(children, schema.SpanID{})
}

func treeBelow(children map[schema.SpanID][]normalized, parent schema.SpanID) string {
	var kinds []string
	for _, n := range children[parent] {
		kind := n.genai.Kind
		if below := treeBelow(children, n.span.SpanID); below != "" {
			kind += "(" + below + ")"
		}
		kinds = append(kinds, kind)
	}
	return strings.Join(kinds, " ")
}
