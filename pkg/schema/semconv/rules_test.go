package semconv

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/spanmill/spanmill/pkg/schema"
)

func normalize(s *schema.Span) (g schema.GenAI) {
	New().Normalize(s, &g)
	return g
}

func TestTokenForms(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		sent     any
		want     schema.Count
		rejected int
	}{
		{26, tokens(26), 0},
		{0, tokens(0), 0},
		{26.0, tokens(26), 0},
		{"26", tokens(26), 0},
		{`"26"`, tokens(26), 0},
		{" 26 ", tokens(26), 0},
		{"2.6e1", tokens(26), 0},
		{`{"intValue":26}`, tokens(26), 0},
		{`{"intValue":"26"}`, tokens(26), 0},
		{"18446744073709551615", tokens(math.MaxUint64), 0},
		{"18446744073709551616", tokens(math.MaxUint64), 0},
		{1e300, tokens(math.MaxUint64), 0},
		{"-0", tokens(0), 0},
		{"", schema.Count{}, 0},
		{"null", schema.Count{}, 0},
		{nil, schema.Count{}, 0},
		{-1, schema.Count{}, 1},
		{-0.5, schema.Count{}, 1},
		{"-3", schema.Count{}, 1},
		{math.NaN(), schema.Count{}, 1},
		{math.Inf(1), schema.Count{}, 1},
		{"NaN", schema.Count{}, 1},
		{"0x10", schema.Count{}, 1},
		{"1_000", schema.Count{}, 1},
		{"26 tokens", schema.Count{}, 1},
		{"1e", schema.Count{}, 1},
		{".", schema.Count{}, 1},
		{true, schema.Count{}, 1},
		{list{1}, schema.Count{}, 1},
		{strings.Repeat("1", 65), schema.Count{}, 1},
	} {
		g := normalize(span("gen_ai.usage.input_tokens", tc.sent))
		if g.InputTokens != tc.want || g.Rejected != tc.rejected {
			t.Errorf("%v: %+v, rejected %d; want %+v, %d", tc.sent, g.InputTokens, g.Rejected, tc.want, tc.rejected)
		}
	}
}

func TestCostIsRoundedOnceHalfToEven(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		sent any
		want schema.Count
	}{
		{0.00015, tokens(150_000)},
		{0.1, tokens(100_000_000)},
		{3, tokens(3_000_000_000)},
		{"0.0000000005", tokens(0)},
		{"0.0000000015", tokens(2)},
		{"0.0000000025", tokens(2)},
		{"0.00000000250000000000000001", tokens(3)},
		{2.5e-9, tokens(2)},
		{1.5e-9, tokens(2)},
		{4.9999e-10, tokens(0)},
		{"9223372036.854775807", tokens(math.MaxInt64)},
		{"9223372036.8547758074", tokens(math.MaxInt64)},
		{"9223372036.8547758075", schema.Count{}},
		{math.MaxInt64, schema.Count{}},
		{1e300, schema.Count{}},
		{-0.01, schema.Count{}},
	} {
		if g := normalize(span("gen_ai.usage.cost", tc.sent)); g.CostNano != tc.want {
			t.Errorf("%v: %+v, want %+v", tc.sent, g.CostNano, tc.want)
		}
	}
}

func TestDetailedCostBeforeTotal(t *testing.T) {
	t.Parallel()
	g := normalize(span("gen_ai.usage.cost", 2.0, "mlflow.llm.cost", `{"total_cost": 1.0}`))
	if g.CostNano != tokens(1_000_000_000) {
		t.Errorf("cost %+v", g.CostNano)
	}
}

func TestEmptyValuesLeaveItToTheNextSource(t *testing.T) {
	t.Parallel()
	for _, empty := range []any{nil, "", "{}", "[]", "null", list{}, dict{}} {
		g := normalize(span("mlflow.spanInputs", empty, "mlflow.trace.session", empty, "input.value", "x", "session.id", "s"))
		if g.Input != "x" || g.SessionID != "s" {
			t.Errorf("%#v: input %q, session %q", empty, g.Input, g.SessionID)
		}
	}
}

