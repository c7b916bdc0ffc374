package e2e_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	"google.golang.org/protobuf/proto"

	"github.com/spanmill/spanmill/internal/testkit"
	"github.com/spanmill/spanmill/tests/e2e/harness"
	"github.com/spanmill/spanmill/tests/kafka"
)

// caller is a client of MLflow's door, by plain HTTP, with a tenant's key.
type caller struct {
	door mlflowDoor
	key  string
}

// ask sends a request and gives the answer as it is.
func (c caller) ask(t *testing.T, method, path, body string, headers ...string) (status int, answer string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, "http://"+string(c.door)+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+c.key)
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	request.Close = true // the next life has other doors
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// must is ask for what has to succeed; v, if not nil, is what the answer is read
// into.
func (c caller) must(t *testing.T, method, path, body string, v any) string {
	t.Helper()
	status, answer := c.ask(t, method, path, body)
	var err error
	if v != nil {
		err = json.Unmarshal([]byte(answer), v)
	}
	if status != http.StatusOK || err != nil {
		t.Fatalf("%s %s %s: %d %s, %v", method, path, body, status, answer, err)
	}
	return answer
}

const tracesPath = "/api/3.0/mlflow/traces"

// told is a trace info as clients read it, in part.
type told struct {
	ID          string            `json:"trace_id"`
	Tags        map[string]string `json:"tags"`
	Assessments []struct {
		ID       string `json:"assessment_id"`
		Feedback struct {
			Value any `json:"value"`
		} `json:"feedback"`
		Rationale string `json:"rationale"`
		Valid     bool   `json:"valid"`
	} `json:"assessments"`
}

// info reads a trace's info, which must be there.
func (c caller) info(t *testing.T, id string) told {
	t.Helper()
	var got struct {
		Trace struct {
			Info told `json:"trace_info"`
		} `json:"trace"`
	}
	c.must(t, http.MethodGet, tracesPath+"/"+id, "", &got)
	return got.Trace.Info
}

// found are the ids of a search's traces, page by page.
func (c caller) found(t *testing.T, experiment, filter string) (ids []string) {
	t.Helper()
	token := ""
	for {
		var page struct {
			Traces []told `json:"traces"`
			Token  string `json:"next_page_token"`
		}
		body, err := json.Marshal(map[string]any{
			"locations": []any{map[string]any{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": map[string]string{"experiment_id": experiment}}},
			"filter":    filter, "max_results": 3, "page_token": token,
		})
		if err != nil {
			t.Fatal(err)
		}
		c.must(t, http.MethodPost, tracesPath+"/search", string(body), &page)
		for _, one := range page.Traces {
			ids = append(ids, one.ID)
		}
		if token = page.Token; token == "" {
			return ids
		}
	}
}

// write sends a trace as MLflow's SDK does: its spans by OTLP, then its info.
func (c caller) write(t *testing.T, experiment string, began time.Time) (id string) {
	t.Helper()
	sent := newTrace("mlflow", 3)
	spans := sent.ResourceSpans[0].ScopeSpans[0].Spans
	id = "tr-" + hex.EncodeToString(spans[0].TraceId)
	for _, s := range spans {
		s.Attributes = []*commonpb.KeyValue{{
			Key: "mlflow.traceRequestId", Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: `"` + id + `"`}},
		}}
	}
	body, err := proto.Marshal(sent)
	if err != nil {
		t.Fatal(err)
	}
	if status, answer := c.ask(t, http.MethodPost, "/v1/traces", string(body),
		"Content-Type", "application/x-protobuf", "X-Mlflow-Experiment-Id", experiment); status != http.StatusOK {
		t.Fatalf("/v1/traces: %d %s", status, answer)
	}
	c.must(t, http.MethodPost, tracesPath, `{"trace":{"trace_info":{"trace_id":"`+id+`","trace_location":{"type":"MLFLOW_EXPERIMENT",`+
		`"mlflow_experiment":{"experiment_id":"`+experiment+`"}},"request_time":"`+began.UTC().Format(time.RFC3339Nano)+`","execution_duration":"0.25s","state":"OK",`+
		`"trace_metadata":{"mlflow.trace.sizeStats":"{\"num_spans\": 3}"},"tags":{"mlflow.traceName":"chain"}}}}`, nil)
	return id
}

