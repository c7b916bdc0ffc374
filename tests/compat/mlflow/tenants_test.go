package mlflow_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spanmill/spanmill/tests/e2e/harness"
)

// testTenants: one tenant's key sees none of another's experiments, traces or
// assessments, by whatever call, and changes none.
func testTenants(t *testing.T) {
	acme, acmeEntry := newKey(t, "acme")
	beta, betaEntry := newKey(t, "beta")
	keys := filepath.Join(t.TempDir(), "keys.yaml")
	if err := os.WriteFile(keys, []byte(acmeEntry+betaEntry), 0o600); err != nil {
		t.Fatal(err)
	}
	f := &fixture{plant: harness.NewUp(t)}
	f.run(t, "SPANMILL_API_KEYS_FILE="+keys, "SPANMILL_READ_WAIT=100ms")

	// The SDK, with its two ways to send a key; one name for both's experiments.
	for key, env := range map[string][]string{
		acme: {"MLFLOW_TRACKING_TOKEN=" + acme},
		beta: {"MLFLOW_TRACKING_USERNAME=anybody", "MLFLOW_TRACKING_PASSWORD=" + beta},
	} {
		env = append(env, "MLFLOW_ENABLE_ASYNC_TRACE_LOGGING=false", "STEADY_SEED=tenants "+key[:8])
		f.alone(t, client{packages: tracing, program: "load.py", args: []string{"shared-name", "2"}, env: env, began: time.Now()})
	}
	f.settle(t)
	secret := f.secretOf(t, acme)
	f.probe(t, beta, secret)
	f.settle(t)
	if after := f.secretOf(t, acme); after.info != secret.info {
		t.Errorf("acme's trace was changed by beta:\n%s\n%s", secret.info, after.info)
	}
}

// secret is what a tenant has and no other may see.
type secret struct {
	experiment, trace, assessment, info string
}

// secretOf finds a trace of a tenant, with one assessment.
func (f *fixture) secretOf(t *testing.T, key string) (s secret) {
	t.Helper()
	var found struct {
		Experiment struct {
			ID string `json:"experiment_id"`
		} `json:"experiment"`
	}
	call(t, f.mlflowURL(), key, http.MethodGet, "/api/2.0/mlflow/experiments/get-by-name?experiment_name=shared-name", nil, &found)
	s.experiment = found.Experiment.ID
	var page struct {
		Traces []struct {
			ID          string `json:"trace_id"`
			Assessments []struct {
				ID string `json:"assessment_id"`
			} `json:"assessments"`
		} `json:"traces"`
	}
	call(t, f.mlflowURL(), key, http.MethodPost, "/api/3.0/mlflow/traces/search", searchIn(s.experiment), &page)
	if len(page.Traces) != 2 {
		t.Fatalf("the tenant has %d traces, want 2", len(page.Traces))
	}
	s.trace = page.Traces[1].ID
	if len(page.Traces[1].Assessments) == 0 {
		assessment := map[string]any{"assessment": map[string]any{
			"assessment_name": "secret", "trace_id": s.trace, "feedback": map[string]any{"value": true},
			"source":      map[string]any{"source_type": "HUMAN", "source_id": "amy"},
			"create_time": "2026-01-01T00:00:00Z", "last_update_time": "2026-01-01T00:00:00Z",
		}}
		call(t, f.mlflowURL(), key, http.MethodPost, "/api/3.0/mlflow/traces/"+s.trace+"/assessments", assessment, nil)
		f.settle(t)
		return f.secretOf(t, key)
	}
	s.assessment = page.Traces[1].Assessments[0].ID
	_, info := try(t, f.mlflowURL(), key, http.MethodGet, "/api/3.0/mlflow/traces/"+s.trace, nil)
	s.info = string(info)
	return s
}

func searchIn(experiment string) map[string]any {
	return map[string]any{"locations": []any{map[string]any{
		"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": map[string]any{"experiment_id": experiment},
	}}}
}

// probe asks, with another tenant's key, for what is not its own: reads by id
// find nothing, lists leave it out, and writes do not reach it.
func (f *fixture) probe(t *testing.T, key string, s secret) {
	t.Helper()
	for _, p := range probes(s) {
		status, reply := try(t, f.mlflowURL(), key, p.method, p.path, p.body)
		want := p.status
		if want == 0 {
			want = http.StatusOK
			for _, word := range []string{s.experiment, s.trace, s.assessment, `"traces_deleted": 1`, `"traces_deleted":1`} {
				if strings.Contains(string(reply), word) {
					t.Errorf("%s %s: another tenant is told %s", p.method, p.path, reply)
				}
			}
		}
		if status != want {
			t.Errorf("%s %s with another tenant's key: %d, want %d: %s", p.method, p.path, status, want, reply)
		}
	}
	trace := "/api/3.0/mlflow/traces/" + s.trace
	if status, _ := try(t, f.mlflowURL(), "", http.MethodGet, trace, nil); status != http.StatusUnauthorized {
		t.Errorf("without a key: %d, want 401", status)
	}
}

// aProbe is a request for what is another tenant's.
type aProbe struct {
	method, path string
	body         any
	// status is wanted, or 0: 200 without a word of it.
	status int
}

