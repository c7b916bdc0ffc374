package semconv

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/otlp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// attrs makes attributes from key, value, key, value.
func attrs(kv ...any) []schema.Attr {
	var list []schema.Attr
	for i := 0; i < len(kv); i += 2 {
		list = append(list, schema.Attr{Key: kv[i].(string), Value: value(kv[i+1])})
	}
	return list
}

func span(kv ...any) *schema.Span { return &schema.Span{Attrs: attrs(kv...)} }

// want is the outcome for a span that says nothing, with changes.
func want(change func(g *schema.GenAI)) schema.GenAI {
	g := schema.GenAI{Kind: "UNKNOWN", Family: "other", InputAttr: -1, OutputAttr: -1, Weight: schema.WeightOnce}
	change(&g)
	return g
}

func tokens(n uint64) schema.Count { return schema.Count{N: n, Set: true} }

// golden is a span and all that it means.
type golden struct {
	name string
	span *schema.Span
	want schema.GenAI
}

func check(t *testing.T, cases []golden) {
	t.Helper()
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			n := New()
			var got schema.GenAI
			for range 2 { // nothing may be left over from the first time
				n.Normalize(tc.span, &got)
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Error("want -, got +\n" + diff)
				}
			}
			if i := got.InputAttr; i >= 0 && (tc.span.Attrs[i].Key != got.InputKey || !whole(tc.span.Attrs[i].Value, got.Input)) {
				t.Errorf("input is not all of attribute %d (%s)", i, got.InputKey)
			}
			if i := got.OutputAttr; i >= 0 && (tc.span.Attrs[i].Key != got.OutputKey || !whole(tc.span.Attrs[i].Value, got.Output)) {
				t.Errorf("output is not all of attribute %d (%s)", i, got.OutputKey)
			}
		})
	}
}

// whole reports whether text holds everything a value does.
func whole(v schema.Value, text string) bool {
	switch v.Type {
	case schema.ValueString:
		return v.Str == text
	case schema.ValueArray, schema.ValueMap:
		return string(otlp.AppendJSON(nil, v)) == text
	}
	return false
}

