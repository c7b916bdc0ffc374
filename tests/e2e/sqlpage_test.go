package e2e_test

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spanmill/spanmill/internal/testkit"
	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/tests/e2e/harness"
)

// demoDays are what docs/sql.md says its data is: the seed and the start of each
// run of `spanmill demo`.
var demoDays = []struct{ seed, start string }{
	{"1", "2026-11-20T08:00:00Z"}, {"2", "2026-11-21T12:00:00Z"}, {"3", "2026-11-22T18:00:00Z"},
}

const demoSpans = 1500 // a day

// TestSQLPage runs every statement of docs/sql.md on the data that the page
// describes, and holds the tables printed there against the answers.
func TestSQLPage(t *testing.T) {
	plant := harness.NewUp(t)
	plant.Args = []string{"--retention-days", "36500"} // the data's days must not end
	up := harness.Start(t, plant, harness.Options{})
	for _, day := range demoDays {
		if code, out := run(t, up, "demo", "--rate", "0", "--spans", fmt.Sprint(demoSpans), "--seed", day.seed, "--start", day.start); code != 0 {
			t.Fatalf("demo: exit %d\n%s", code, out)
		}
	}
	awaitSQL(t, up, fmt.Sprint(demoSpans*len(demoDays)), "SELECT count() FROM spans")
	awaitSQL(t, up, fmt.Sprint(demoSpans*len(demoDays)), "SELECT sum(spans) FROM trace_parts")
	// Every third trace is judged, by an evaluation that sends its results as logs.
	judged := up.SQL(t, "SELECT trace_id, cityHash64(trace_id) % 7 FROM traces WHERE tenant = 'default' AND cityHash64(trace_id) % 3 = 0 ORDER BY trace_id")
	lines := strings.Split(judged, "\n")
	var records []string
	for _, line := range lines {
		trace, grade, _ := strings.Cut(line, "\t")
		records = append(records, evaluationRecord(trace, grade))
	}
	sendLogs(t, up, records...)
	awaitSQL(t, up, fmt.Sprint(len(lines)), "SELECT count() FROM assessments")

	file := filepath.Join(harness.Root(t), "docs", "sql.md")
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got, questions := answered(t, up, string(page))
	if questions < 25 {
		t.Errorf("%d questions, want 25 or more", questions)
	}
	testkit.Golden(t, "../../../docs/sql.md", []byte(got))
	up.Terminate(t)
}

// answered gives the page with the answer of each statement below it, in place
// of the table there.
func answered(t *testing.T, up *harness.Instance, page string) (got string, questions int) {
	t.Helper()
	const opening, closing = "```sql\n", "\n```\n"
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(page, opening)
		out.WriteString(before)
		if !found {
			return out.String(), questions
		}
		statement, rest, found := strings.Cut(rest, closing)
		if !found {
			t.Fatalf("a statement without end: %s", statement)
		}
		out.WriteString(opening + statement + closing + "\n" + up.SQL(t, statement+" FORMAT Markdown") + "\n")
		rest = strings.TrimPrefix(rest, "\n")
		for strings.HasPrefix(rest, "|") {
			_, rest, _ = strings.Cut(rest, "\n")
		}
		if page = strings.TrimPrefix(rest, "\n"); page != "" {
			out.WriteString("\n")
		}
		questions++
	}
}

// evaluationRecord is a log record with a grade from 0 to 6: 6 is a judge that
// failed.
func evaluationRecord(trace, grade string) string {
	result := fmt.Sprintf(`{"key":"gen_ai.evaluation.score.value","value":{"doubleValue":0.%s}}`, grade)
	if grade == "6" {
		result = `{"key":"error.type","value":{"stringValue":"timeout"}}`
	}
	return fmt.Sprintf(`{"timeUnixNano":"1795305600000000000","eventName":"gen_ai.evaluation.result","traceId":%q,"attributes":[`+
		`{"key":"gen_ai.evaluation.name","value":{"stringValue":"helpfulness"}},{"key":"gen_ai.response.model","value":{"stringValue":"gpt-4o"}},%s]}`, trace, result)
}