// probes go through every route that takes an experiment's, a trace's or an
// assessment's id.
func probes(s secret) []aProbe {
	v2, v3 := "/api/2.0/mlflow/", "/api/3.0/mlflow/"
	trace, assessment := v3+"traces/"+s.trace, v3+"traces/"+s.trace+"/assessments/"+s.assessment
	file := "/api/2.0/mlflow-artifacts/artifacts/" + s.experiment + "/traces/" + s.trace + "/artifacts/traces.json"
	feedback := map[string]any{"assessment": map[string]any{
		"assessment_name": "stolen", "trace_id": s.trace, "feedback": map[string]any{"value": true},
		"source":      map[string]any{"source_type": "HUMAN", "source_id": "eve"},
		"create_time": "2026-01-01T00:00:00Z", "last_update_time": "2026-01-01T00:00:00Z",
	}}
	info := map[string]any{"trace": map[string]any{"trace_info": map[string]any{
		"trace_id": s.trace, "request_time": "2026-01-01T00:00:00Z", "state": "OK",
		"trace_location": map[string]any{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": map[string]any{"experiment_id": s.experiment}},
	}}}
	id := map[string]any{"experiment_id": s.experiment}
	return []aProbe{
		{http.MethodGet, v2 + "experiments/get?experiment_id=" + s.experiment, nil, 404},
		{http.MethodPost, v2 + "experiments/search", map[string]any{"max_results": 1000, "view_type": "ALL"}, 0},
		{http.MethodPost, v2 + "experiments/update", map[string]any{"experiment_id": s.experiment, "new_name": "stolen"}, 404},
		{http.MethodPost, v2 + "experiments/delete", id, 404},
		{http.MethodPost, v2 + "experiments/restore", id, 404},
		{http.MethodPost, v2 + "experiments/set-experiment-tag", map[string]any{"experiment_id": s.experiment, "key": "stolen", "value": "yes"}, 404},
		{http.MethodPost, v2 + "experiments/delete-experiment-tag", map[string]any{"experiment_id": s.experiment, "key": "stolen"}, 404},
		{http.MethodPost, v3 + "traces", info, 404},
		{http.MethodPost, v2 + "traces", map[string]any{"experiment_id": s.experiment, "timestamp_ms": 1}, 404},
		{http.MethodPatch, v2 + "traces/" + s.trace, map[string]any{"request_id": s.trace, "timestamp_ms": 2, "status": "ERROR"}, 404},
		{http.MethodGet, trace, nil, 404},
		{http.MethodGet, v3 + "traces/get?trace_id=" + s.trace + "&allow_partial=true", nil, 404},
		{http.MethodGet, v3 + "traces/batchGet?trace_ids=" + s.trace, nil, 0},
		{http.MethodPost, v3 + "traces/batchGetInfos", map[string]any{"trace_ids": []string{s.trace}}, 0},
		{http.MethodPost, v3 + "traces/search", searchIn(s.experiment), 0},
		{http.MethodPatch, trace + "/tags", map[string]any{"key": "stolen", "value": "yes"}, 404},
		{http.MethodDelete, trace + "/tags", map[string]any{"key": "turn"}, 404},
		{http.MethodGet, assessment, nil, 404},
		{http.MethodPost, trace + "/assessments", feedback, 404},
		{http.MethodDelete, assessment, nil, 0},
		{http.MethodPost, v2 + "traces/link-prompts", map[string]any{"trace_id": s.trace, "prompt_versions": []any{map[string]any{"name": "stolen", "version": "1"}}}, 0},
		{http.MethodPost, v2 + "traces/link-to-run", map[string]any{"trace_ids": []string{s.trace}, "run_id": strings.Repeat("f", 32)}, 0},
		{http.MethodGet, file, nil, 404},
		{http.MethodPut, file, map[string]any{"spans": []any{}}, 404},
		{http.MethodGet, "/ajax-api/3.0/mlflow/get-trace-artifact?path=traces.json&request_id=" + s.trace, nil, 404},
		{http.MethodPatch, assessment, map[string]any{"assessment": map[string]any{"rationale": "stolen"}, "update_mask": "rationale"}, 404},
		{http.MethodPost, v2 + "traces/delete-traces", map[string]any{"experiment_id": s.experiment, "request_ids": []string{s.trace}}, 0},
		{http.MethodPost, v2 + "traces/delete-traces", map[string]any{"experiment_id": s.experiment, "max_timestamp_millis": 1 << 42}, 0},
		{http.MethodGet, v2 + "traces/" + s.trace + "/info", nil, 404},
		{http.MethodGet, v2 + "traces?experiment_ids=" + s.experiment, nil, 0},
	}
}

// newKey makes an API key of a tenant, and its entry in a keys file.
func newKey(t *testing.T, tenant string) (key, entry string) {
	t.Helper()
	out := run(t, exec.CommandContext(t.Context(), harness.Build(t, ""), "key", tenant))
	_, after, _ := strings.Cut(out, "key, shown only now: ")
	key, after, _ = strings.Cut(after, "\n")
	_, entry, found := strings.Cut(after, "keys file:\n")
	if !found {
		t.Fatalf("spanmill key printed %q", out)
	}
	return key, entry + "\n"
}
