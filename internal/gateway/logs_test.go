package gateway

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/semconv"
)

// someLogs are a message, an evaluation, an ordinary line, and a message that
// is too large where spans of 64 KiB are.
func someLogs() plogotlp.ExportRequest {
	ld := plog.NewLogs()
	records := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	add := func(name string) plog.LogRecord {
		r := records.AppendEmpty()
		r.SetEventName(name)
		r.SetTimestamp(5)
		r.SetTraceID(pcommon.TraceID{1})
		r.SetSpanID(pcommon.SpanID{2})
		return r
	}
	add("gen_ai.user.message").Body().SetEmptyMap().PutStr("content", "hi")
	evaluation := add(semconv.EvaluationLog)
	evaluation.Attributes().PutStr("gen_ai.evaluation.name", "relevance")
	evaluation.Attributes().PutInt("gen_ai.evaluation.score.value", 1)
	add("").Body().SetStr("started")
	add("gen_ai.choice").Body().SetStr(strings.Repeat("x", 64*kib))
	return plogotlp.NewExportRequestFromLogs(ld)
}

func smallSpans(c *Config, _ *Dependencies) { c.MaxSpanBytes = 64 * kib }

// TestLogsBecomeEvents through each door; what is not kept is said and counted.
func TestLogsBecomeEvents(t *testing.T) {
	t.Parallel()
	doors := map[string]func(*bundle) (int64, string, error){
		"protobuf": func(b *bundle) (int64, string, error) {
			body, err := someLogs().MarshalProto()
			a := b.post(t, "/v1/logs", typeProtobuf, body)
			return a.rejected, a.message, err
		},
		"JSON": func(b *bundle) (int64, string, error) {
			body, err := someLogs().MarshalJSON()
			a := b.post(t, "/v1/logs", typeJSON, body)
			return a.rejected, a.message, err
		},
		"gRPC": func(b *bundle) (int64, string, error) {
			a, err := plogotlp.NewGRPCClient(b.grpc).Export(t.Context(), someLogs())
			if err != nil {
				return 0, "", err
			}
			return a.PartialSuccess().RejectedLogRecords(), a.PartialSuccess().ErrorMessage(), nil
		},
	}
	for name, send := range doors {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, smallSpans)
			rejected, message, err := send(b)
			if want := "rejected log records: not_a_genai_event 1, log_too_large 1"; err != nil || rejected != 2 || !strings.HasSuffix(message, want) {
				t.Errorf("rejected %d, %q, %v", rejected, message, err)
			}
			if len(b.bus.records) != 1 || b.bus.records[0].Topic != schema.TopicEvents {
				t.Fatalf("%d records", len(b.bus.records))
			}
			events, err := schema.DecodeEvents(b.bus.records[0].Value)
			if err != nil || len(events) != 2 || events[0].Content == nil || events[1].Assessment == nil {
				t.Errorf("events %+v, %v", events, err)
			}
			if got := testutil.ToFloat64(b.g.m.logs.WithLabelValues("accepted")); got != 2 {
				t.Errorf("counted %v accepted", got)
			}
			if used := b.g.budget.used.Load(); used != 0 {
				t.Errorf("%d bytes of the budget are not given back", used)
			}
		})
	}
}

func TestLogsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if got := b.post(t, "/v1/logs", typeProtobuf, []byte("\xff")); got.http != http.StatusBadRequest || !strings.Contains(got.message, "not an OTLP log request") {
		t.Errorf("broken: %+v", got)
	}
	if got := b.post(t, "/v1/logs", typeJSON, []byte(`{"resourceLogs":7}`)); got.http != http.StatusBadRequest {
		t.Errorf("broken JSON: %+v", got)
	}
	b.bus.err = fmt.Errorf("no leader")
	if _, err := plogotlp.NewGRPCClient(b.grpc).Export(t.Context(), someLogs()); status.Code(err) != codes.Unavailable {
		t.Errorf("a bus that fails: %v", err)
	}
	if used := b.g.budget.used.Load(); used != 0 {
		t.Errorf("%d bytes of the budget are not given back", used)
	}
}
