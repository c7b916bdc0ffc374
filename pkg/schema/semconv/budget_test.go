package semconv

import (
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spanmill/spanmill/pkg/schema"
)

// typicalSpan is a model call as instrumentations send it: 12 attributes.
func typicalSpan() *schema.Span {
	s := span(
		"gen_ai.operation.name", "chat",
		"gen_ai.provider.name", "OpenAI",
		"gen_ai.request.model", "gpt-4o",
		"gen_ai.response.model", "gpt-4o-2024-08-06",
		"gen_ai.request.temperature", 0.2,
		"gen_ai.response.id", "chatcmpl-9J3uYLrTNQYRXkVw",
		"gen_ai.usage.input_tokens", 1200,
		"gen_ai.usage.output_tokens", 340,
		"session.id", "5a1c1f1e",
		"user.id", "u-1829",
		"gen_ai.input.messages", `[{"role":"user","parts":[{"type":"text","content":"hi"}]}]`,
		"gen_ai.output.messages", `[{"role":"assistant","parts":[{"type":"text","content":"hello"}]}]`,
	)
	s.Resource = &schema.Resource{Attrs: attrs(
		"service.name", "shop", "service.version", "1.2.3", "deployment.environment.name", "prod",
		"telemetry.sdk.language", "python", "telemetry.sdk.name", "opentelemetry", "telemetry.sdk.version", "1.45.2",
	)}
	s.Scope = &schema.Scope{Name: "opentelemetry.instrumentation.openai_v2"}
	return s
}

func mlflowSpan() *schema.Span {
	return span(
		"mlflow.traceRequestId", `"tr-9526101a891f044a95e8512cbbb8a796"`,
		"mlflow.spanType", `"LLM"`,
		"mlflow.spanFunctionName", `"llm"`,
		"mlflow.spanInputs", `"say \"hi\""`,
		"mlflow.chat.tokenUsage", `{"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}`,
		"mlflow.llm.cost", `{"input_cost": 0.1, "output_cost": 0.2, "total_cost": 0.3}`,
		"mlflow.llm.model", `"gpt-4o-mini"`,
		"mlflow.spanOutputs", `{"y": 1}`,
		"mlflow.spanLogLevel", "20",
	)
}

func structuredSpan() *schema.Span {
	message := dict{{"role", "user"}, {"parts", list{dict{{"type", "text"}, {"content", "hi"}}}}}
	return span(
		"mlflow.spanType", "CHAT_MODEL",
		"mlflow.chat.tokenUsage", dict{{"input_tokens", 100}, {"output_tokens", 20}},
		"mlflow.llm.cost", dict1{"total_cost", 0.00045},
		"mlflow.spanInputs", dict1{"messages", list{message, message}},
		"mlflow.spanOutputs", dict1{"choices", list{message}},
		"gen_ai.usage.cost", 0.25,
		"user.id", 42,
	)
}

// mixedSpans are the samples of all dialects.
func mixedSpans(tb testing.TB) map[string]*schema.Span {
	spans := make(map[string]*schema.Span)
	files, err := filepath.Glob("testdata/dialects/*.json")
	if err != nil || len(files) == 0 {
		tb.Fatalf("%d files: %v", len(files), err)
	}
	for _, file := range files {
		for _, s := range readSamples(tb, "dialects/"+filepath.Base(file)) {
			spans[file+": "+s.Name] = s.span()
		}
	}
	return spans
}

// TestNoAllocation: no attribute of any dialect costs memory.
func TestNoAllocation(t *testing.T) {
	spans := mixedSpans(t)
	spans["typical"], spans["mlflow"], spans["structured"] = typicalSpan(), mlflowSpan(), structuredSpan()
	for name, s := range spans {
		n := New()
		var g schema.GenAI
		n.Forget()
		n.Normalize(s, &g) // grows the normalizer's own memory
		if got := testing.AllocsPerRun(100, func() { n.Forget(); n.Normalize(s, &g) }); got != 0 {
			t.Errorf("%s: %v allocations a span, want 0", name, got)
		}
	}
}

// TestSpansOfAGroup: what was made for the spans before is neither changed nor
// counted, until it is forgotten.
func TestSpansOfAGroup(t *testing.T) {
	t.Parallel()
	samples := mixedSpans(t)
	names := slices.Sorted(maps.Keys(samples))
	group, alone := New(), New()
	got := make([]schema.GenAI, 20*len(names))
	for i := range got {
		group.Normalize(samples[names[i%len(names)]], &got[i])
	}
	for i := range got {
		var want schema.GenAI
		alone.Forget()
		alone.Normalize(samples[names[i%len(names)]], &want)
		if diff := cmp.Diff(want, got[i]); diff != "" {
			t.Fatalf("%s, number %d: %s", names[i%len(names)], i, diff)
		}
	}
}

// One span with very much text must not cost memory for ever.
func TestMemoryIsGivenBack(t *testing.T) {
	t.Parallel()
	n := New()
	var g schema.GenAI
	big := dict1{"x", string(make([]byte, 4*maxKeptBytes))}
	n.Forget()
	n.Normalize(span("input.value", big), &g)
	n.Forget()
	n.Normalize(span("input.value", "small"), &g)
	if got := cap(n.made); got > maxKeptBytes {
		t.Errorf("%d bytes are kept", got)
	}
}

func BenchmarkNormalize(b *testing.B) {
	for name, s := range map[string]*schema.Span{
		"otel 12 attributes": typicalSpan(), "mlflow 9 JSON attributes": mlflowSpan(), "mlflow 7 structured": structuredSpan(),
	} {
		b.Run(name, func(b *testing.B) {
			n := New()
			var g schema.GenAI
			b.ReportAllocs()
			for b.Loop() {
				n.Forget()
				n.Normalize(s, &g)
			}
		})
	}
	b.Run("all dialects", func(b *testing.B) {
		spans := slices.Collect(maps.Values(mixedSpans(b)))
		n := New()
		var g schema.GenAI
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			n.Forget()
			n.Normalize(spans[i%len(spans)], &g)
		}
	})
}