func TestIdentityIsLookedForAround(t *testing.T) {
	t.Parallel()
	s := span("user.id", "span's", "service.name", "guess")
	s.Resource = &schema.Resource{Attrs: attrs("service.name", "shop", "user.id", "resource's", "mlflow.trace.session", "r", "gen_ai.request.model", "no")}
	s.Scope = &schema.Scope{Attrs: attrs("session.id", "scope's", "deployment.environment", "prod")}
	g := normalize(s)
	if g.UserID != "span's" || g.SessionID != "r" || g.Environment != "prod" || g.ServiceName != "shop" || g.Model != "" {
		t.Errorf("user %q, session %q, environment %q, service %q, model %q", g.UserID, g.SessionID, g.Environment, g.ServiceName, g.Model)
	}
}

func TestKinds(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ key, value, want string }{
		{"gen_ai.operation.name", "text_completion", "LLM"},
		{"gen_ai.operation.name", "upsert_memory", "MEMORY"},
		{"gen_ai.operation.name", "plan", "TASK"},
		{"gen_ai.operation.name", "invoke_workflow", "WORKFLOW"},
		{"gen_ai.operation.name", "brew_tea", "UNKNOWN"},
		{"openinference.span.kind", "RERANKER", "RERANKER"},
		{"openinference.span.kind", "prompt", "PROMPT"},
		{"openinference.span.kind", "DECISION", "DECISION"},
		{"mlflow.spanType", "PARSER", "PARSER"},
		{"mlflow.spanType", "CHAT_MODEL", "LLM"},
		{"langfuse.observation.type", "generation", "LLM"},
		{"langfuse.observation.type", "event", "EVENT"},
		{"langfuse.observation.type", "span", "UNKNOWN"},
		{"traceloop.span.kind", "workflow", "WORKFLOW"},
		{"lmnr.span.type", "HUMAN_EVALUATOR", "EVALUATOR"},
		{"lmnr.span.type", "PIPELINE", "CHAIN"},
		{"ai.operationId", "ai.streamText.doStream", "LLM"},
		{"ai.operationId", "ai.embedMany.doEmbed", "EMBEDDING"},
		{"ai.operationId", "ai.rerank.doRerank", "RERANKER"},
		{"ai.operationId", "ai.generateText", "CHAIN"},
		{"ai.operationId", "ai.toolCall", "TOOL"},
		{"genkit:metadata:subtype", "background-model", "LLM"},
		{"span.type", "claude_code.llm_request", "LLM"},
		{"llm.request.type", "rerank", "RERANKER"},
		{"gen_ai.tool.call.id", "c-1", "TOOL"},
		{"db.system", "Pinecone", "RETRIEVER"},
		{"db.system", "postgresql", "UNKNOWN"},
	} {
		if got := normalize(span(tc.key, tc.value)).Kind; got != tc.want {
			t.Errorf("%s = %s: kind %s, want %s", tc.key, tc.value, got, tc.want)
		}
	}
}

func TestKindsGoInOrder(t *testing.T) {
	t.Parallel()
	all := []any{
		"gen_ai.tool.call.arguments",
		dict1{"a", 1},
		"span.type", "memory", "traceloop.span.kind", "task",
		"gen_ai.operation.name", "chat", "openinference.span.kind", "CHAIN", "mlflow.spanType", "AGENT",
	}
	for i, want := range []string{"TOOL", "MEMORY", "TASK", "LLM", "CHAIN", "AGENT"} {
		if got := normalize(span(all[:2*i+2]...)).Kind; got != want {
			t.Errorf("with %v: kind %s, want %s", all[2*i], got, want)
		}
	}
}

func TestBillableKinds(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string][2]bool{ // without and with a model
		"LLM": {true, true}, "EMBEDDING": {true, true}, "RERANKER": {true, true},
		"GUARDRAIL": {false, true}, "EVALUATOR": {false, true},
		"AGENT": {}, "CHAIN": {}, "WORKFLOW": {}, "TASK": {}, "TOOL": {}, "RETRIEVER": {},
	} {
		without := normalize(span("mlflow.spanType", kind)).Billable
		with := normalize(span("mlflow.spanType", kind, "gen_ai.request.model", "m")).Billable
		if got := [2]bool{without, with}; got != want {
			t.Errorf("%s: billable %v, want %v", kind, got, want)
		}
	}
}