// sendLogs sends log records, as OTLP/JSON.
func sendLogs(t *testing.T, up *harness.Instance, records ...string) {
	t.Helper()
	body := `{"resourceLogs":[{"scopeLogs":[{"scope":{"name":"judge"},"logRecords":[` + strings.Join(records, ",") + `]}]}]}`
	postJSON(t, up, "/v1/logs", body)
}

// postJSON sends OTLP/JSON, which has to be taken.
func postJSON(t *testing.T, up *harness.Instance, path, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+up.OTLPHTTP+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", path, response.Status)
	}
}

// TestContentAndEvaluationsAsLogs: what comes as logs is with its span and its
// trace in the views, once however often it was sent.
func TestContentAndEvaluationsAsLogs(t *testing.T) {
	up := harness.Start(t, harness.NewUp(t), harness.Options{})
	request := newTrace("logged", 1)
	s := request.ResourceSpans[0].ScopeSpans[0].Spans[0]
	trace, span := hex.EncodeToString(s.TraceId), hex.EncodeToString(s.SpanId)
	s.Attributes = append(s.Attributes, textAttr("gen_ai.operation.name", "chat"), textAttr("gen_ai.request.model", "gpt-4o"))
	send(t, up, request)
	at := func(event string, after int, rest string) string {
		return fmt.Sprintf(`{"timeUnixNano":"%d","eventName":%q,"traceId":%q,"spanId":%q,%s}`, s.StartTimeUnixNano+uint64(after), event, trace, span, rest)
	}
	for range 2 {
		sendLogs(
			t, up,
			at("gen_ai.choice", 3, `"body":{"kvlistValue":{"values":[{"key":"finish_reason","value":{"stringValue":"stop"}}]}}`),
			at("gen_ai.user.message", 2, `"body":{"kvlistValue":{"values":[{"key":"content","value":{"stringValue":"why?"}}]}}`),
			at("gen_ai.system.message", 1, `"body":{"stringValue":"be brief"}`),
			at("gen_ai.evaluation.result", 9, `"attributes":[{"key":"gen_ai.evaluation.name","value":{"stringValue":"relevance"}},{"key":"gen_ai.evaluation.score.value","value":{"doubleValue":0.5}}]`),
			at("goal", 10, `"attributes":[{"key":"goal","value":{"stringValue":"purchase"}},{"key":"value","value":{"doubleValue":12.5}}]`),
			`{"body":{"stringValue":"an ordinary line"}}`,
		)
	}
	awaitSQL(t, up, "6", "SELECT count() FROM span_content")
	awaitSQL(t, up, "2", "SELECT count() FROM assessments")
	awaitSQL(t, up, `[{"role":"system","content":"be brief"},{"role":"user","content":"why?"}]`+"\t"+`[{"role":"assistant","finish_reason":"stop"}]`,
		"SELECT input, output FROM llm_calls WHERE tenant = 'default' AND trace_id = '"+trace+"' FORMAT TSVRaw")
	awaitSQL(t, up, "relevance\t0.5\tCODE\t"+span, "SELECT name, score, source_type, span_id FROM assessments_latest WHERE tenant = 'default' AND trace_id = '"+trace+"'")
	awaitSQL(t, up, "2", "SELECT count() FROM business_events")
	awaitSQL(t, up, trace+"\t12500000\tpurchase", "SELECT trace_id, value, attrs['goal'] FROM business_events_once WHERE tenant = 'default' AND name = 'goal'")
	verify(t, up, 0, "exact: ")
	tell(t, up, trace, schema.Event{Kind: schema.EventTraceDeleted})
	awaitSQL(t, up, "0", "SELECT count() FROM llm_calls")
	awaitSQL(t, up, "0", "SELECT count() FROM business_events_once")
	up.Terminate(t)
}
