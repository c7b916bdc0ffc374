package mlflow

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/spanmill/spanmill/internal/auth"
	"github.com/spanmill/spanmill/pkg/schema"
)

const (
	traceHex = "ba4b261f8e9ce806cec0d680f9355023"
	traceID  = "tr-" + traceHex
	api2     = "/api/2.0/mlflow"
	api3     = "/api/3.0/mlflow"
)

// infoBody is a trace info as the SDK sends it, with something more in it.
func infoBody(experiment, more string) string {
	return fmt.Sprintf(`{"trace":{"trace_info":{"trace_id":%q,"trace_location":{"type":"MLFLOW_EXPERIMENT","mlflow_experiment":{"experiment_id":%q}},
		"request_time":"2026-11-22T13:06:11.960Z","execution_duration":"0.122s","state":"OK","trace_metadata":{"mlflow.user":"root"},
		"tags":{"mlflow.traceName":"f"},"request_preview":"{\"x\": 1}","response_preview":"2"%s}}}`, traceID, experiment, more)
}

// TestTraceInfoSaysWhereItsSpansAre: an SDK that is not told so sends every span
// once more, as a file (M3).
func TestTraceInfoSaysWhereItsSpansAre(t *testing.T) {
	t.Parallel()
	b := newBench(t, auth.Anonymous())
	got := b.must("POST", api3+"/traces", infoBody("0", ""))
	want := `{"trace":{"trace_info":{"trace_id":"` + traceID + `","trace_location":{"type":"MLFLOW_EXPERIMENT","mlflow_experiment":{"experiment_id":"0"}},` +
		`"request_time":"2026-11-22T13:06:11.960Z","execution_duration":"0.122s","state":"OK",` +
		`"trace_metadata":{"mlflow.trace.infoFinalized":"true","mlflow.user":"root"},` +
		`"tags":{"mlflow.artifactLocation":"mlflow-artifacts:/0/traces/` + traceID + `/artifacts","mlflow.trace.spansLocation":"TRACKING_STORE","mlflow.traceName":"f"},` +
		`"request_preview":"{\"x\": 1}","response_preview":"2"}}}`
	if got != want {
		t.Errorf("answered\n%s\nwant\n%s", got, want)
	}
	e := b.events[0]
	if e.tenant != "default" || e.Kind != schema.EventTraceInfo || e.TraceID != traceHex || e.Info.ExperimentID != "0" ||
		e.Info.RequestMilli != 1795352771960 || e.Info.DurationMilli != (schema.Count{N: 122, Set: true}) ||
		e.Info.Tags["mlflow.trace.spansLocation"] != "TRACKING_STORE" || e.Info.Metadata["mlflow.trace.infoFinalized"] != "true" {
		t.Errorf("event %+v %+v", e, e.Info)
	}
}

func TestTraceInfoInOtherWords(t *testing.T) {
	t.Parallel()
	b := newBench(t, auth.Anonymous())
	b.must("POST", "/ajax-api/3.0/mlflow/traces", `{"trace":{"traceInfo":{"traceId":"my own id","traceLocation":{"mlflowExperiment":{"experimentId":"0"}},`+
		`"requestTime":"2026-11-22T13:06:11Z","state":2,"unknown":[1],"spans":[{}],"assessments":[{"assessment_name":"a","feedback":{"value":1}}]}}}`)
	if e := b.events[0]; e.TraceID != "my own id" || e.Info.State != "ERROR" || e.Info.DurationMilli.Set {
		t.Errorf("event %+v %+v", e, e.Info)
	}
	if e := b.events[1]; e.Assessment == nil || e.TraceID != "my own id" || e.Assessment.Value != "1.0" {
		t.Errorf("assessment %+v", e)
	}
}

func TestTraceInfoRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t, auth.Anonymous())
	gone := createExperiment(b, "gone")
	b.must("POST", api2+"/experiments/delete", `{"experiment_id":"`+gone+`"}`)
	for _, tt := range []struct {
		name, body string
		status     int
		want       string
	}{
		{"unknown experiment", infoBody("98765", ""), 404, "No Experiment with id=98765 exists"},
		{"deleted experiment", infoBody(gone, ""), 400, "must be in the 'active' state"},
		{"no number", infoBody("abc", ""), 400, "Invalid experiment ID 'abc'"},
		{"no trace", `{}`, 400, "Missing value for required parameter 'trace'"},
		{"no id", `{"trace":{"trace_info":{}}}`, 400, "'trace_id'"},
		{"no location", `{"trace":{"trace_info":{"trace_id":"tr-1"}}}`, 400, "'experiment_id'"},
		{"bad time", strings.Replace(infoBody("0", ""), "2026-11-22T13", "yesterday", 1), 400, "request_time"},
		{"bad duration", strings.Replace(infoBody("0", ""), "0.122s", "0.122", 1), 400, "execution_duration"},
		{"not JSON", `{"trace":`, 400, "Missing value for required parameter 'trace'"},
		{"a list", `[1]`, 400, "Missing value for required parameter 'trace'"},
		{"a number for a text", strings.Replace(infoBody("0", ""), `"experiment_id":"0"`, `"experiment_id":0`, 1), 400, "Invalid value 0 for parameter 'experiment_id' supplied:  Hint: Value was of type 'int'."},
		{"long id", strings.Replace(infoBody("0", ""), traceID, strings.Repeat("x", 251), 1), 400, "trace_id"},
	} {
		w := b.send("POST", api3+"/traces", tt.body)
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s: %d %s", tt.name, w.Code, w.Body)
		}
	}
	if len(b.events) != 0 {
		t.Errorf("refused, and yet told: %+v", b.events)
	}
}

// TestNothingIsAnsweredThatTheBusDidNotTake: promise P1 at this door.
func TestNothingIsAnsweredThatTheBusDidNotTake(t *testing.T) {
	t.Parallel()
	b := newBench(t, auth.Anonymous())
	b.must("POST", api3+"/traces", infoBody("0", ""))
	b.down = &Error{Status: 503, Reason: "produce_failed", Message: "again", Retry: true}
	for _, r := range [][3]string{
		{"POST", api3 + "/traces", infoBody("0", "")},
		{"PATCH", api2 + "/traces/" + traceID + "/tags", `{"key":"k","value":"v"}`},
		{"POST", api3 + "/traces/" + traceID + "/assessments", feedback("a", "true", "")},
		{"POST", api2 + "/traces/delete-traces", `{"experiment_id":"0","request_ids":["` + traceID + `"]}`},
		{"POST", api2 + "/traces/link-to-run", `{"trace_ids":["` + traceID + `"],"run_id":"r"}`},
		{"POST", api2 + "/traces/link-prompts", `{"trace_id":"` + traceID + `","prompt_versions":[{"name":"p","version":"1"}]}`},
		{"POST", api2 + "/traces", `{"experiment_id":"0"}`},
		{"PUT", "/api/2.0/mlflow-artifacts/artifacts/0/traces/" + traceID + "/artifacts/traces.json", spansJSON},
	} {
		if w := b.send(r[0], r[1], r[2]); w.Code != 503 || w.Header().Get("Retry-After") == "" {
			t.Errorf("%s %s: %d %s", r[0], r[1], w.Code, w.Body)
		}
	}
	w := b.send("POST", "/v1/traces", string(otlpBody(t)), "Content-Type: application/x-protobuf", "x-mlflow-experiment-id: 0")
	if w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("/v1/traces: %d %s", w.Code, w.Body)
	}
}

// TestWritesNeedNoTables: ClickHouse is away, and everything but deletion goes on.
func TestWritesNeedNoTables(t *testing.T) {
	t.Parallel()
	b := newBench(t, auth.Anonymous())
	b.blind = errors.New("clickhouse is away")
	b.must("POST", api3+"/traces", infoBody("0", ""))
	b.must("PATCH", api2+"/traces/"+traceID+"/tags", `{"key":"k","value":"v"}`)
	b.must("DELETE", api2+"/traces/"+traceID+"/tags", `{"key":"k"}`)
	b.must("POST", api3+"/traces/"+traceID+"/assessments", feedback("a", "true", `,"overrides":"a-1"`))
	b.must("PATCH", api3+"/traces/"+traceID+"/assessments/a-1", `{"assessment":{"rationale":"r"},"update_mask":"rationale"}`)
	b.must("DELETE", api3+"/traces/"+traceID+"/assessments/a-1", `{}`)
	if w := b.send("POST", api2+"/traces/delete-traces", `{"experiment_id":"0","request_ids":["tr-1"]}`); w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("delete-traces: %d %s", w.Code, w.Body)
	}
}