func TestProviders(t *testing.T) {
	t.Parallel()
	for _, p := range providers {
		for _, alias := range append([]string{p.name}, p.aliases...) {
			for _, sent := range []string{alias, strings.ToUpper(alias), " " + alias + "\t"} {
				if got := normalize(span("gen_ai.system", sent)).Provider; got != p.name {
					t.Errorf("%q: provider %q, want %q", sent, got, p.name)
				}
			}
		}
	}
	for server, want := range map[string]string{
		"":                                       "gcp.gen_ai",
		"europe-west4-aiplatform.googleapis.com": "gcp.vertex_ai",
		"generativelanguage.googleapis.com":      "gcp.gemini",
	} {
		if got := normalize(span("gen_ai.provider.name", "google", "server.address", server)).Provider; got != want {
			t.Errorf("google at %q: provider %q, want %q", server, got, want)
		}
	}
	if got := normalize(span("gen_ai.provider.name", " Acme-LLM")).Provider; got != "acme-llm" {
		t.Errorf("unknown provider: %q", got)
	}
}

// Who answered is inferred from whose SDK was called, for model calls that say
// no more, and the span says that it was.
func TestProvidersOfClients(t *testing.T) {
	t.Parallel()
	langfuse := []any{"langfuse.observation.type", "generation", "langfuse.observation.model.name", "gpt-4o"}
	for name, c := range map[string]struct {
		span *schema.Span
		want string // "" is no provider
	}{
		"OpenAI's":            {span("mlflow.spanType", "CHAT_MODEL", "mlflow.message.format", "openai"), "openai"},
		"OpenAI's, encoded":   {span("mlflow.spanType", `"CHAT_MODEL"`, "mlflow.message.format", `"openai"`), "openai"},
		"Anthropic's":         {span("mlflow.spanType", "LLM", "mlflow.message.format", "anthropic"), "anthropic"},
		"Bedrock's":           {span("mlflow.spanType", "LLM", "mlflow.message.format", "bedrock"), "aws.bedrock"},
		"Mistral's":           {span("mlflow.spanType", "LLM", "mlflow.message.format", "mistral"), "mistral_ai"},
		"Groq's":              {span("mlflow.spanType", "LLM", "mlflow.message.format", "groq"), "groq"},
		"Google's":            {span("mlflow.spanType", "LLM", "mlflow.message.format", "gemini"), "gcp.gen_ai"},
		"Google's, known":     {span("mlflow.spanType", "LLM", "mlflow.message.format", "gemini", "server.address", "generativelanguage.googleapis.com"), "gcp.gemini"},
		"a framework":         {span("mlflow.spanType", "CHAT_MODEL", "mlflow.message.format", "langchain"), ""},
		"no model call":       {span("mlflow.spanType", "AGENT", "mlflow.message.format", "openai"), ""},
		"nothing but a model": {span("mlflow.spanType", "LLM", "mlflow.llm.model", "gpt-4o"), ""},
		"Langfuse's wrapper":  {&schema.Span{Name: "OpenAI-generation", Attrs: attrs(langfuse...)}, "openai"},
		"the user's own name": {&schema.Span{Name: "answer", Attrs: attrs(langfuse...)}, ""},
		"a router's model":    {span("mlflow.spanType", "LLM", "mlflow.message.format", "openai", "mlflow.llm.model", "Anthropic/claude-sonnet-4-5"), "anthropic"},
		"an unknown router's": {span("mlflow.spanType", "LLM", "mlflow.llm.model", "acme/claude-sonnet-4-5"), ""},
		"Genkit's plugin":     {span("genkit:metadata:subtype", "model", "genkit:name", "googleai/gemini-2.5-flash"), "gcp.gemini"},
		"Claude Code":         {span("span.type", "claude_code.llm_request", "model", "claude-sonnet-4-5"), "anthropic"},
		"not Langfuse":        {&schema.Span{Name: "OpenAI-generation", Attrs: attrs("gen_ai.operation.name", "chat")}, ""},
	} {
		if g := normalize(c.span); g.Provider != c.want || g.ProviderInferred != (c.want != "") {
			t.Errorf("%s: provider %q, inferred %t, want %q", name, g.Provider, g.ProviderInferred, c.want)
		}
	}
	said := normalize(span("mlflow.spanType", "LLM", "mlflow.message.format", "openai", "mlflow.llm.provider", "acme"))
	if said.Provider != "acme" || said.ProviderInferred {
		t.Errorf("the span says acme: provider %q, inferred %t", said.Provider, said.ProviderInferred)
	}
}

