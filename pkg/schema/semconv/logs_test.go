package semconv

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"

	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/otlp"
)

const (
	logTrace = "0102030405060708090a0b0c0d0e0f10"
	logSpan  = "1112131415161718"
	logNano  = 1_700_000_000_123_456_789
)

// logOf gives what LogEvents makes of one record.
func logOf(t *testing.T, name string, fill func(plog.LogRecord)) ([]schema.Event, string) {
	t.Helper()
	ld := plog.NewLogs()
	sl := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty()
	sl.Scope().SetName("judge")
	r := sl.LogRecords().AppendEmpty()
	r.SetEventName(name)
	r.SetTimestamp(logNano)
	r.SetTraceID(pcommon.TraceID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})
	r.SetSpanID(pcommon.SpanID{0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18})
	fill(r)
	b, err := plogotlp.NewExportRequestFromLogs(ld).MarshalProto()
	if err != nil {
		t.Fatal(err)
	}
	var d otlp.Decoder
	records, err := d.DecodeLogs(b)
	if err != nil {
		t.Fatal(err)
	}
	events, reason := LogEvents(&records[0])
	clear(b) // what is kept must not alias the request
	return events, reason
}

func content(c schema.Content) schema.Event {
	c.SpanID, c.TimeNano = logSpan, logNano
	return schema.Event{Kind: schema.EventContent, TraceID: logTrace, Content: &c}
}

// TestContentLogs is rule R8's last source.
func TestContentLogs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, event, reason string
		fill                func(plog.LogRecord)
		want                []schema.Event
	}{
		{
			name: "a message event", event: "gen_ai.user.message",
			fill: func(r plog.LogRecord) {
				r.Body().SetEmptyMap().PutStr("content", "hi")
				r.Attributes().PutStr("gen_ai.system", "openai")
				r.Attributes().PutStr("gen_ai.conversation.id", "c1")
			},
			want: []schema.Event{content(schema.Content{
				EventName: "gen_ai.user.message", Role: "user", Body: `{"content":"hi"}`, SessionID: "c1",
				Attrs: map[string]string{"gen_ai.system": "openai"},
			})},
		},
		{
			name: "the second choice", event: "gen_ai.choice",
			fill: func(r plog.LogRecord) {
				m := r.Body().SetEmptyMap()
				m.PutInt("index", 1)
				m.PutStr("finish_reason", "stop")
				m.PutEmptyMap("message").PutStr("content", "yes")
			},
			want: []schema.Event{content(schema.Content{
				EventName: "gen_ai.choice", Role: "assistant", Output: true, Index: 1,
				Body: `{"index":1,"finish_reason":"stop","message":{"content":"yes"}}`,
			})},
		},
		{
			name: "details, as structure and as JSON text: the attributes come once, the session with each", event: detailsLog,
			fill: func(r plog.LogRecord) {
				r.Attributes().PutEmptySlice("gen_ai.input.messages").AppendEmpty().SetEmptyMap().PutStr("role", "user")
				r.Attributes().PutStr("gen_ai.output.messages", `[{"role":"assistant"}]`)
				r.Attributes().PutStr("gen_ai.system_instructions", "be brief")
				r.Attributes().PutInt("gen_ai.usage.input_tokens", 7)
				r.Attributes().PutStr("session.id", "c2")
			},
			want: []schema.Event{
				content(schema.Content{EventName: detailsLog, Role: "system", Body: `"be brief"`, SessionID: "c2", Attrs: map[string]string{"gen_ai.usage.input_tokens": "7"}}),
				content(schema.Content{EventName: detailsLog, Body: `[{"role":"user"}]`, SessionID: "c2"}),
				content(schema.Content{EventName: detailsLog, Output: true, Body: `[{"role":"assistant"}]`, SessionID: "c2"}),
			},
		},
		{
			name: "of a name that is an attribute", event: "",
			fill: func(r plog.LogRecord) {
				r.Attributes().PutStr("event.name", "gen_ai.content.completion")
				r.Attributes().PutStr("gen_ai.completion", "text")
			},
			want: []schema.Event{content(schema.Content{EventName: "gen_ai.content.completion", Output: true, Body: `"text"`})},
		},
		{name: "without content", event: "gen_ai.user.message", fill: func(r plog.LogRecord) { r.Body().SetEmptyMap() }, reason: LogEmpty},
		{name: "without a span", event: "gen_ai.choice", fill: func(r plog.LogRecord) { r.SetSpanID(pcommon.SpanID{}) }, reason: LogNoTrace},
		{name: "an ordinary line", event: "", fill: func(r plog.LogRecord) { r.Body().SetStr("started") }, reason: LogUnknown},
	} {
		got, reason := logOf(t, c.event, c.fill)
		if diff := cmp.Diff(c.want, got); diff != "" || reason != c.reason {
			t.Errorf("%s: reason %q, want %q\n%s", c.name, reason, c.reason, diff)
		}
	}
}