// testMLflow: what is written by MLflow's calls is read by them, right away, by
// its tenant and by nobody else, and what was deleted is gone in the next life
// too.
func testMLflow(t *testing.T, p harness.Plant) {
	acmeKey, acmeEntry := newKey(t, "acme", "write, read")
	betaKey, betaEntry := newKey(t, "beta", "write, read")
	keys := filepath.Join(t.TempDir(), "keys.yaml")
	if err := os.WriteFile(keys, []byte(acmeEntry+betaEntry), 0o600); err != nil {
		t.Fatal(err)
	}
	// Reads wait as long as a slow machine may need.
	up, door := startReading(t, p, keys, "1m")
	acme := caller{door, acmeKey}
	var made experiment
	acme.must(t, http.MethodPost, "/api/2.0/mlflow/experiments/create", `{"name":"reads"}`, &made)
	newest := time.Now()
	kept := acme.write(t, made.ID, newest)
	if got := acme.info(t, kept); got.Tags["mlflow.traceName"] != "chain" { // its own writes, at once
		t.Errorf("the info right after its write: %+v", got)
	}
	var got struct {
		Trace struct {
			Spans []struct {
				Name string `json:"name"`
			} `json:"spans"`
		} `json:"trace"`
	}
	acme.must(t, http.MethodGet, tracesPath+"/get?trace_id="+kept, "", &got)
	if len(got.Trace.Spans) != 3 || got.Trace.Spans[0].Name != "step 0" {
		t.Errorf("the trace: %+v", got)
	}
	assessment := judge(t, acme, kept)
	all := []string{kept}
	for i := range 7 {
		all = append(all, acme.write(t, made.ID, newest.Add(-time.Duration(i+1)*time.Second)))
	}
	if ids := acme.found(t, made.ID, "request_id = '"+all[7]+"' AND name = 'chain'"); !slices.Equal(ids, all[7:]) {
		t.Errorf("searched right after its write: %v", ids)
	}
	harness.Eventually(t, func() error {
		if ids := acme.found(t, made.ID, "tags.stage = 'reviewed'"); !slices.Equal(ids, all[:1]) {
			return fmt.Errorf("found by its tag: %v", ids)
		}
		if ids := acme.found(t, made.ID, "name = 'chain'"); !slices.Equal(ids, all) {
			return fmt.Errorf("pages give %v, want %v", ids, all)
		}
		return nil
	})
	deleteOne(t, acme, made.ID, all)

	up.Kill()
	up, door = startReading(t, p, keys, "1ms")
	acme, beta := caller{door, acmeKey}, caller{door, betaKey}
	if ids := acme.found(t, made.ID, ""); !slices.Equal(ids, all[:7]) {
		t.Errorf("in the next life: %v, want %v", ids, all[:7])
	}
	for _, r := range readsOf(made.ID, all[7], "") {
		if _, answer := acme.ask(t, r.method, r.path, r.body); r.byID && strings.Contains(answer, `"request_time"`) {
			t.Errorf("deleted, and %s %s says %s", r.method, r.path, answer)
		}
	}
	apart(t, acme, beta, readsOf(made.ID, kept, assessment))
	up.Terminate(t)
}

// startReading starts a life whose reads wait so long for what was written: on a
// plant with a gateway, by `spanmill query`, to which it hands reads on.
func startReading(t *testing.T, p harness.Plant, keys, wait string) (*harness.Instance, mlflowDoor) {
	t.Helper()
	addr := testkit.FreeAddr(t)
	env := []string{"SPANMILL_API_KEYS_FILE=" + keys, "SPANMILL_READ_WAIT=" + wait, "SPANMILL_MAX_AGE=200ms", "SPANMILL_MLFLOW_HTTP=" + addr}
	site, ok := p.(*kafka.Plant)
	if !ok {
		up := harness.Start(t, p, harness.Options{Env: env})
		return up, doorOf(up, addr)
	}
	reads := testkit.FreeAddr(t)
	asked := site.Query(t, harness.Options{Env: append(env[:3:3], "SPANMILL_MLFLOW_HTTP="+reads)})
	up := harness.Start(t, p, harness.Options{Env: append(env, "SPANMILL_QUERY=http://"+reads)})
	up.Processes = append(up.Processes, asked)
	return up, doorOf(up, addr)
}