func TestTags(t *testing.T) {
	t.Parallel()
	b := newBench(t, auth.Anonymous())
	b.must("POST", api3+"/traces", infoBody("0", ""))
	for _, api := range []string{api2, api3} {
		tags := api + "/traces/" + traceID + "/tags"
		if got := b.must("PATCH", tags, `{"key":"päth/with.odd key","value":"`+strings.Repeat("ä", 4097)+`"}`); got != "{}" {
			t.Errorf("set: %s", got)
		}
		if tag := b.events[len(b.events)-1].Tag; tag.Key != "päth/with.odd key" || tag.Value != strings.Repeat("ä", 4096) {
			t.Errorf("tag %.40q of %d bytes", tag.Key, len(tag.Value))
		}
		if got := b.must("DELETE", tags, `{"key":"päth/with.odd key"}`); got != "{}" {
			t.Errorf("delete: %s", got)
		}
		if tag := b.events[len(b.events)-1].Tag; !tag.Deleted {
			t.Errorf("tag %+v", tag)
		}
		for _, tt := range []struct {
			method, target, body string
			status               int
		}{
			{"DELETE", tags, `{"key":"never set"}`, 404},
			{"DELETE", tags + "?key=k", ``, 400},
			{"PATCH", tags, `{"value":"v"}`, 400},
			{"PATCH", tags, `{"key":"a,b","value":"v"}`, 400},
			{"PATCH", tags, `{"key":"` + strings.Repeat("k", 251) + `","value":"v"}`, 400},
			{"PATCH", tags, `{"key":"spanmill.run/x","value":"v"}`, 400},
			{"PATCH", api + "/traces/tr-unknown/tags", `{"key":"k","value":"v"}`, 404},
		} {
			if w := b.send(tt.method, tt.target, tt.body); w.Code != tt.status {
				t.Errorf("%s %s %.40s: %d %s, want %d", tt.method, tt.target, tt.body, w.Code, w.Body, tt.status)
			}
		}
	}
}

func feedback(name, value, more string) string {
	return fmt.Sprintf(`{"assessment":{"assessment_name":%q,"trace_id":%q,"source":{"source_type":"HUMAN","source_id":"bob@example.com"},`+
		`"create_time":"2026-11-22T13:06:13.342Z","last_update_time":"2026-11-22T13:06:13.342Z","feedback":{"value":%s},"rationale":"looks right","metadata":{"k":"v"},"valid":true%s}}`,
		name, traceID, value, more)
}

func assessmentID(t *testing.T, answer string) string {
	t.Helper()
	var a struct {
		Assessment assessmentJSON `json:"assessment"`
	}
	if err := json.Unmarshal([]byte(answer), &a); err != nil || !strings.HasPrefix(a.Assessment.ID, "a-") || len(a.Assessment.ID) != 34 {
		t.Fatalf("%s: %v", answer, err)
	}
	return a.Assessment.ID
}

func TestAssessments(t *testing.T) {
	t.Parallel()
	b := newBench(t, auth.Anonymous())
	b.must("POST", api3+"/traces", infoBody("0", ""))
	all := api3 + "/traces/" + traceID + "/assessments"
	made := b.must("POST", all, feedback("correct", "true", ""))
	id := assessmentID(t, made)
	want := `{"assessment":{"assessment_id":"` + id + `","assessment_name":"correct","trace_id":"` + traceID + `","source":{"source_type":"HUMAN","source_id":"bob@example.com"},` +
		`"create_time":"2026-11-22T13:06:13.342Z","last_update_time":"2026-11-22T13:06:13.342Z","feedback":{"value":true},"rationale":"looks right","metadata":{"k":"v"},"valid":true}}`
	if made != want {
		t.Errorf("made\n%s\nwant\n%s", made, want)
	}
	if got := b.must("GET", all+"/"+id+"?trace_id=x", ""); got != want {
		t.Errorf("get\n%s", got)
	}
	changed := b.must("PATCH", all+"/"+id, `{"assessment":{"feedback":{"value":false},"rationale":"changed","metadata":{"k":"v2"}},"update_mask":"assessmentName,feedback,rationale,metadata,nonsense"}`)
	if !strings.Contains(changed, `"feedback":{"value":false},"rationale":"changed","metadata":{"k":"v2"},"valid":true`) || !strings.Contains(changed, `"create_time":"2026-11-22T13:06:13.342Z"`) {
		t.Errorf("changed\n%s", changed)
	}
	over := b.must("POST", all, feedback("correct", "0.2", `,"overrides":"`+id+`"`))
	if !strings.Contains(over, `"overrides":"`+id+`","valid":true`) {
		t.Errorf("override\n%s", over)
	}
	if got := b.must("GET", all+"/"+id, ""); !strings.Contains(got, `"valid":false`) || !strings.Contains(got, `"rationale":"changed"`) {
		t.Errorf("what was replaced\n%s", got)
	}
	for range 2 {
		if got := b.must("DELETE", all+"/"+id, `{}`); got != "{}" {
			t.Errorf("delete: %s", got)
		}
	}
	if w := b.send("GET", all+"/"+id, ""); w.Code != 404 || !strings.Contains(w.Body.String(), "Assessment with ID '"+id+"' not found for trace '"+traceID+"'") {
		t.Errorf("get of what is gone: %d %s", w.Code, w.Body)
	}
}