// MLflow makes a span of each method of Google's SDK that leads to a request, and
// one of the request; its counts leave out thoughts.
func TestGeminiByMLflow(t *testing.T) {
	t.Parallel()
	call := func(name, format, usage string) schema.GenAI {
		return normalize(&schema.Span{Name: name, Attrs: attrs("mlflow.spanType", "LLM", "mlflow.message.format", format, "mlflow.chat.tokenUsage", usage)})
	}
	const usage = `{"input_tokens": 11, "output_tokens": 4, "total_tokens": 79}`
	for name, want := range map[string]bool{
		"Models._generate_content": true, "AsyncModels._generate_content": true, "GenerativeModel.generate_content": true,
		"Models.generate_content": false, "AsyncModels.generate_content": false, "Chat.send_message": false, "AsyncChat.send_message": false,
	} {
		g := call(name, `gemini`, usage)
		if g.Billable != want || g.OutputTokens != tokens(68) || g.ReasoningTokens != tokens(64) || g.UsageFlags != schema.UsageReasoningAdded {
			t.Errorf("%s: billable %t, %+v of which %+v, flags %d", name, g.Billable, g.OutputTokens, g.ReasoningTokens, g.UsageFlags)
		}
	}
	for _, g := range []schema.GenAI{
		call("Models.generate_content", "openai", usage),
		call("Models._generate_content", "gemini", `{"input_tokens": 11, "output_tokens": 4}`),
		call("Models._generate_content", "gemini", `{"input_tokens": 11, "output_tokens": 4, "total_tokens": 15}`),
	} {
		if !g.Billable || g.OutputTokens != tokens(4) || g.ReasoningTokens.Set {
			t.Errorf("billable %t, %+v of which %+v", g.Billable, g.OutputTokens, g.ReasoningTokens)
		}
	}
}

// What a tool is given may be called like what is asked of a model.
func TestToolsAskNothingOfAModel(t *testing.T) {
	t.Parallel()
	tool := normalize(span("mlflow.spanType", "TOOL", "temperature", 21, "n", 3))
	call := normalize(span("mlflow.spanType", "CHAT_MODEL", "temperature", 0.5, "n", 3, "max_tokens", 100, "service_tier", "flex"))
	if tool.Request != (schema.Request{}) {
		t.Errorf("of the tool: %+v", tool.Request)
	}
	want := schema.Request{Temperature: schema.Real{V: 0.5, Set: true}, ChoiceCount: tokens(3), MaxTokens: tokens(100)}
	if call.Request != want || call.ServiceTier != "flex" {
		t.Errorf("of the model: %+v, tier %q", call.Request, call.ServiceTier)
	}
}

// Whatever the order of attributes, the meaning is the same.
func TestOrderOfAttributesNeverMatters(t *testing.T) {
	t.Parallel()
	n := New()
	var keys []string
	for _, s := range n.table.sources {
		keys = append(keys, s.key)
	}
	keys = append(keys, "http.method", "gen_ai.something.new", "mlflow.other", "mlflow.traceTag.a", "mlflow.traceTag.b")
	for _, f := range n.table.folds {
		for _, path := range []string{"0", "0.role", "0.message.role", "0.message.content", "1.message.contents.0.message_content.text", "1.x.01", "2.finish_reason", "name", "10.a", "99999.a"} {
			keys = append(keys, f.prefix+path)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		chosen := rapid.SliceOfNDistinct(rapid.SampledFrom(keys), 0, 40, rapid.ID[string]).Draw(t, "keys")
		s := schema.Span{Scope: &schema.Scope{Name: rapid.SampledFrom([]string{"", "ai", "pydantic-ai", "x"}).Draw(t, "scope")}}
		for _, key := range chosen {
			s.Attrs = append(s.Attrs, schema.Attr{Key: key, Value: value(rapid.SampledFrom(sampleValues).Draw(t, key))})
		}
		var first, second schema.GenAI
		n.Normalize(&s, &first)
		keep(&first)
		rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)).Shuffle(len(s.Attrs), func(i, j int) {
			s.Attrs[i], s.Attrs[j] = s.Attrs[j], s.Attrs[i]
		})
		n.Normalize(&s, &second)
		for _, g := range []*schema.GenAI{&first, &second} { // positions do change
			g.InputAttr, g.OutputAttr = min(g.InputAttr, 0), min(g.OutputAttr, 0)
		}
		if diff := cmp.Diff(first, second); diff != "" {
			t.Fatal(diff)
		}
	})
}

