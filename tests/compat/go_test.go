package compat_test

import (
	"errors"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/spanmill/spanmill/tests/e2e/harness"
)

func testGo(t *testing.T, up *harness.Instance) {
	exporters := map[string]func() (sdktrace.SpanExporter, error){
		"http": func() (sdktrace.SpanExporter, error) {
			return otlptracehttp.New(t.Context(), otlptracehttp.WithEndpoint(up.OTLPHTTP), otlptracehttp.WithInsecure())
		},
		"http-gzip": func() (sdktrace.SpanExporter, error) {
			return otlptracehttp.New(t.Context(), otlptracehttp.WithEndpoint(up.OTLPHTTP), otlptracehttp.WithInsecure(),
				otlptracehttp.WithCompression(otlptracehttp.GzipCompression))
		},
		"grpc": func() (sdktrace.SpanExporter, error) {
			return otlptracegrpc.New(t.Context(), otlptracegrpc.WithEndpoint(up.OTLPGRPC), otlptracegrpc.WithInsecure())
		},
	}
	for protocol, open := range exporters {
		t.Run(protocol, func(t *testing.T) {
			exporter, err := open()
			if err != nil {
				t.Fatal(err)
			}
			session := "go-" + protocol
			checkStory(t, up, tellStory(t, exporter, session), session)
		})
	}
}

// tellStory sends the agent's trace with the OpenTelemetry Go SDK.
func tellStory(t *testing.T, exporter sdktrace.SpanExporter, session string) storyIDs {
	t.Helper()
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter),
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", "compat"))))
	tracer := provider.Tracer("compat", trace.WithInstrumentationVersion("1.0"))

	ctx, agent := tracer.Start(t.Context(), "invoke_agent researcher", trace.WithAttributes(
		attribute.String("gen_ai.operation.name", "invoke_agent"),
		attribute.String("gen_ai.agent.name", "researcher"),
		attribute.String("session.id", session),
		attribute.String("user.id", "user-7"),
		attribute.Int("app.retries", 3),
		attribute.Float64("app.score", 0.5),
		attribute.Bool("app.cached", true),
		attribute.StringSlice("app.tags", []string{"alpha", "beta"}),
	))
	_, chat := tracer.Start(ctx, "chat gpt-4o-mini", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		attribute.String("gen_ai.operation.name", "chat"),
		attribute.String("gen_ai.provider.name", "openai"),
		attribute.String("gen_ai.request.model", "gpt-4o-mini"),
		attribute.String("gen_ai.response.model", "gpt-4o-mini-2024-07-18"),
		attribute.Int("gen_ai.usage.input_tokens", 12),
		attribute.Int("gen_ai.usage.output_tokens", 34),
		attribute.String("gen_ai.input.messages", `[{"role":"user","parts":[{"type":"text","content":"Où est le chat? 🐈"}]}]`),
		attribute.String("gen_ai.output.messages", `[{"role":"assistant","parts":[{"type":"text","content":"On the mat."}]}]`),
	))
	chat.End()
	_, tool := tracer.Start(ctx, "execute_tool search",
		trace.WithAttributes(
			attribute.String("gen_ai.operation.name", "execute_tool"),
			attribute.String("gen_ai.tool.name", "search")),
		trace.WithLinks(trace.Link{SpanContext: chat.SpanContext(), Attributes: []attribute.KeyValue{attribute.String("why", "asked for")}}))
	tool.RecordError(errors.New("no answer"))
	tool.SetStatus(codes.Error, "no answer")
	tool.End()
	agent.SetStatus(codes.Ok, "")
	agent.End()

	// Shutdown sends what is queued and reports whether the server took it.
	if err := provider.Shutdown(t.Context()); err != nil {
		t.Fatalf("export: %v", err)
	}
	id := func(s trace.Span) string { return s.SpanContext().SpanID().String() }
	return storyIDs{Trace: agent.SpanContext().TraceID().String(), Agent: id(agent), Chat: id(chat), Tool: id(tool)}
}