// TestAnAssessmentSentTwiceIsOne: a client that heard no answer sends again.
func TestAnAssessmentSentTwiceIsOne(t *testing.T) {
	t.Parallel()
	b := newBench(t, auth.Anonymous())
	b.must("POST", api3+"/traces", infoBody("0", `,"assessments":[{"assessment_name":"a","create_time":"2026-11-22T13:06:13Z","feedback":{"value":1}}]`))
	all := api3 + "/traces/" + traceID + "/assessments"
	one, two := assessmentID(t, b.must("POST", all, feedback("a", "1", ""))), assessmentID(t, b.must("POST", all, feedback("a", "1", "")))
	other := assessmentID(t, b.must("POST", all, feedback("a", "2", "")))
	if one != two || one == other {
		t.Errorf("ids %s, %s; of another %s", one, two, other)
	}
}

// TestAnUpdateAppliedTwiceTouchesItsFieldsOnly: an update that a client sends
// again, after another changed other fields, brings none of those back.
func TestAnUpdateAppliedTwiceTouchesItsFieldsOnly(t *testing.T) {
	t.Parallel()
	b := newBench(t, auth.Anonymous())
	b.must("POST", api3+"/traces", infoBody("0", ""))
	all := api3 + "/traces/" + traceID + "/assessments"
	one := all + "/" + assessmentID(t, b.must("POST", all, feedback("a", "true", "")))
	update := `{"assessment":{"rationale":"first"},"update_mask":"rationale"}`
	b.must("PATCH", one, update)
	twice := b.events[len(b.events)-1]
	b.must("PATCH", one, `{"assessment":{"feedback":{"value":"changed"},"metadata":{"k":"changed"}},"update_mask":"feedback,metadata"}`)
	b.events = append(b.events, twice) // the first update once more, as it was published
	got := b.must("GET", one, "")
	for _, want := range []string{`"feedback":{"value":"changed"}`, `"metadata":{"k":"changed"}`, `"rationale":"first"`, `"assessment_name":"a"`, `"valid":true`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
}

func TestAssessmentValues(t *testing.T) {
	t.Parallel()
	b := newBench(t, auth.Anonymous())
	b.must("POST", api3+"/traces", infoBody("0", ""))
	all := api3 + "/traces/" + traceID + "/assessments"
	for sent, want := range map[string]string{
		`"feedback":{"value":4}`:                                      `"feedback":{"value":4.0}`,
		`"feedback":{"value":[1,{"b":2.50,"a":null}]}`:                `"feedback":{"value":[1.0,{"a":null,"b":2.5}]}`,
		`"feedback":{"value":null}`:                                   `"feedback":{"value":null}`,
		`"feedback":{"value":1e20}`:                                   `"feedback":{"value":1e+20}`,
		`"feedback":{"value":"<b>"}`:                                  `"feedback":{"value":"<b>"}`,
		`"feedback":{"error":{"error_code":"E","error_message":"m"}}`: `"feedback":{"value":null,"error":{"error_code":"E","error_message":"m"}}`,
		`"expectation":{"value":"x"}`:                                 `"expectation":{"value":"x"}`,
		`"expectation":{"serialized_value":{"serialization_format":"JSON_FORMAT","value":"[\"a\"]"}}`: `"expectation":{"serialized_value":{"serialization_format":"JSON_FORMAT","value":"[\"a\"]"}}`,
		`"issue":{"issue_name":"i"}`:                                   `"issue":{"issue_name":"i"}`,
		`"feedback":{"value":true},"source":{"source_type":"MARTIAN"}`: `"source":{"source_type":"SOURCE_TYPE_UNSPECIFIED"}`,
		`"feedback":{"value":1},"expectation":{"value":2}`:             `"feedback":{"value":1.0},"valid":true`,
		`"feedback":{"value":true},"span_id":"00f067aa0ba902b7"`:       `"span_id":"00f067aa0ba902b7"`,
	} {
		if got := b.must("POST", all, `{"assessment":{"assessment_name":"n",`+sent+`}}`); !strings.Contains(got, want) {
			t.Errorf("%s: %s", sent, got)
		}
	}
	one := all + "/" + assessmentID(t, b.must("POST", all, feedback("a", "true", "")))
	for _, tt := range []struct {
		method, target, body string
		status               int
	}{
		{"POST", all, `{}`, 400},
		{"POST", all, `{"assessment":{"assessment_name":"n"}}`, 400},
		{"POST", all, `{"assessment":{"assessment_name":"n","feedback":7}}`, 400},
		{"POST", all, feedback("a", "1", `,"overrides":"a-unknown"`), 404},
		{"POST", api3 + "/traces/tr-unknown/assessments", feedback("a", "1", ""), 404},
		{"PATCH", one, `{"assessment":{"rationale":"x"}}`, 400},
		{"PATCH", one, `{"assessment":{"rationale":"x"},"update_mask":""}`, 400},
		{"PATCH", one, `{"assessment":{"rationale":"x"},"update_mask":"feedback"}`, 400},
		{"PATCH", one, `{"assessment":{"expectation":{"value":1}},"update_mask":"expectation"}`, 400},
		{"PATCH", all + "/a-unknown", `{"assessment":{"rationale":"x"},"update_mask":"rationale"}`, 404},
		{"PATCH", api3 + "/traces/tr-unknown/assessments/a-1", `{"assessment":{"rationale":"x"},"update_mask":"rationale"}`, 404},
		{"DELETE", api3 + "/traces/tr-unknown/assessments/a-1", `{}`, 200},
		{"GET", api3 + "/traces/tr-unknown/assessments/a-1", ``, 404},
	} {
		if w := b.send(tt.method, tt.target, tt.body); w.Code != tt.status {
			t.Errorf("%s %s %s: %d %s, want %d", tt.method, tt.target, tt.body, w.Code, w.Body, tt.status)
		}
	}
}

func TestLinks(t *testing.T) {
	t.Parallel()
	b := newBench(t, auth.Anonymous())
	b.must("POST", api2+"/traces/link-to-run", `{"trace_ids":["`+traceID+`","tr-2"],"run_id":"r1"}`)
	b.must("POST", api2+"/traces/link-to-run", `{"trace_ids":["`+traceID+`"],"run_id":"r2"}`)
	b.must("POST", api2+"/traces/link-prompts", `{"trace_id":"`+traceID+`","prompt_versions":[{"name":"greet","version":"1"},{"name":"greet","version":"2"}]}`)
	b.must("POST", "/v1/traces", string(otlpBody(t)), "Content-Type: application/x-protobuf", "x-mlflow-experiment-id: 0", "x-mlflow-run-id: r3")
	var got []string
	for _, e := range b.events {
		if e.TraceID == traceHex {
			got = append(got, e.Tag.Key+" = "+e.Tag.Value)
		}
	}
	want := []string{
		"spanmill.run/r1 = r1", "spanmill.run/r2 = r2",
		`spanmill.prompt/greet/1 = {"name":"greet","version":"1"}`, `spanmill.prompt/greet/2 = {"name":"greet","version":"2"}`,
		"spanmill.run/r3 = r3",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("links\n%s", strings.Join(got, "\n"))
	}
	many := strings.Repeat(`"tr-1",`, 100) + `"tr-1"`
	if w := b.send("POST", api2+"/traces/link-to-run", `{"trace_ids":[`+many+`],"run_id":"r"}`); w.Code != 400 {
		t.Errorf("101 traces: %d", w.Code)
	}
}

func TestDeletion(t *testing.T) {
	t.Parallel()
	b := newBench(t, auth.Anonymous())
	other := createExperiment(b, "other")
	for i, experiment := range []string{"0", "0", "0", other} {
		body := strings.Replace(infoBody(experiment, ""), traceID, fmt.Sprintf("tr-%d", i), 1)
		b.must("POST", api3+"/traces", strings.Replace(body, "11.960Z", fmt.Sprintf("1%d.000Z", i), 1))
	}
	del := func(body string) string { return b.must("POST", api2+"/traces/delete-traces", body) }
	for _, tt := range []struct{ body, want string }{
		{`{"experiment_id":"0","request_ids":["tr-0","tr-3","tr-9"]}`, `{"traces_deleted":1}`},
		{`{"experiment_id":"0","request_ids":["tr-0"]}`, `{"traces_deleted":0}`},
		{`{"experiment_id":"0","max_timestamp_millis":1795352772000,"max_traces":1}`, `{"traces_deleted":1}`},
		{`{"experiment_id":"0","max_timestamp_millis":"9999999999999"}`, `{"traces_deleted":1}`},
	} {
		if got := del(tt.body); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.body, got, tt.want)
		}
	}
	if _, found := (tables{b}).info("default", "tr-3"); !found {
		t.Error("a trace of another experiment is gone")
	}
	for _, body := range []string{
		`{"experiment_id":"0"}`, `{"request_ids":["tr-0"]}`, `{"experiment_id":"0","request_ids":["tr-0"],"max_timestamp_millis":1}`,
		`{"experiment_id":"0","request_ids":["tr-0"],"max_traces":1}`, `{"experiment_id":"0","max_timestamp_millis":1,"max_traces":0}`,
	} {
		if w := b.send("POST", api3+"/traces/delete-traces", body); w.Code != 400 {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
}

// otlpBody is a request with one span.
func otlpBody(t *testing.T) []byte {
	t.Helper()
	return otlpRequest(t, traceHex, "911e9ca786f4d2f8")
}

func otlpRequest(t *testing.T, traceID, spanID string) []byte {
	t.Helper()
	var request collector.ExportTraceServiceRequest
	text := fmt.Sprintf(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":%q,"spanId":%q,"name":"f"}]}]}]}`,
		base64Hex(t, traceID), base64Hex(t, spanID))
	if err := protojson.Unmarshal([]byte(text), &request); err != nil {
		t.Fatal(err)
	}
	body, err := proto.Marshal(&request)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func base64Hex(t *testing.T, text string) string {
	t.Helper()
	var b []byte
	if _, err := fmt.Sscanf(text, "%x", &b); err != nil && text != "" {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b)
}

func TestOTLPByMLflowsRules(t *testing.T) {
	t.Parallel()
	const protobuf, text, zero = "Content-Type: application/x-protobuf", "Content-Type: application/json; charset=utf-8", "x-mlflow-experiment-id: 0"
	good, spans := string(otlpBody(t)), `{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"`+traceHex+`","spanId":"911e9ca786f4d2f8","name":"f"}]}]}]}`
	for _, tt := range []struct {
		name, body string
		headers    []string
		status     int
		want       string
	}{
		{"protobuf", good, []string{protobuf, zero}, 200, ""},
		{"JSON", spans, []string{text, zero}, 200, ""},
		{"no spans, but a resource", `{"resourceSpans":[{"scopeSpans":[{"spans":[]}]}]}`, []string{text, zero}, 200, ""},
		{"no experiment", good, []string{protobuf}, 422, `{"detail":[{"input":null,"loc":["header","x-mlflow-experiment-id"],"msg":"Field required","type":"missing"}]}`},
		{"unknown experiment", good, []string{protobuf, "x-mlflow-experiment-id: 98765"}, 404, `"error_code":"RESOURCE_DOES_NOT_EXIST","message":"No Experiment with id=98765 exists"`},
		{"experiment that is no number", good, []string{protobuf, "x-mlflow-experiment-id: abc"}, 400, `"message":"Invalid experiment ID 'abc'. Experiment ID must be a valid integer."`},
		{"content type", "x", []string{"Content-Type: text/plain", zero}, 400, `{"detail":"Invalid Content-Type: text/plain. Expected: application/x-protobuf or application/json"}`},
		{"zstd", good, []string{protobuf, zero, "Content-Encoding: zstd"}, 400, `{"detail":"Unsupported Content-Encoding: zstd"}`},
		{"corrupt gzip", "not gzip", []string{protobuf, zero, "Content-Encoding: gzip"}, 400, `{"detail":"Failed to decompress gzip payload"}`},
		{"empty", "", []string{protobuf, zero}, 400, `{"detail":"Invalid OpenTelemetry format - no spans found"}`},
		{"empty JSON", "{}", []string{text, zero}, 400, `{"detail":"Invalid OpenTelemetry format - no spans found"}`},
		{"broken JSON", "{", []string{text, zero}, 400, `{"detail":"Invalid OpenTelemetry format"}`},
		{"no span id", string(otlpRequest(t, traceHex, "")), []string{protobuf, zero}, 422, `{"detail":"Cannot convert OpenTelemetry span to MLflow span"}`},
		{"a zero trace id", string(otlpRequest(t, "00000000000000000000000000000000", "911e9ca786f4d2f8")), []string{protobuf, zero}, 422, "Cannot convert"},
	} {
		b := newBench(t, auth.Anonymous())
		w := b.send("POST", "/v1/traces", tt.body, tt.headers...)
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) {
			t.Errorf("%s: %d %s", tt.name, w.Code, w.Body)
		}
		if tt.status != http.StatusOK {
			if len(b.spans) != 0 {
				t.Errorf("%s: refused, and yet taken", tt.name)
			}
			continue
		}
		if w.Body.Len() != 0 || w.Header().Get("Content-Type") != "application/x-protobuf" || len(b.spans) != 1 || b.spans[0].experiment != "0" {
			t.Errorf("%s: %q %q %+v", tt.name, w.Body, w.Header(), b.spans)
		}
	}
	b := newBench(t, auth.Anonymous())
	b.down = &Error{Status: 400, Reason: "malformed", Message: "not an OTLP trace request: wrong wire type"}
	if w := b.send("POST", "/v1/traces", "\xff\xff\xff", protobuf, zero); w.Code != 400 || w.Body.String() != `{"detail":"Invalid OpenTelemetry format"}` {
		t.Errorf("garbage: %d %s", w.Code, w.Body)
	}
	for _, r := range [][2]string{{"GET", "/v1/traces"}, {"POST", "/v1/traces/"}, {"POST", "/v1/logs"}} {
		if w := b.send(r[0], r[1], "", zero); w.Code != 404 {
			t.Errorf("%s %s: %d", r[0], r[1], w.Code)
		}
	}
}

const spansJSON = `{"spans":[{"trace_id":"uksmH46c6AbOwNaA+TVQIw==","span_id":"kR6cp4b00vg=","parent_span_id":null,"name":"agent",
	"start_time_unix_nano":1795352789567959043,"end_time_unix_nano":1795352789571926726,
	"events":[{"name":"cache_miss","time_unix_nano":1795352789568470272,"attributes":{"key":"abc","n":2}}],
	"status":{"code":"STATUS_CODE_ERROR","message":"bad"},
	"attributes":{"mlflow.spanType":"\"AGENT\"","i":"1","f":"1.5","b":"true","l":"[1, 2]","d":"{\"z\": null, \"a\": {\"k\": \"v\"}}","raw":"not JSON","big":"123456789012345678901"},
	"links":[{"trace_id":"uksmH46c6AbOwNaA+TVQIw==","span_id":"kR6cp4b00vg=","attributes":{"x":"y"}}]}]}`

// TestSpansFile: the file that an SDK sends where it does not send OTLP becomes
// the same typed spans.
func TestSpansFile(t *testing.T) {
	t.Parallel()
	b := newBench(t, auth.Anonymous())
	target := "/api/2.0/mlflow-artifacts/artifacts/0/traces/" + traceID + "/artifacts/traces.json"
	if got := b.must("PUT", target, spansJSON, "Content-Type: text/plain"); got != "" {
		t.Errorf("answered %q", got)
	}
	var request collector.ExportTraceServiceRequest
	if err := proto.Unmarshal(b.spans[0].body, &request); err != nil || b.spans[0].experiment != "0" {
		t.Fatal(err, b.spans)
	}
	text := func(s string) *common.AnyValue {
		return &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: s}}
	}
	number := func(n int64) *common.AnyValue { return &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: n}} }
	keys := func(kv ...*common.KeyValue) *common.AnyValue {
		return &common.AnyValue{Value: &common.AnyValue_KvlistValue{KvlistValue: &common.KeyValueList{Values: kv}}}
	}
	id, span := []byte("\xba\x4b\x26\x1f\x8e\x9c\xe8\x06\xce\xc0\xd6\x80\xf9\x35\x50\x23"), []byte("\x91\x1e\x9c\xa7\x86\xf4\xd2\xf8")
	want := &trace.Span{
		TraceId: id, SpanId: span, Name: "agent", StartTimeUnixNano: 1795352789567959043, EndTimeUnixNano: 1795352789571926726,
		Status: &trace.Status{Code: trace.Status_STATUS_CODE_ERROR, Message: "bad"},
		Attributes: []*common.KeyValue{
			{Key: "mlflow.spanType", Value: text("AGENT")},
			{Key: "i", Value: number(1)},
			{Key: "f", Value: &common.AnyValue{Value: &common.AnyValue_DoubleValue{DoubleValue: 1.5}}},
			{Key: "b", Value: &common.AnyValue{Value: &common.AnyValue_BoolValue{BoolValue: true}}},
			{Key: "l", Value: &common.AnyValue{Value: &common.AnyValue_ArrayValue{ArrayValue: &common.ArrayValue{Values: []*common.AnyValue{number(1), number(2)}}}}},
			{Key: "d", Value: keys(&common.KeyValue{Key: "z", Value: &common.AnyValue{}}, &common.KeyValue{Key: "a", Value: keys(&common.KeyValue{Key: "k", Value: text("v")})})},
			{Key: "raw", Value: text("not JSON")},
			{Key: "big", Value: &common.AnyValue{Value: &common.AnyValue_DoubleValue{DoubleValue: 123456789012345678901}}},
		},
		Events: []*trace.Span_Event{{
			Name: "cache_miss", TimeUnixNano: 1795352789568470272,
			Attributes: []*common.KeyValue{{Key: "key", Value: text("abc")}, {Key: "n", Value: number(2)}},
		}},
		Links: []*trace.Span_Link{{TraceId: id, SpanId: span, Attributes: []*common.KeyValue{{Key: "x", Value: text("y")}}}},
	}
	if got := request.GetResourceSpans()[0].GetScopeSpans()[0].GetSpans()[0]; !proto.Equal(got, want) {
		t.Errorf("span\n%v\nwant\n%v", got, want)
	}
	for body, status := range map[string]int{
		`{"spans":[]}`: 200, `{}`: 200, `[`: 400, `{"spans":[{"trace_id":"!","span_id":""}]}`: 400, `{"spans":[{"trace_id":"","span_id":""}]}`: 400,
	} {
		if w := b.send("PUT", target, body); w.Code != status {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
}

func TestAttachments(t *testing.T) {
	t.Parallel()
	keys, key := keysOf(t, "acme:read, write", "beta:read, write")
	b := newBench(t, keys)
	acme, beta := "Authorization: Bearer "+key[0], "Authorization: Bearer "+key[1]
	const folder = "/api/2.0/mlflow-artifacts/artifacts/0/traces/" + traceID + "/artifacts/"
	file := folder + "attachments/24540e87-f63f-407d-9f90-555342406d4f"
	if got := b.must("PUT", file, "hello\x00attachment", acme); got != "" {
		t.Errorf("put: %q", got)
	}
	if got := b.must("GET", file, "", acme); got != "hello\x00attachment" {
		t.Errorf("get: %q", got)
	}
	if got := b.must("GET", "/ajax-api/3.0/mlflow/get-trace-artifact?request_id="+traceID+"&path=24540e87-f63f-407d-9f90-555342406d4f", "", acme); got != "hello\x00attachment" {
		t.Errorf("get-trace-artifact: %q", got)
	}
	for target, status := range map[string]int{
		file:                           404, // beta's key
		folder + "attachments/..%2f..": 400,
		folder + "attachments/.hidden": 400,
		folder + "attachments/a%2fb":   400,
		"/api/2.0/mlflow-artifacts/artifacts/0/models/x":                                                             404,
		"/api/2.0/mlflow-artifacts/artifacts/0/traces/..%2f..%2facme/artifacts/24540e87-f63f-407d-9f90-555342406d4f": 404,
	} {
		if w := b.send("GET", target, "", beta); w.Code != status {
			t.Errorf("%s: %d %s, want %d", target, w.Code, w.Body, status)
		}
	}
	b.attachments.max = 20
	if w := b.send("PUT", folder+"attachments/second", "too much", acme); w.Code != 413 {
		t.Errorf("beyond the bound: %d %s", w.Code, w.Body)
	}
	b.must("DELETE", file, "", acme)
	b.must("DELETE", file, "", acme)
	b.must("PUT", folder+"attachments/second", "not too much", acme)
	b.attachments.dir = ""
	if w := b.send("PUT", folder+"attachments/third", "x", acme); w.Code != 400 {
		t.Errorf("without a folder: %d %s", w.Code, w.Body)
	}
}

func TestLegacyTrace(t *testing.T) {
	t.Parallel()
	b := newBench(t, auth.Anonymous())
	var started struct {
		Info legacyInfoJSON `json:"trace_info"`
	}
	got := b.must("POST", api2+"/traces", `{"experiment_id":"0","timestamp_ms":1000,"request_metadata":[{"key":"k","value":"v"}],"tags":[{"key":"t","value":"u"}]}`)
	if err := json.Unmarshal([]byte(got), &started); err != nil || len(started.Info.ID) != 35 || started.Info.Status != "IN_PROGRESS" || started.Info.Timestamp != 1000 {
		t.Fatalf("%s: %v", got, err)
	}
	got = b.must("PATCH", api2+"/traces/"+started.Info.ID, `{"timestamp_ms":3500,"status":"OK","request_metadata":[{"key":"k2","value":"v2"}]}`)
	if !strings.Contains(got, `"timestamp_ms":1000,"execution_time_ms":2500,"status":"OK"`) {
		t.Errorf("ended: %s", got)
	}
	info, found := tables{b}.info("default", hexOf(started.Info.ID))
	if !found || info.Metadata["k"] != "v" || info.Metadata["k2"] != "v2" || info.Tags["t"] != "u" || info.Tags["mlflow.trace.spansLocation"] != "" {
		t.Errorf("%+v", info)
	}
	if w := b.send("PATCH", api2+"/traces/unknown", `{"status":"OK"}`); w.Code != 404 {
		t.Errorf("unknown: %d", w.Code)
	}
}