func TestOTelGenAI(t *testing.T) {
	t.Parallel()
	check(t, []golden{
		{
			"current names",
			&schema.Span{
				Attrs: attrs(
					"gen_ai.operation.name", "chat",
					"gen_ai.provider.name", "openai",
					"gen_ai.request.model", "gpt-4o",
					"gen_ai.response.model", "gpt-4o-2024-08-06",
					"gen_ai.conversation.id", "conv-1",
					"user.id", "u-1",
					"gen_ai.usage.input_tokens", 120,
					"gen_ai.usage.output_tokens", 40,
					"gen_ai.usage.cache_read.input_tokens", 100,
					"gen_ai.usage.cache_write.input_tokens", 10,
					"gen_ai.usage.reasoning.output_tokens", 30,
					"gen_ai.input.messages", `[{"role":"user","parts":[{"type":"text","content":"hi"}]}]`,
					"gen_ai.output.messages", list{dict1{"role", "assistant"}},
				),
				Resource: &schema.Resource{Attrs: attrs("service.name", "shop", "deployment.environment.name", "prod")},
			},
			want(func(g *schema.GenAI) {
				g.Kind, g.Family, g.Operation, g.Billable = "LLM", "otel_genai", "chat", true
				g.Provider, g.Model, g.RequestModel, g.ResponseModel = "openai", "gpt-4o-2024-08-06", "gpt-4o", "gpt-4o-2024-08-06"
				g.SessionID, g.UserID, g.ServiceName, g.Environment = "conv-1", "u-1", "shop", "prod"
				g.InputTokens, g.OutputTokens = tokens(120), tokens(40)
				g.CacheReadTokens, g.CacheWriteTokens, g.ReasoningTokens = tokens(100), tokens(10), tokens(30)
				g.Input, g.InputAttr, g.InputKey = `[{"role":"user","parts":[{"type":"text","content":"hi"}]}]`, 11, "gen_ai.input.messages"
				g.Output, g.OutputAttr, g.OutputKey = `[{"role":"assistant"}]`, 12, "gen_ai.output.messages"
			}),
		},
		{
			"names of v1.26, provider padded",
			span(
				"gen_ai.system", " OpenAI ",
				"gen_ai.request.model", "gpt-4",
				"gen_ai.usage.prompt_tokens", 7,
				"gen_ai.usage.completion_tokens", 8,
				"gen_ai.prompt", "hi",
				"gen_ai.completion", "hello",
			),
			want(func(g *schema.GenAI) {
				g.Kind, g.Family, g.Billable = "LLM", "otel_genai", true
				g.Provider, g.Model, g.RequestModel = "openai", "gpt-4", "gpt-4"
				g.InputTokens, g.OutputTokens = tokens(7), tokens(8)
				g.Input, g.InputAttr, g.InputKey = "hi", 4, "gen_ai.prompt"
				g.Output, g.OutputAttr, g.OutputKey = "hello", 5, "gen_ai.completion"
			}),
		},
		{
			"cache written under the old and the new name counts once",
			span("gen_ai.operation.name", "chat",
				"gen_ai.usage.input_tokens", 50,
				"gen_ai.usage.cache_creation.input_tokens", 20,
				"gen_ai.usage.cache_write.input_tokens", 20),
			want(func(g *schema.GenAI) {
				g.Kind, g.Family, g.Operation, g.Billable = "LLM", "otel_genai", "chat", true
				g.InputTokens, g.CacheWriteTokens = tokens(50), tokens(20)
			}),
		},
		{
			"counts that leave out their parts are made inclusive",
			span("gen_ai.operation.name", "chat",
				"gen_ai.usage.input_tokens", 5,
				"gen_ai.usage.cache_read_input_tokens", 1000,
				"gen_ai.usage.cache_creation_input_tokens", 200,
				"gen_ai.usage.output_tokens", 10,
				"gen_ai.usage.reasoning_tokens", 90),
			want(func(g *schema.GenAI) {
				g.Kind, g.Family, g.Operation, g.Billable = "LLM", "otel_genai", "chat", true
				g.InputTokens, g.CacheReadTokens, g.CacheWriteTokens = tokens(1205), tokens(1000), tokens(200)
				g.OutputTokens, g.ReasoningTokens = tokens(100), tokens(90)
				g.UsageFlags = schema.UsageCacheAdded | schema.UsageReasoningAdded
			}),
		},
		{
			"an agent's roll-up is not billable",
			span("gen_ai.operation.name", "invoke_agent", "gen_ai.agent.name", "planner",
				"gen_ai.request.model", "gpt-4o", "gen_ai.usage.input_tokens", 29_899),
			want(func(g *schema.GenAI) {
				g.Kind, g.Family, g.Operation, g.AgentName = "AGENT", "otel_genai", "invoke_agent", "planner"
				g.Model, g.RequestModel, g.InputTokens = "gpt-4o", "gpt-4o", tokens(29_899)
			}),
		},
		{
			"a fetched response was paid for before",
			span("gen_ai.operation.name", "fetch_response", "gen_ai.response.model", "gpt-4o",
				"gen_ai.usage.input_tokens", 10, "gen_ai.usage.total_tokens", 12),
			want(func(g *schema.GenAI) {
				g.Kind, g.Family, g.Operation = "LLM", "otel_genai", "fetch_response"
				g.Model, g.ResponseModel = "gpt-4o", "gpt-4o"
			}),
		},
		{
			"tool call with structured arguments",
			span("gen_ai.operation.name", "execute_tool", "gen_ai.tool.name", "search",
				"gen_ai.tool.call.arguments", dict1{"q", "shoes"},
				"gen_ai.tool.call.result", 3, "error.type", "timeout"),
			want(func(g *schema.GenAI) {
				g.Kind, g.Family, g.Operation, g.ToolName, g.ErrorType = "TOOL", "otel_genai", "execute_tool", "search", "timeout"
				g.DisplayName = "search"
				g.Input, g.InputAttr, g.InputKey = `{"q":"shoes"}`, 2, "gen_ai.tool.call.arguments"
				g.Output = "3" // the attribute stays: only it knows that this is a number
			}),
		},
		{
			"tool arguments are no input of a model call",
			span("gen_ai.operation.name", "chat", "gen_ai.tool.call.arguments", `{"q":1}`),
			want(func(g *schema.GenAI) {
				g.Kind, g.Family, g.Operation, g.Billable = "LLM", "otel_genai", "chat", true
			}),
		},
		{
			"a span of no dialect",
			&schema.Span{
				Attrs:  attrs("http.method", "GET", "session.id", "s", "enduser.id", 42),
				Events: []schema.SpanEvent{{Name: "exception", Attrs: attrs("exception.type", "ValueError")}},
			},
			want(func(g *schema.GenAI) { g.SessionID, g.UserID, g.ErrorType = "s", "42", "ValueError" }),
		},
		{"an empty span", &schema.Span{}, want(func(*schema.GenAI) {})},
	})
}

