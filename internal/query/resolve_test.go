package query_test

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/spanmill/spanmill/internal/query"
	"github.com/spanmill/spanmill/pkg/schema"
)

func str(key, text string) query.Attr { return query.Attr{Key: key, Value: query.Text(text)} }

func num(key string, n uint64) query.Attr {
	return query.Attr{Key: key, Value: query.Value{Type: schema.ValueInt, Num: n}}
}

func nested(key, text string) query.Attr { return query.Attr{Key: key, Value: query.ParseValue(text)} }

// otlpTrace is the trace that a real MLflow server was sent by OTLP, in the
// order in which it came.
func otlpTrace() []query.Span {
	resource := []query.Attr{str("service.name", "svc"), str("telemetry.sdk.name", "x"), str("mlflow.x", "y"), num("n", 1)}
	return []query.Span{
		{
			TraceID: strings.Repeat("ab", 16), SpanID: "02", ParentSpanID: "01", StartUnixNano: 1_000_000_000, EndUnixNano: 1_005_000_000,
			ResourceAttrs: resource,
			Attrs: []query.Attr{
				str("gen_ai.operation.name", "chat"), str("gen_ai.provider.name", "openai"), str("gen_ai.request.model", "m"),
				str("gen_ai.response.model", "m-2024"), num("gen_ai.usage.input_tokens", 1000), num("gen_ai.usage.output_tokens", 500),
				nested("gen_ai.input.messages", `[{"role":"user"}]`), str("gen_ai.conversation.id", "conv-1"),
			},
		},
		{
			TraceID: strings.Repeat("ab", 16), SpanID: "01", StartUnixNano: 1_000_500_000, EndUnixNano: 1_009_400_000, ResourceAttrs: resource,
			Attrs: []query.Attr{
				str("session.id", "sess-otel"), str("user.id", "user-otel"), str("mlflow.traceTag.team", "blue"),
				str("input.value", "in!"), str("output.value", "out!"), str("openinference.span.kind", "AGENT"),
			},
		},
	}
}

func blank() query.TraceInfo {
	return query.TraceInfo{
		TraceID: strings.Repeat("ab", 16), ExperimentID: "5", Metadata: map[string]string{}, Tags: map[string]string{},
	}
}

