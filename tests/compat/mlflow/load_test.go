package mlflow_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/spanmill/spanmill/tests/e2e/harness"
)

// spansOfTurn are those of a trace of load.py.
const spansOfTurn = 3

// testLoad: several processes at once with the SDK's defaults; every trace
// arrives complete, a search pages through each once, and no client uploads its
// spans a second time.
func testLoad(t *testing.T, f *fixture, processes, traces int) {
	const experiment = "load"
	uploads := f.artifactCalls(t)
	// Of two programs that create it at once, the SDK leaves the second one without.
	makeExperiment(t, f.mlflowURL(), experiment)
	sent := load(t, f.mlflowURL(), experiment, processes, traces)
	if len(sent) != processes*traces {
		t.Fatalf("%d processes made %d traces, want %d each", processes, len(sent), traces)
	}
	f.settle(t)
	id := f.experimentID(t, experiment)
	got := f.SQL(t, fmt.Sprintf(`SELECT count(), countIf(n = %d AND rows = n) FROM (SELECT uniqExact(span_id) AS n, count() AS rows FROM spans
		WHERE experiment_id = '%s' GROUP BY trace_id) FORMAT TSV`, spansOfTurn, id))
	if want := fmt.Sprintf("%d\t%d", len(sent), len(sent)); got != want {
		t.Errorf("traces, and those of which each span is there once: %s, want %s", got, want)
	}
	found := f.searchAll(t, id)
	slices.Sort(found)
	slices.Sort(sent)
	if !slices.Equal(sent, found) {
		t.Errorf("%d traces sent, %d found by search, %d of them different ones", len(sent), len(found), len(slices.Compact(found)))
	}
	if diff := cmp.Diff(uploads, f.artifactCalls(t)); diff != "" {
		t.Errorf("artifacts were uploaded (-before +after):\n%s", diff)
	}
}

// artifactCalls are what the gateway counted of them.
func (f *fixture) artifactCalls(t *testing.T) (counts []string) {
	t.Helper()
	for line := range strings.Lines(f.Metrics(t)) {
		if strings.HasPrefix(line, "spanmill_mlflow_requests_total") && strings.Contains(line, "artifacts") {
			counts = append(counts, line)
		}
	}
	slices.Sort(counts)
	return counts
}

// load runs load.py several times at once and gives the ids of all traces.
func load(t *testing.T, uri, experiment string, processes, traces int) []string {
	t.Helper()
	interpreter := python(t, tracing)
	printed, errs := make([]string, processes), make([]error, processes)
	var all sync.WaitGroup
	for i := range processes {
		c := client{
			packages: tracing, program: "load.py", args: []string{experiment, fmt.Sprint(traces)}, began: time.Now(),
			env: []string{fmt.Sprintf("STEADY_SEED=%s %d", experiment, i), "MLFLOW_HTTP_REQUEST_MAX_RETRIES=7"},
		}
		all.Go(func() { printed[i], errs[i] = c.run(t.Context(), interpreter, uri) })
	}
	all.Wait()
	var ids []string
	for i := range processes {
		if errs[i] != nil {
			t.Fatal(errs[i])
		}
		ids = append(ids, strings.Fields(printed[i])...)
	}
	return ids
}

