package mlflow_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spanmill/spanmill/tests/e2e/harness"
)

// testProduction runs the program of docs/mlflow.md in the environment of
// docs/mlflow.md, both word for word but for addresses and names.
func testProduction(t *testing.T, f *fixture) {
	page := readDocs(t)
	env := block(t, page, "## In production", "sh")
	for _, packages := range []string{tracing, full} {
		t.Run(packages, func(t *testing.T) {
			app := block(t, page, "## In production", "python")
			if packages == tracing {
				// The one line that this package needs, as the page says.
				app = strings.Replace(app, "import mlflow\n", "import mlflow\n"+block(t, page, "### mlflow-tracing alone", "python"), 1)
			}
			t.Run("sampled", func(t *testing.T) { f.sampled(t, packages, app, env) })
			t.Run("all", func(t *testing.T) { f.unsampled(t, packages, app, env) })
		})
	}
}

// sampled: 300 calls, a tenth of which is sampled. The trace ids, and so the
// decisions, are the same in each run: what ours has is what the SDK sent.
func (f *fixture) sampled(t *testing.T, packages, app, env string) {
	experiment := "production-sampled-" + packages
	c := f.production(t, packages, app, env, experiment)
	ours := f.alone(t, c)
	var sent []string
	for _, e := range ours.proxy.exchanges() {
		if e.Method == http.MethodPost && e.Path == "/api/3.0/mlflow/traces" {
			sent = append(sent, traceID(t, e.Body))
		}
	}
	if len(sent) == 0 || len(sent) >= 300 {
		t.Fatalf("%d of 300 traces are sampled", len(sent))
	}
	slices.Sort(sent)
	if diff := cmp.Diff(sent, f.tracesOf(t, experiment)); diff != "" {
		t.Errorf("traces (-sent +found by SQL):\n%s", diff)
	}
	if got, want := f.spansOf(t, experiment), 2*len(sent); got != want {
		t.Errorf("%d spans by SQL, want %d", got, want)
	}
}

// unsampled: each call's trace is there and equals the real server's, by the SDK's
// search and by SQL.
func (f *fixture) unsampled(t *testing.T, packages, app, env string) {
	const calls = 30
	experiment := "production-all-" + packages
	c := f.production(t, packages, strings.Replace(app, "range(300)", fmt.Sprintf("range(%d)", calls), 1), env, experiment)
	c.env = append(c.env, "MLFLOW_TRACE_SAMPLING_RATIO=1.0")
	f.both(t, c)
	f.both(t, client{packages: packages, program: "feedback.py", args: []string{experiment}, began: c.began})
	f.compareReading(t, experiment, cmp.Options{})

	f.settle(t)
	got := f.SQL(t, fmt.Sprintf(`SELECT uniqExact(trace_id), count(), sum(input_tokens), sum(output_tokens), uniqExact(session_id)
		FROM spans WHERE experiment_id = '%s' FORMAT TSV`, f.experimentID(t, experiment)))
	// The program tells 12 tokens in and 7 out of each call, ten calls a session.
	if want := fmt.Sprintf("%d\t%d\t%d\t%d\t%d", calls, 2*calls, 12*calls, 7*calls, calls/10); got != want {
		t.Errorf("traces, spans, tokens and sessions by SQL: %s, want %s", got, want)
	}
}

// production is the app in its environment.
func (f *fixture) production(t *testing.T, packages, app, env, experiment string) client {
	t.Helper()
	file := filepath.Join(t.TempDir(), "app.py")
	name := valueOf(t, env, "MLFLOW_EXPERIMENT_NAME")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(app, name, experiment)), 0o600); err != nil {
		t.Fatal(err)
	}
	c := client{packages: packages, program: file, began: time.Now()}
	for line := range strings.Lines(env) {
		setting := strings.TrimPrefix(strings.TrimSpace(line), "export ")
		switch name, _, _ := strings.Cut(setting, "="); name {
		case "MLFLOW_TRACKING_URI": // the proxy's
		case "MLFLOW_EXPERIMENT_NAME":
			c.env = append(c.env, "MLFLOW_EXPERIMENT_NAME="+experiment)
		default:
			c.env = append(c.env, setting)
		}
	}
	return c
}

func valueOf(t *testing.T, env, name string) string {
	t.Helper()
	_, rest, ok := strings.Cut(env, name+"=")
	value, _, _ := strings.Cut(rest, "\n")
	if !ok || value == "" {
		t.Fatalf("the environment does not set %s:\n%s", name, env)
	}
	return value
}

func traceID(t *testing.T, body []byte) string {
	t.Helper()
	var request struct {
		Trace struct {
			Info struct {
				ID string `json:"trace_id"`
			} `json:"trace_info"`
		} `json:"trace"`
	}
	if err := json.Unmarshal(body, &request); err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(request.Trace.Info.ID, "tr-")
}

// tracesOf are the ids of an experiment's traces, sorted.
func (f *fixture) tracesOf(t *testing.T, experiment string) []string {
	t.Helper()
	f.settle(t)
	return strings.Fields(f.SQL(t, fmt.Sprintf("SELECT DISTINCT trace_id FROM spans WHERE experiment_id = '%s' ORDER BY trace_id FORMAT TSV",
		f.experimentID(t, experiment))))
}

// spansOf is how many rows an experiment has in table spans.
func (f *fixture) spansOf(t *testing.T, experiment string) int {
	t.Helper()
	f.settle(t)
	var n int
	text := f.SQL(t, fmt.Sprintf("SELECT count() FROM spans WHERE experiment_id = '%s' FORMAT TSV", f.experimentID(t, experiment)))
	if _, err := fmt.Sscan(text, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// experimentID is that of an experiment of ours, by its name.
func (f *fixture) experimentID(t *testing.T, name string) string {
	t.Helper()
	id := f.SQL(t, fmt.Sprintf("SELECT experiment_id FROM experiments WHERE name = '%s' LIMIT 1 FORMAT TSV", name))
	if id == "" {
		t.Fatalf("no experiment %q", name)
	}
	return id
}

func readDocs(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(harness.Root(t), "docs", "mlflow.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// block is the first block of a language below a heading of a page.
func block(t *testing.T, page, heading, language string) string {
	t.Helper()
	_, section, ok := strings.Cut(page, heading+"\n")
	_, text, found := strings.Cut(section, "```"+language+"\n")
	text, _, closed := strings.Cut(text, "```")
	if !ok || !found || !closed {
		t.Fatalf("docs/mlflow.md, %q: no %s block", heading, language)
	}
	return text
}
