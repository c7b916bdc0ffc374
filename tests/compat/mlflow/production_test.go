package mlflow_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
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
	for _, packages := range []string{tracing, full, fullNext} {
		app := block(t, page, "## In production", "python")
		if packages == tracing {
			// The one line that this package needs, as the page says.
			app = strings.Replace(app, "import mlflow\n", "import mlflow\n"+block(t, page, "### mlflow-tracing alone", "python"), 1)
		}
		for _, ratio := range []string{valueOf(t, env, "MLFLOW_TRACE_SAMPLING_RATIO"), "1.0"} {
			kept := packages == tracing && ratio != "1.0"
			if f.theirs == nil && !kept || packages == fullNext && ratio == "1.0" {
				continue
			}
			t.Run(packages+" ratio "+ratio, func(t *testing.T) {
				c := f.production(t, packages, app, env, "sampled "+ratio+" "+packages)
				c.env = append(c.env, "MLFLOW_TRACE_SAMPLING_RATIO="+ratio)
				c.kept = kept
				f.produce(t, c, ratio == "1.0")
			})
		}
	}
}

// calls are how many the program makes.
const calls = 300

// produce runs the program, then one that says of its traces whether they helped.
// Each trace that was sampled is there and equals the real server's, by the SDK's
// search and by SQL. The ids, and so the decisions, are the same in each run.
func (f *fixture) produce(t *testing.T, c client, all bool) {
	t.Helper()
	app := c
	app.kept = false // it prints nothing
	_, ours := f.both(t, app)
	var sent []string
	sessions := map[string]bool{}
	for _, e := range ours.proxy.exchanges() {
		if e.Method == http.MethodPost && e.Path == "/api/3.0/mlflow/traces" {
			id, session := toldOf(t, e.Body)
			sent = append(sent, id)
			sessions[session] = true
		}
	}
	if all != (len(sent) == calls) || len(sent) == 0 {
		t.Fatalf("%d of %d traces are sampled", len(sent), calls)
	}
	f.both(t, client{packages: c.packages, program: "feedback.py", args: c.args, began: c.began})
	f.compareReading(t, c, cmp.Options{})

	slices.Sort(sent)
	if diff := cmp.Diff(sent, f.tracesOf(t, c.args[0])); diff != "" {
		t.Errorf("traces (-sent +found by SQL):\n%s", diff)
	}
	got := f.SQL(t, fmt.Sprintf(`SELECT count(), sum(spans), sum(input_tokens), sum(output_tokens), uniqExact(session_id), countIf(tags['env'] = 'production')
		FROM traces WHERE experiment_id = '%s' FORMAT TSV`, f.experimentID(t, c.args[0])))
	// The program tells 12 tokens in and 7 out of each call.
	n := len(sent)
	if want := fmt.Sprintf("%d\t%d\t%d\t%d\t%d\t%d", n, 2*n, 12*n, 7*n, len(sessions), n); got != want {
		t.Errorf("traces, spans, tokens, sessions and tagged ones by SQL: %s, want %s", got, want)
	}
	// feedback.py says of the first hundred at most that they helped, but for one in three.
	got = f.SQL(t, fmt.Sprintf(`SELECT count(), sum(score) FROM assessments_latest WHERE name = 'helpful' AND trace_id IN
		(SELECT trace_id FROM spans WHERE experiment_id = '%s') FORMAT TSV`, f.experimentID(t, c.args[0])))
	if said := min(n, 100); got != fmt.Sprintf("%d\t%d", said, said-(said+2)/3) {
		t.Errorf("feedback on %d traces and the sum of it by SQL: %s", said, got)
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
	c := client{packages: packages, program: file, args: []string{experiment}, began: time.Now()}
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

// toldOf is what a trace's info says: its id, as the tables have it, and its session.
func toldOf(t *testing.T, body []byte) (id, session string) {
	t.Helper()
	var request struct {
		Trace struct {
			Info struct {
				ID       string            `json:"trace_id"`
				Metadata map[string]string `json:"trace_metadata"`
			} `json:"trace_info"`
		} `json:"trace"`
	}
	if err := json.Unmarshal(body, &request); err != nil {
		t.Fatal(err)
	}
	info := request.Trace.Info
	return strings.TrimPrefix(info.ID, "tr-"), info.Metadata["mlflow.trace.session"]
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
	var found struct {
		Experiment struct {
			ID string `json:"experiment_id"`
		} `json:"experiment"`
	}
	call(t, f.mlflowURL(), "", http.MethodGet, "/api/2.0/mlflow/experiments/get-by-name?experiment_name="+url.QueryEscape(name), nil, &found)
	return found.Experiment.ID
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
