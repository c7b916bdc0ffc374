package otlp

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"

	"github.com/spanmill/spanmill/pkg/schema"
)

// everyLog has each field of a log request, and records that lack most.
func everyLog() plog.Logs {
	ld := plog.NewLogs()
	for range 2 {
		rl := ld.ResourceLogs().AppendEmpty()
		rl.SetSchemaUrl("https://opentelemetry.io/schemas/1.40.0")
		rl.Resource().Attributes().PutStr("service.name", "s")
		sl := rl.ScopeLogs().AppendEmpty()
		sl.SetSchemaUrl("https://example.org/scope")
		sl.Scope().SetName("lib")
		fillLog(sl.LogRecords().AppendEmpty())
		old := sl.LogRecords().AppendEmpty()
		old.SetObservedTimestamp(7)
		old.Attributes().PutStr(eventNameAttr, "gen_ai.choice")
		old.Body().SetEmptySlice().AppendEmpty().SetInt(1)
		sl.LogRecords().AppendEmpty()
	}
	return ld
}

func fillLog(r plog.LogRecord) {
	r.SetTimestamp(5)
	r.SetObservedTimestamp(6)
	r.SetSeverityNumber(plog.SeverityNumberWarn2)
	r.SetSeverityText("WARN2")
	r.SetEventName("gen_ai.user.message")
	r.SetTraceID(pcommon.TraceID{1, 2})
	r.SetSpanID(pcommon.SpanID{3})
	r.SetFlags(1)
	r.SetDroppedAttributesCount(2)
	r.Body().SetEmptyMap().PutStr("content", "hi")
	fillAttrs(r.Attributes())
}

func logRequest(tb testing.TB, ld plog.Logs) []byte {
	tb.Helper()
	b, err := plogotlp.NewExportRequestFromLogs(ld).MarshalProto()
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// plainLog is the form in which our records and pdata's are compared.
type plainLog struct {
	Resource, Scope, Head, Body string
	Attrs                       []string
}

func pdataLogs(ld plog.Logs) []plainLog {
	var out []plainLog
	for _, rl := range ld.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, r := range sl.LogRecords().All() {
				trace, span, at, name := r.TraceID(), r.SpanID(), r.Timestamp(), wellFormed(r.EventName())
				if at == 0 {
					at = r.ObservedTimestamp()
				}
				for k, v := range r.Attributes().All() {
					if name == "" && k == eventNameAttr && v.Type() == pcommon.ValueTypeStr {
						name = wellFormed(v.Str())
					}
				}
				body := pdataValue(r.Body(), 1)
				if strings.Contains(body, "TOO DEEP") {
					body = "raw"
				}
				out = append(out, plainLog{
					Resource: fmt.Sprint(pdataAttrs(rl.Resource().Attributes())), Scope: wellFormed(sl.Scope().Name()),
					Head: fmt.Sprintf("%x %x %d %q %d", trace[:], span[:], at, name, r.SeverityNumber()),
					Body: body, Attrs: pdataAttrs(r.Attributes()),
				})
			}
		}
	}
	return out
}

func ourLogs(records []schema.LogRecord) []plainLog {
	var out []plainLog
	for _, r := range records {
		out = append(out, plainLog{
			Resource: fmt.Sprint(ourAttrs(r.Resource.Attrs)), Scope: r.Scope.Name,
			Head: fmt.Sprintf("%s %s %d %q %d", r.TraceID, r.SpanID, r.TimeUnixNano, r.EventName, r.Severity),
			Body: ourValue(r.Body), Attrs: ourAttrs(r.Attrs),
		})
	}
	return out
}

func TestDecodeLogs(t *testing.T) {
	t.Parallel()
	var d Decoder
	got, err := d.DecodeLogs(logRequest(t, everyLog()))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(pdataLogs(everyLog()), ourLogs(got)); diff != "" {
		t.Fatal(diff)
	}
	if first := got[0]; first.Resource == nil || first.Scope == nil || first.EventName != "gen_ai.user.message" || first.TimeUnixNano != 5 {
		t.Errorf("first record: %+v", first)
	}
	if second := got[1]; second.EventName != "gen_ai.choice" || second.TimeUnixNano != 7 || !second.TraceID.IsZero() {
		t.Errorf("second record: %+v", second)
	}
	if _, err := d.DecodeLogs([]byte("\x0a\x05x")); err == nil {
		t.Error("a broken request is taken")
	}
}

func TestLogsFromJSON(t *testing.T) {
	t.Parallel()
	record := func(fields string) string {
		return `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{` + fields + `}]}]}]}`
	}
	for _, c := range []struct {
		fields, err string
		severity    int32
	}{
		{fields: `"severityNumber":"SEVERITY_NUMBER_INFO3"`, severity: 11},
		{fields: `"severityNumber":"SEVERITY_NUMBER_FATAL"`, severity: 21},
		{fields: `"severityNumber":"SEVERITY_NUMBER_UNSPECIFIED"`},
		{fields: `"severity_number":17,"traceId":"zz"`, severity: 17},
		{fields: `"severityNumber":"SEVERITY_NUMBER_LOUD"`, err: "not a name or number of this enum"},
		{fields: `"severityNumber":"SEVERITY_NUMBER_"`, err: "not a name or number of this enum"},
		{fields: `"attributes":7`, err: "wrong JSON type"},
	} {
		b, err := LogsFromJSON(nil, []byte(record(c.fields)))
		var bad *JSONError
		if c.err != "" {
			if !errors.As(err, &bad) || bad.Reason != c.err {
				t.Errorf("%s: %v, want %s", c.fields, err, c.err)
			}
			continue
		}
		var d Decoder
		got, decodeErr := d.DecodeLogs(b)
		if err != nil || decodeErr != nil || len(got) != 1 || got[0].Severity != c.severity || !got[0].TraceID.IsZero() {
			t.Errorf("%s: %+v, %v, %v", c.fields, got, err, decodeErr)
		}
	}
	text, err := plogotlp.NewExportRequestFromLogs(everyLog()).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	b, err := LogsFromJSON(nil, text)
	if err != nil {
		t.Fatal(err)
	}
	var d Decoder
	got, err := d.DecodeLogs(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(pdataLogs(everyLog()), ourLogs(got)); diff != "" {
		t.Fatal(diff)
	}
}

func FuzzLogsAgainstPdata(f *testing.F) {
	f.Add(logRequest(f, everyLog()))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, body []byte) {
		var d Decoder
		got, err := d.DecodeLogs(body)
		req := plogotlp.NewExportRequest()
		if pdatas := req.UnmarshalProto(body); err != nil || pdatas != nil {
			if err != nil && pdatas == nil && !strings.Contains(err.Error(), "group") &&
				!strings.Contains(err.Error(), "out of range") && !strings.Contains(err.Error(), "overflows") {
				t.Fatalf("ours %v, pdata none", err)
			}
			if err == nil && !strings.Contains(pdatas.Error(), "ID length") && nesting(msgLogs, alias(body)) <= maxDepth {
				t.Fatalf("ours none, pdata %v", pdatas)
			}
			return
		}
		if nesting(msgLogs, alias(body)) > maxDepth {
			return // what is superseded is looked into by pdata alone
		}
		if diff := difference(pdataLogs(req.Logs()), ourLogs(got)); diff != "" {
			t.Fatal(diff)
		}
	})
}