// searchAll pages through an experiment's traces.
func (f *fixture) searchAll(t *testing.T, experiment string) (ids []string) {
	t.Helper()
	token := ""
	for {
		body := map[string]any{
			"locations":   []any{map[string]any{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": map[string]any{"experiment_id": experiment}}},
			"max_results": 500,
		}
		if token != "" {
			body["page_token"] = token
		}
		var page struct {
			Traces []struct {
				ID string `json:"trace_id"`
			} `json:"traces"`
			Next string `json:"next_page_token"`
		}
		call(t, f.mlflowURL(), "", http.MethodPost, "/api/3.0/mlflow/traces/search", body, &page)
		for _, trace := range page.Traces {
			ids = append(ids, trace.ID)
		}
		if token = page.Next; token == "" {
			return ids
		}
	}
}

// call asks for JSON with a key, or none, and expects a success.
func call(t *testing.T, url, key, method, path string, body, into any) {
	t.Helper()
	status, reply := try(t, url, key, method, path, body)
	if status != http.StatusOK {
		t.Fatalf("%s %s: %d %s", method, path, status, reply)
	}
	if into != nil {
		if err := json.Unmarshal(reply, into); err != nil {
			t.Fatalf("%s %s: %v in %s", method, path, err, reply)
		}
	}
}

func try(t *testing.T, url, key, method, path string, body any) (status int, reply []byte) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), method, url+path, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true
	request.Header.Set("Content-Type", "application/json")
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if reply, err = io.ReadAll(response.Body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, reply
}

// testKill: the gateway is killed while SDKs send, several times, and started
// again. What a client was told is saved is there, once.
func testKill(t *testing.T, processes, traces, kills int) {
	f := &fixture{plant: harness.NewUp(t)}
	f.run(t)
	makeExperiment(t, f.mlflowURL(), "killed")
	door := startProxy(t, f.mlflowURL(), func() {})
	ended := make(chan []string, 1)
	go func() { ended <- load(t, door.URL, "killed", processes, traces) }() // ends with the programs

	for kill := range kills {
		// A share of the requests is answered, then no more.
		enough := (kill + 1) * processes * traces / (kills + 1)
		harness.Eventually(t, func() error {
			if n := door.count(saved); n < enough {
				return fmt.Errorf("%d traces saved, want %d", n, enough)
			}
			return nil
		})
		f.run(t)
		door.lead(t, f.mlflowURL())
	}
	select {
	case <-ended:
	case <-t.Context().Done():
		t.Fatal("the programs did not end")
	}
	f.settle(t)
	f.checkSaved(t, door)
}

// saved is a trace's info that was answered with success.
func saved(e *exchange) bool {
	return e.Method == http.MethodPost && e.Path == "/api/3.0/mlflow/traces" && e.Status == http.StatusOK
}

// spanIDs are "trace/span" of the spans of an OTLP request.
func spanIDs(t *testing.T, body []byte) (ids []string) {
	t.Helper()
	traces, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(body)
	if err != nil {
		t.Fatal(err)
	}
	for _, resource := range traces.ResourceSpans().All() {
		for _, scope := range resource.ScopeSpans().All() {
			for _, span := range scope.Spans().All() {
				ids = append(ids, span.TraceID().String()+"/"+span.SpanID().String())
			}
		}
	}
	return ids
}

// checkSaved looks for what was acknowledged.
func (f *fixture) checkSaved(t *testing.T, door *proxy) {
	t.Helper()
	infos, spans := map[string]bool{}, map[string]bool{}
	for _, e := range door.exchanges() {
		switch {
		case saved(e):
			id, _ := toldOf(t, e.Body)
			infos[id] = true
		case e.Path == "/v1/traces" && e.Status == http.StatusOK:
			for _, id := range spanIDs(t, e.Body) {
				spans[id] = true
			}
		}
	}
	if len(infos) == 0 || len(spans) == 0 {
		t.Fatalf("%d traces and %d spans were acknowledged", len(infos), len(spans))
	}
	rows := strings.Fields(f.SQL(t, "SELECT concat(trace_id, '/', span_id) FROM spans FORMAT TSV"))
	once := map[string]int{}
	for _, id := range rows {
		once[id]++
	}
	var wrong []string
	for id := range spans {
		if once[id] != 1 {
			wrong = append(wrong, fmt.Sprintf("span %s: %d rows", id, once[id]))
		}
	}
	for id := range once {
		if once[id] > 1 {
			wrong = append(wrong, fmt.Sprintf("span %s: %d rows", id, once[id]))
		}
	}
	found := map[string]bool{}
	for _, id := range f.searchAll(t, f.experimentID(t, "killed")) {
		found[strings.TrimPrefix(id, "tr-")] = true
	}
	for id := range infos {
		if !found[id] {
			wrong = append(wrong, "no trace "+id)
		}
	}
	if diff := cmp.Diff([]string(nil), wrong); diff != "" {
		t.Errorf("of %d traces and %d spans that were acknowledged:\n%s", len(infos), len(spans), diff)
	}
}