// judge tags a trace and says three things of it, the last instead of the first.
func judge(t *testing.T, c caller, id string) (assessment string) {
	t.Helper()
	const source = `"source":{"source_type":"HUMAN","source_id":"bob"}`
	create := func(more string) string {
		var made struct {
			Assessment struct {
				ID string `json:"assessment_id"`
			} `json:"assessment"`
		}
		c.must(t, http.MethodPost, tracesPath+"/"+id+"/assessments", `{"assessment":{"trace_id":"`+id+`",`+source+`,`+more+`}}`, &made)
		return made.Assessment.ID
	}
	c.must(t, http.MethodPatch, tracesPath+"/"+id+"/tags", `{"key":"stage","value":"new"}`, nil)
	c.must(t, http.MethodPatch, tracesPath+"/"+id+"/tags", `{"key":"stage","value":"reviewed"}`, nil)
	first := create(`"assessment_name":"good","feedback":{"value":true}`)
	c.must(t, http.MethodPatch, tracesPath+"/"+id+"/assessments/"+first,
		`{"assessment":{"feedback":{"value":false},"rationale":"read again"},"update_mask":"feedback,rationale"}`, nil)
	second := create(`"assessment_name":"good","feedback":{"value":0.5},"overrides":"` + first + `"`)
	third := create(`"assessment_name":"gone","feedback":{"value":1}`)
	c.must(t, http.MethodDelete, tracesPath+"/"+id+"/assessments/"+third, "", nil)
	harness.Eventually(t, func() error {
		i := c.info(t, id)
		want := fmt.Sprintf("[{%s {false} read again false} {%s {0.5}  true}]", first, second)
		if got := fmt.Sprint(i.Assessments); got != want || i.Tags["stage"] != "reviewed" || i.Tags["mlflow.traceName"] != "chain" {
			return fmt.Errorf("got %s and tags %v, want %s", got, i.Tags, want)
		}
		return nil
	})
	return second
}

// deleteOne deletes the last of the traces and waits until searches say so.
func deleteOne(t *testing.T, c caller, experiment string, all []string) {
	t.Helper()
	last := len(all) - 1
	answer := c.must(t, http.MethodPost, tracesPath+"/delete-traces", `{"experiment_id":"`+experiment+`","request_ids":["`+all[last]+`"]}`, nil)
	if answer != `{"traces_deleted":1}` {
		t.Errorf("deleted: %s", answer)
	}
	harness.Eventually(t, func() error {
		if ids := c.found(t, experiment, ""); !slices.Equal(ids, all[:last]) {
			return fmt.Errorf("after the deletion: %v, want %v", ids, all[:last])
		}
		return nil
	})
}

// readCall is one of the ways to read; byID if it names a trace.
type readCall struct {
	method, path, body string
	byID               bool
}

// readsOf are all ways to see something of a trace or its experiment.
func readsOf(experiment, id, assessment string) []readCall {
	const files = "/api/2.0/mlflow-artifacts/artifacts/"
	calls := []readCall{
		{http.MethodGet, tracesPath + "/" + id, "", true},
		{http.MethodGet, tracesPath + "/get?trace_id=" + id, "", true},
		{http.MethodGet, tracesPath + "/get?allow_partial=true&trace_id=" + id, "", true},
		{http.MethodGet, tracesPath + "/batchGet?trace_ids=" + id, "", true},
		{http.MethodPost, tracesPath + "/batchGetInfos", `{"trace_ids":["` + id + `"]}`, true},
		{http.MethodGet, "/api/2.0/mlflow/traces/" + id + "/info", "", true},
		{http.MethodGet, "/ajax-api/3.0/mlflow/get-trace-artifact?request_id=" + id, "", true},
		{http.MethodGet, files + experiment + "/traces/" + id + "/artifacts/traces.json", "", true},
		{http.MethodPost, tracesPath + "/search", `{"locations":[{"mlflow_experiment":{"experiment_id":"` + experiment + `"}}],"max_results":500}`, false},
		{http.MethodGet, "/api/2.0/mlflow/traces?experiment_ids=" + experiment, "", false},
		{http.MethodGet, "/api/2.0/mlflow/experiments/get?experiment_id=" + experiment, "", false},
		{http.MethodGet, "/api/2.0/mlflow/experiments/get-by-name?experiment_name=reads", "", false},
		{http.MethodPost, "/api/2.0/mlflow/experiments/search", `{"max_results":100}`, false},
	}
	if assessment != "" {
		calls = append(calls, readCall{http.MethodGet, tracesPath + "/" + id + "/assessments/" + assessment, "", true})
	}
	return calls
}

// apart wants every call to show its tenant something that no other sees.
func apart(t *testing.T, tenant, other caller, calls []readCall) {
	t.Helper()
	for _, r := range calls {
		status, answer := tenant.ask(t, r.method, r.path, r.body)
		if status != http.StatusOK || !strings.Contains(answer, `_id":"`) {
			t.Errorf("its own: %s %s: %d %s", r.method, r.path, status, answer)
		}
		_, answer = other.ask(t, r.method, r.path, r.body)
		for _, secret := range []string{`"request_time"`, `"timestamp_ms"`, `"span_id"`, "step 0", `"assessment_id"`, `"reads"`} {
			if strings.Contains(answer, secret) {
				t.Errorf("another tenant's: %s %s: %s", r.method, r.path, answer)
			}
		}
	}
}
