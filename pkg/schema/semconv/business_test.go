package semconv

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/spanmill/spanmill/pkg/schema"
)

// TestBusinessLogs: what has a place gets there, the rest stays an attribute.
func TestBusinessLogs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, event string
		fill        func(plog.LogRecord)
		want        schema.Business
		noTrace     bool
	}{
		{
			name: "feedback of a trace", event: "feedback",
			fill: func(r plog.LogRecord) {
				r.Attributes().PutStr("kind", "csat")
				r.Attributes().PutInt("value", 4)
				r.Attributes().PutStr("user.id", "ann")
				r.Attributes().PutStr("log.record.uid", "01J")
				r.Body().SetStr("well done")
			},
			want: schema.Business{
				ID: "01J", UserID: "ann", Value: schema.Amount{N: 4_000_000, Set: true}, Attrs: map[string]string{"kind": "csat", "body": "well done"},
			},
		},
		{
			name: "a goal of a session", event: "goal", noTrace: true,
			fill: func(r plog.LogRecord) {
				r.SetTraceID(pcommon.TraceID{})
				r.Attributes().PutStr("event.name", "goal")
				r.Attributes().PutStr("gen_ai.conversation.id", "s1")
				r.Attributes().PutStr("goal", "purchase")
				r.Attributes().PutDouble("value", 0.1)
				r.Attributes().PutBool("vip", true)
			},
			want: schema.Business{SessionID: "s1", Value: schema.Amount{N: 100_000, Set: true}, Attrs: map[string]string{"goal": "purchase", "vip": "true"}},
		},
		{
			name: "one of somebody's own", event: "business.invoice_paid",
			fill: func(r plog.LogRecord) {
				r.Attributes().PutStr("event.id", "7")
				r.Body().SetEmptyMap().PutInt("n", 1)
				r.Attributes().PutStr("value", "12.5")
			},
			want: schema.Business{ID: "7", Value: schema.Amount{N: 12_500_000, Set: true}, Attrs: map[string]string{"body": `{"n":1}`}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.want.Name, c.want.TimeNano = c.event, logNano
			want := schema.Event{Kind: schema.EventBusiness, TraceID: logTrace, Business: &c.want}
			if c.noTrace {
				want.TraceID = ""
			}
			if c.want.ID == "" {
				c.want.ID = c.want.DerivedID(want.TraceID)
			}
			got, reason := logOf(t, c.event, c.fill)
			if diff := cmp.Diff([]schema.Event{want}, got); diff != "" || reason != "" {
				t.Errorf("%q (-want +got):\n%s", reason, diff)
			}
		})
	}
}

// TestBusinessLogsThatAreNone say why.
func TestBusinessLogsThatAreNone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		event, reason string
		fill          func(plog.LogRecord)
	}{
		{"feedback", LogBusiness + schema.BusinessMissing, func(plog.LogRecord) {}},
		{"goal", LogBusiness + schema.BusinessBad, func(r plog.LogRecord) { r.Attributes().PutStr("value", "much") }},
		{"goal", LogBusiness + schema.BusinessBad, func(r plog.LogRecord) { r.Attributes().PutEmptySlice("value") }},
		{"goal", LogBusiness + schema.BusinessMissing, func(r plog.LogRecord) {
			r.Attributes().PutStr("goal", "x")
			r.SetTimestamp(0)
		}},
		{"business.Paid", LogBusiness + schema.BusinessBad, func(plog.LogRecord) {}},
		{"businesslike", LogUnknown, func(plog.LogRecord) {}},
	} {
		if events, reason := logOf(t, c.event, c.fill); reason != c.reason || events != nil {
			t.Errorf("%s: %q, %v", c.event, reason, events)
		}
	}
}