// The spans are those that MLflow 3.17's SDK sent, on both of its paths.
func TestMLflow(t *testing.T) {
	t.Parallel()
	check(t, []golden{
		{
			"OTLP exporter: every value is JSON text",
			span(
				"mlflow.traceRequestId", `"tr-9526101a891f044a95e8512cbbb8a796"`,
				"mlflow.spanType", `"LLM"`,
				"mlflow.spanFunctionName", `"llm"`,
				"mlflow.spanInputs", `{"x": 1}`,
				"mlflow.chat.tokenUsage", `{"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}`,
				"mlflow.llm.model", `"gpt-4o-mini"`,
				"mlflow.spanOutputs", `{"y": 1}`,
				"mlflow.spanLogLevel", "20",
			),
			want(func(g *schema.GenAI) {
				g.Kind, g.Family, g.Billable = "LLM", "mlflow", true
				g.Model, g.RequestModel = "gpt-4o-mini", "gpt-4o-mini"
				g.InputTokens, g.OutputTokens, g.TotalTokens = tokens(3), tokens(4), tokens(7)
				g.Input, g.InputAttr, g.InputKey = `{"x": 1}`, 3, "mlflow.spanInputs"
				g.Output, g.OutputAttr, g.OutputKey = `{"y": 1}`, 6, "mlflow.spanOutputs"
				g.Level = "INFO"
			}),
		},
		{
			"OTLP exporter: text is decoded once, numbers are left alone",
			span(
				"mlflow.spanType", `"TOOL"`,
				"mlflow.spanInputs", `"say \"hi\" \u00e9 \ud83d\ude00"`,
				"mlflow.spanOutputs", `2`,
				"mlflow.experimentId", `"11"`,
				"mlflow.trace.session", `"s-1"`,
				"mlflow.trace.user", `"u-1"`,
			),
			want(func(g *schema.GenAI) {
				g.Kind, g.Family = "TOOL", "mlflow"
				g.Input = `say "hi" é 😀` // decoded, so the attribute stays
				g.Output, g.OutputAttr, g.OutputKey = "2", 2, "mlflow.spanOutputs"
				g.ExperimentID, g.SessionID, g.UserID = "11", "s-1", "u-1"
			}),
		},
		{
			"OTLP exporter: attributes of other names are encoded too",
			&schema.Span{
				Attrs: attrs("mlflow.spanType", `"CHAT_MODEL"`, "model", `"gpt-4o-mini"`, "session.id", `"s-1"`),
				// The resource is OpenTelemetry's own: quotes are the user's.
				Resource: &schema.Resource{Attrs: attrs("service.name", `"shop"`)},
			},
			want(func(g *schema.GenAI) {
				g.Kind, g.Family, g.Billable = "LLM", "mlflow", true
				g.Model, g.RequestModel, g.SessionID, g.ServiceName = "gpt-4o-mini", "gpt-4o-mini", "s-1", `"shop"`
			}),
		},
		{
			"native exporter: values are typed, quotes are the user's",
			span(
				"mlflow.spanType", "CHAT_MODEL",
				"mlflow.chat.tokenUsage", dict{
					{"input_tokens", 100},
					{"output_tokens", 20},
					{"total_tokens", 120},
					{"cache_read_input_tokens", 10},
				},
				"mlflow.llm.model", "gpt-4o-mini",
				"mlflow.llm.provider", "openai",
				"mlflow.llm.cost", dict{{"input_cost", 0.00015}, {"output_cost", 0.0003}, {"total_cost", 0.00045}},
				"mlflow.spanInputs", dict1{"messages", list{dict1{"content", "hello"}}},
				"mlflow.spanOutputs", `"quoted"`,
				"mlflow.spanLogLevel", 20,
			),
			want(func(g *schema.GenAI) {
				g.Kind, g.Family, g.Billable = "LLM", "mlflow", true
				g.Model, g.RequestModel, g.Provider = "gpt-4o-mini", "gpt-4o-mini", "openai"
				g.InputTokens, g.OutputTokens, g.TotalTokens, g.CacheReadTokens = tokens(100), tokens(20), tokens(120), tokens(10)
				g.CostNano, g.CostInputNano, g.CostOutputNano, g.CostDetailed = tokens(450_000), tokens(150_000), tokens(300_000), true
				g.Level = "INFO"
				g.Input, g.InputAttr, g.InputKey = `{"messages":[{"content":"hello"}]}`, 5, "mlflow.spanInputs"
				g.Output, g.OutputAttr, g.OutputKey = `"quoted"`, 6, "mlflow.spanOutputs"
			}),
		},
		{
			"usage as a JSON string inside a string, model only in the inputs",
			span(
				"mlflow.spanType", `"LLM"`,
				"mlflow.chat.tokenUsage", `"{\"input_tokens\": \"26\", \"output_tokens\": 4.0}"`,
				"mlflow.spanInputs", `{"messages": [{"model": "no"}], "model": "claude-3"}`,
			),
			want(func(g *schema.GenAI) {
				g.Kind, g.Family, g.Billable, g.Model = "LLM", "mlflow", true, "claude-3"
				g.InputTokens, g.OutputTokens = tokens(26), tokens(4)
				g.Input, g.InputAttr, g.InputKey = `{"messages": [{"model": "no"}], "model": "claude-3"}`, 2, "mlflow.spanInputs"
			}),
		},
		{
			"UNKNOWN is the SDK's default: other keys decide",
			span("mlflow.spanType", "UNKNOWN", "gen_ai.operation.name", "embeddings", "mlflow.spanInputs", dict{}),
			want(func(g *schema.GenAI) {
				g.Kind, g.Family, g.Operation, g.Billable = "EMBEDDING", "mlflow", "embeddings", true
			}),
		},
		{
			"a type of the user's own",
			span("mlflow.spanType", "MY_STEP", "gen_ai.operation.name", "chat"),
			want(func(g *schema.GenAI) { g.Kind, g.Family, g.Operation = "UNKNOWN", "mlflow", "chat" }),
		},
		{
			"broken JSON stays as it is",
			span("mlflow.spanType", `"LLM"`, "mlflow.spanInputs", `"cut off`, "mlflow.chat.tokenUsage", `{"input_tokens": 3, "outp`),
			want(func(g *schema.GenAI) {
				g.Kind, g.Family, g.Billable = "LLM", "mlflow", true
				g.InputTokens, g.Rejected = tokens(3), 1
				g.Input, g.InputAttr, g.InputKey = `"cut off`, 1, "mlflow.spanInputs"
				g.ContentFlags = schema.ContentTruncated
			}),
		},
	})
}