// TestSpansAlone: what MLflow's server makes of spans that came by OTLP.
func TestSpansAlone(t *testing.T) {
	t.Parallel()
	got := blank()
	got.Resolve(otlpTrace(), []string{"n"})
	want := query.TraceInfo{
		TraceID: got.TraceID, ExperimentID: "5", RequestMilli: 1000, DurationMilli: schema.Count{N: 9, Set: true}, State: "OK",
		RequestPreview: `"in!"`, ResponsePreview: `"out!"`, Spans: 2,
		Metadata: map[string]string{
			"mlflow.trace.session": "conv-1", "mlflow.trace.user": "user-otel",
			"mlflow.trace.tokenUsage": `{"input_tokens": 1000, "output_tokens": 500, "total_tokens": 1500}`,
		},
		Tags: map[string]string{
			"service.name": "svc", "team": "blue", "mlflow.trace.spansLocation": "TRACKING_STORE",
			"mlflow.artifactLocation": "mlflow-artifacts:/5/traces/tr-" + got.TraceID + "/artifacts",
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	child := blank()
	child.Resolve(otlpTrace()[:1], nil)
	if child.State != "IN_PROGRESS" || child.RequestPreview != "" {
		t.Errorf("without its root: %+v", child)
	}
}

// TestToldWins: what a client said is not what its spans say.
func TestToldWins(t *testing.T) {
	t.Parallel()
	told := blank()
	told.Finalized, told.State, told.RequestMilli, told.RequestPreview = true, "ERROR", 7, "mine"
	told.Metadata["mlflow.trace.session"], told.Metadata["mlflow.trace.tokenUsage"] = "s", "{}"
	told.Tags["team"], told.Tags["spanmill.prompt/greet/2"], told.Tags["spanmill.run/r"] = "red", `{"name":"greet","version":"2"}`, "r"
	told.Tags["mlflow.linkedPrompts"] = `[{"name": "greet", "version": "1"}]`
	told.Resolve(otlpTrace(), nil)
	if told.State != "ERROR" || told.RequestMilli != 7 || told.DurationMilli.N != 9 || told.RequestPreview != "mine" || told.ResponsePreview != `"out!"` ||
		told.Metadata["mlflow.trace.session"] != "s" || told.Metadata["mlflow.trace.tokenUsage"] != "{}" ||
		told.Tags["team"] != "red" {
		t.Errorf("%+v", told)
	}
	if got := told.Tags["mlflow.linkedPrompts"]; got != `[{"name": "greet", "version": "1"}, {"name": "greet", "version": "2"}]` || len(told.Tags) != 6 {
		t.Errorf("links: %s among %v", got, told.Tags)
	}
}

// TestUsageOfATree: a parent's usage repeats its children's, wherever it stands
// and whatever comes first.
func TestUsageOfATree(t *testing.T) {
	t.Parallel()
	use := func(id, parent string, n int, cached bool) query.Span {
		s := query.Span{SpanID: id, ParentSpanID: parent}
		if n > 0 {
			text := `{"input_tokens":` + strings.Repeat("1", n) + `,"output_tokens":1,"total_tokens":2`
			if cached {
				text += `,"cache_read_input_tokens":3`
			}
			s.Attrs = []query.Attr{nested("mlflow.chat.tokenUsage", text+"}"), nested("mlflow.llm.cost", `{"total_cost":0.5,"input_cost":1e-05}`)}
		}
		return s
	}
	info := blank()
	info.Resolve([]query.Span{
		use("c", "b", 1, false), use("b", "a", 2, true), use("a", "", 0, false), use("d", "a", 1, false), use("e", "gone", 1, false),
		use("x", "y", 1, false), use("y", "x", 1, false), // a circle
	}, nil)
	if got := info.Metadata["mlflow.trace.tokenUsage"]; got != `{"input_tokens": 13, "output_tokens": 3, "total_tokens": 6, "cache_read_input_tokens": 3}` {
		t.Error(got)
	}
	if got := info.Metadata["mlflow.trace.cost"]; got != `{"input_cost": 3.0000000000000004e-05, "output_cost": 0.0, "total_cost": 1.5}` {
		t.Error(got)
	}
}

// TestCosts: what the books say is told where no span tells its own, of the span
// and of the trace.
func TestCosts(t *testing.T) {
	t.Parallel()
	span := func(id string, input, output int64, more ...query.Attr) query.Span {
		return query.Span{SpanID: id, ParentSpanID: "a", Attrs: more, Cost: query.Cost{Input: input, Output: output, Known: input+output > 0}}
	}
	own := nested("mlflow.llm.cost", `{"input_cost":1.0,"output_cost":0.5,"total_cost":1.5}`)
	for _, c := range []struct {
		spans       []query.Span
		told        string
		trace, last string // the trace's, and the last span's
	}{
		{spans: []query.Span{span("b", 0, 0)}},
		{
			spans: []query.Span{span("a", 0, 0), span("b", 1, 2_000), span("c", 100_000_000, 0)},
			trace: `{"input_cost": 0.100000001, "output_cost": 2e-06, "total_cost": 0.100002001}`,
			last:  `{"input_cost": 0.1, "output_cost": 0.0, "total_cost": 0.1}`,
		},
		{
			spans: []query.Span{span("b", 500_000_000, 0), span("c", 7, 7, own)},
			trace: `{"input_cost": 1.5, "output_cost": 0.5, "total_cost": 2.0}`, last: own.Value.Text,
		},
		{spans: []query.Span{span("b", 7, 0)}, told: "{}", trace: "{}", last: `{"input_cost": 7e-09, "output_cost": 0.0, "total_cost": 7e-09}`},
	} {
		info := blank()
		if c.told != "" {
			info.Metadata["mlflow.trace.cost"] = c.told
		}
		info.Resolve(c.spans, nil)
		if got := info.Metadata["mlflow.trace.cost"]; got != c.trace {
			t.Errorf("the trace costs %q, want %q", got, c.trace)
		}
		var last string
		for _, a := range c.spans[len(c.spans)-1].MLflowAttrs() {
			if a.Key == "mlflow.llm.cost" {
				last += a.Value.Text
			}
		}
		if last != c.last {
			t.Errorf("the span costs %q, want %q", last, c.last)
		}
	}
}

// TestPreviews: chats show their last message of the role, the rest its JSON.
func TestPreviews(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 1001)
	for _, c := range [][2]string{
		{`{"messages":[{"role":"user","content":"one"},{"role":"assistant","content":"two"}]}`, "one"},
		{`{"messages":[{"role":"system","content":"one"}]}`, "one"},
		{`{"choices":[{"message":{"role":"user","content":[{"type":"image"},{"type":"text","text":"t"}]}}]}`, "t"},
		{`{"request":{"input":[{"role":"user","content":"deep"}]}}`, "deep"},
		{`{"output":[{"role":"user","content":""}]}`, `{"output": [{"role": "user", "content": ""}]}`},
		{`{"a":[1,2.5],"b":"x:y,z"}`, `{"a": [1, 2.5], "b": "x:y,z"}`},
		{`{"messages":[]}`, `{"messages": []}`},
		{`["` + long + `"]`, `["` + strings.Repeat("é", 995) + "..."},
	} {
		info := blank()
		info.Resolve([]query.Span{{SpanID: "a", Attrs: []query.Attr{nested("mlflow.spanInputs", c[0])}}}, nil)
		if info.RequestPreview != c[1] {
			t.Errorf("%.80s: %s", c[0], info.RequestPreview)
		}
	}
}

// TestMLflowAttrs: what the SDK's OTLP exporter wrote as JSON text is what its
// own exporter writes with types; what a dialect says is there under MLflow's
// keys too; numbers in strings stay strings.
func TestMLflowAttrs(t *testing.T) {
	t.Parallel()
	s := query.Span{TraceID: strings.Repeat("0f", 16), Attrs: []query.Attr{
		str("mlflow.spanType", `"UNKNOWN"`), str("mlflow.spanInputs", `{"x": 1}`), str("mlflow.spanLogLevel", "20"), str("mlflow.traceRequestId", `"lie"`),
		str("text", `"quoted"`), str("broken", `{"x`), num("llm.token_count.prompt", 5), str("llm.token_count.completion", "6"),
		str("openinference.span.kind", "LLM"), str("output.value", ""), nested("gen_ai.output.messages", `[]`), str("lk.response.text", "said"),
	}}
	got := map[string]query.Value{}
	for _, a := range s.MLflowAttrs() {
		got[a.Key] = a.Value
	}
	for key, want := range map[string]query.Value{
		"mlflow.spanType":       query.Text("LLM"),
		"mlflow.spanInputs":     {Type: schema.ValueMap, Text: `{"x": 1}`},
		"mlflow.spanOutputs":    query.Text("said"),
		"mlflow.spanLogLevel":   query.Text("20"),
		"mlflow.traceRequestId": query.Text("tr-" + s.TraceID),
		"text":                  query.Text("quoted"),
		"broken":                query.Text(`{"x`),
		"mlflow.chat.tokenUsage": {
			Type: schema.ValueMap, Text: `{"input_tokens":5,"output_tokens":6,"total_tokens":11}`,
		},
	} {
		if got[key] != want {
			t.Errorf("%s: %+v, want %+v", key, got[key], want)
		}
	}
	if _, made := got["mlflow.llm.model"]; made {
		t.Error("a model out of nothing")
	}
}

// TestModelOfContent: a span that names no model is of the one in its input,
// else in its output.
func TestModelOfContent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		attrs []query.Attr
		want  query.Value
	}{
		{[]query.Attr{nested("mlflow.spanInputs", `{"model":"a","n":1}`), nested("mlflow.spanOutputs", `{"model":"b"}`)}, query.Text("a")},
		{[]query.Attr{nested("mlflow.spanInputs", `{"n":1}`), nested("mlflow.spanOutputs", `{"model":"b"}`)}, query.Text("b")},
		{[]query.Attr{nested("mlflow.spanInputs", `{"model":7}`), nested("mlflow.spanOutputs", `{"model":""}`)}, query.Value{}},
		{[]query.Attr{nested("mlflow.spanInputs", `["model"]`), str("mlflow.spanOutputs", "model")}, query.Value{}},
		{[]query.Attr{nested("mlflow.spanInputs", `{"model":"a"}`), str("gen_ai.request.model", "told")}, query.Text("told")},
	} {
		s := query.Span{Attrs: c.attrs}
		var got query.Value
		for _, a := range s.MLflowAttrs() {
			if a.Key == "mlflow.llm.model" {
				got = a.Value
			}
		}
		if got != c.want {
			t.Errorf("%+v: model %+v, want %+v", c.attrs, got, c.want)
		}
	}
}