func TestEvaluationLogs(t *testing.T) {
	t.Parallel()
	named := func(fill func(pcommon.Map)) func(plog.LogRecord) {
		return func(r plog.LogRecord) {
			r.Attributes().PutStr("gen_ai.evaluation.name", "relevance")
			fill(r.Attributes())
		}
	}
	one := func(a schema.Assessment) *schema.Assessment {
		a.Mask, a.Type, a.Valid, a.Name, a.SpanID, a.SourceID = schema.AssessmentAll, "feedback", true, "relevance", logSpan, "judge"
		a.CreateMilli, a.UpdateMilli = logNano/1_000_000, logNano/1_000_000
		a.ID = "a-00211a9ec72868445d4ff4017b39f986"
		return &a
	}
	for _, c := range []struct {
		name, reason string
		fill         func(plog.LogRecord)
		want         *schema.Assessment
	}{
		{
			name: "a score with its label, by a model",
			fill: named(func(m pcommon.Map) {
				m.PutDouble("gen_ai.evaluation.score.value", 0.5)
				m.PutStr("gen_ai.evaluation.score.label", "fair")
				m.PutStr("gen_ai.evaluation.explanation", "half of it")
				m.PutStr("gen_ai.response.model", "gpt-4o")
			}),
			want: one(schema.Assessment{
				SourceType: "LLM_JUDGE", Value: "0.5", Rationale: "half of it",
				Metadata: map[string]string{"gen_ai.evaluation.score.label": "fair", "gen_ai.response.model": "gpt-4o"},
			}),
		},
		{
			name: "a label alone", fill: named(func(m pcommon.Map) { m.PutStr("gen_ai.evaluation.score.label", "pass") }),
			want: one(schema.Assessment{SourceType: "CODE", Value: `"pass"`}),
		},
		{
			name: "an error", fill: named(func(m pcommon.Map) { m.PutStr("error.type", "timeout") }),
			want: one(schema.Assessment{SourceType: "CODE", Error: &schema.AssessmentError{Code: "timeout"}}),
		},
		{name: "no name", fill: func(r plog.LogRecord) { r.Attributes().PutInt("gen_ai.evaluation.score.value", 1) }, reason: LogNoName},
		{name: "nothing", fill: named(func(pcommon.Map) {}), reason: LogEmpty},
		{name: "no number", fill: named(func(m pcommon.Map) { m.PutStr("gen_ai.evaluation.score.value", "high") }), reason: LogBadScore},
		{name: "no trace", fill: func(r plog.LogRecord) { r.SetTraceID(pcommon.TraceID{}) }, reason: LogNoTrace},
	} {
		got, reason := logOf(t, EvaluationLog, c.fill)
		if reason != c.reason || len(got) > 1 || (len(got) == 1) != (c.want != nil) {
			t.Errorf("%s: %d events, reason %q, want %q", c.name, len(got), reason, c.reason)
			continue
		}
		if c.want == nil {
			continue
		}
		if diff := cmp.Diff(schema.Event{Kind: schema.EventAssessment, TraceID: logTrace, Assessment: c.want}, got[0]); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}