var sampleValues = []any{
	nil, "", "{}", "chat", "LLM", `"LLM"`, "UNKNOWN", "invoke_agent", "openai", "google", "12", `"7"`, `"tr-1"`,
	`{"x": 1}`, `{"input_tokens": 5, "total_cost": 0.5}`, `{"input_tokens": -5}`, `"{\"output_tokens\": 3}"`, `{"model": "m"}`,
	"aiplatform.googleapis.com", 0, 3, 900, -4, 0.25, true,
	list{1, "a"},
	list{},
	"a, b,", `["a", "b"]`, `[{"role":"system","content":"s"}]`, `{"name":"p","version":2}`, "2026-01-02T03:04:05Z", "<REDACTED>",
	"claude_code.llm_request", "gemini-cli", "langchain", "azure-openai.chat", `{"a":{"b":1}`, "ai.generateText x", -0.5, "1e400",
	`{"openai":{"cachedPromptTokens":7,"serviceTier":"flex"},"anthropic":{"usage":{"cache_creation":{"ephemeral_1h_input_tokens":4}}}}`,
	dict1{"input_tokens", 9},
	dict{},
}

// keep copies the text that dies with the next Normalize.
func keep(g *schema.GenAI) {
	for _, field := range reflect.ValueOf(g).Elem().Fields() {
		switch f := field.Addr().Interface().(type) {
		case *string:
			*f = strings.Clone(*f)
		case *[]string:
			*f = slices.Clone(*f)
			for i := range *f {
				(*f)[i] = strings.Clone((*f)[i])
			}
		case *schema.Request:
			f.ReasoningLevel, f.OutputType = strings.Clone(f.ReasoningLevel), strings.Clone(f.OutputType)
		}
	}
}

func TestEveryKeyIsFound(t *testing.T) {
	t.Parallel()
	table := compile(dialects())
	for i := range table.sources {
		if got := table.find(table.sources[i].key); got != &table.sources[i] {
			t.Errorf("%s is not found", table.sources[i].key)
		}
	}
	for _, key := range []string{"", "x", "gen_ai.usage.input_token", "gen_ai.usage.input_tokenS", "http.request.method"} {
		if table.find(key) != nil {
			t.Errorf("%q is found", key)
		}
	}
}

func TestTablesThatContradictThemselvesPanic(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("two sources in one place were accepted")
		}
	}()
	compile([]dialect{{rows: []row{{input, 10, "a"}, {input, 10, "b"}}}})
}

// OTLP forbids a key twice; it arrives all the same.
func TestFirstOfARepeatedKeyCounts(t *testing.T) {
	t.Parallel()
	g := normalize(span("gen_ai.usage.input_tokens", 1, "gen_ai.usage.input_tokens", 2, "user.id", "a", "user.id", "b"))
	if g.InputTokens != tokens(1) || g.UserID != "a" {
		t.Errorf("input tokens %+v, user %q", g.InputTokens, g.UserID)
	}
}

// MLflow's exporter encodes all attributes (tests/corpus has what it sends), but
// a JSON string that another instrumentation wrote as content is its own.
func TestContentOfOthersIsNotDecoded(t *testing.T) {
	t.Parallel()
	g := normalize(span("mlflow.spanType", `"LLM"`, "gen_ai.request.model", `"m"`, "output.value", `"quoted"`, "mlflow.spanInputs", `"in"`))
	if g.RequestModel != "m" || g.Output != `"quoted"` || g.Input != "in" {
		t.Errorf("model %s, output %s, input %s", g.RequestModel, g.Output, g.Input)
	}
}

// What the user had as JSON text is the user's: only the exporter's layer goes.
func TestOneLayerIsTakenOff(t *testing.T) {
	t.Parallel()
	g := normalize(span(
		"mlflow.spanType", `"TOOL"`, "mlflow.spanInputs", `"\"quoted\""`, "mlflow.spanOutputs", `"{\"a\": \"\\\"b\\\"\"}"`,
		"mlflow.trace.session", `"\"s\""`, "mlflow.linkedPrompts", `[{"name": "\"p\""}]`,
	))
	if g.Input != `"quoted"` || g.Output != `{"a": "\"b\""}` || g.SessionID != `"s"` || g.PromptName != `"p"` {
		t.Errorf("input %s, output %s, session %s, prompt %s", g.Input, g.Output, g.SessionID, g.PromptName)
	}
}