func TestValuesAsJSON(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]query.Value{
		"1": {Type: schema.ValueInt, Num: 1}, "-1": {Type: schema.ValueInt, Num: math.MaxUint64},
		"1.0": {Type: schema.ValueDouble, Num: math.Float64bits(1)}, "1e-05": {Type: schema.ValueDouble, Num: math.Float64bits(1e-5)},
		"true": {Type: schema.ValueBool, Num: 1}, "null": {}, `"a<b"`: query.Text("a<b"), `{"a":[1]}`: {Type: schema.ValueMap, Text: `{"a":[1]}`},
	} {
		if got := query.ParseValue(text); got != want || got.JSON() != text {
			t.Errorf("%s: %+v, written %s", text, got, got.JSON())
		}
	}
	for given, stored := range map[string]string{"tr-" + strings.Repeat("0f", 16): strings.Repeat("0f", 16), "tr-x": "tr-x", "mine": "mine"} {
		if query.StoredID(given) != stored || query.GivenID(stored) != given {
			t.Errorf("%s: %s, %s", given, query.StoredID(given), query.GivenID(stored))
		}
	}
}

// TestAnnounced: MLflow's SDK sends a trace's spans in several requests, children
// first. Whoever reads between two of them waits for what follows.
func TestAnnounced(t *testing.T) {
	t.Parallel()
	sdk := []query.Attr{str("mlflow.traceRequestId", "tr-ab")}
	for what, c := range map[string]struct {
		spans []query.Span
		want  bool
	}{
		"a root of the SDK's":               {[]query.Span{{SpanID: "01", Attrs: sdk}}, true},
		"children of the SDK's, no root":    {[]query.Span{{SpanID: "02", ParentSpanID: "01", Attrs: sdk}}, true},
		"spans of others":                   {otlpTrace(), false},
		"a child of the SDK's among them":   {append(otlpTrace(), query.Span{SpanID: "03", ParentSpanID: "02", Attrs: sdk}), true},
		"no spans, and nothing to wait for": {nil, false},
	} {
		got := blank()
		if got.Resolve(c.spans, nil); got.Announced != c.want {
			t.Errorf("%s: announced %v", what, got.Announced)
		}
	}
}
