package mlflow_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/spanmill/spanmill/tests/llmfake"
)

// scenario is a program whose requests come in no fixed order. What is compared
// is what can be read afterwards.
type scenario struct {
	name, packages, program string
	args, env               []string
	// spans is how many there must be by SQL.
	spans int
	// known is what may differ, trace by trace, as an option of cmp.Diff.
	known cmp.Option
}

// scenarios are the switches of section "Environment" of docs/mlflow.md, one
// by one, and what MLflow logs by itself.
var scenarios = []scenario{
	{name: "default", packages: full, program: "turns.py", args: []string{"5"}, spans: 40},
	{
		name: "one span a request", packages: tracing, program: "turns.py", args: []string{"2"}, spans: 16,
		env: []string{"MLFLOW_USE_BATCH_SPAN_PROCESSOR=false"},
	},
	{
		name: "large batches", packages: tracing, program: "turns.py", args: []string{"10"}, spans: 80,
		env: []string{"MLFLOW_ASYNC_TRACE_LOGGING_MAX_SPAN_BATCH_SIZE=512", "MLFLOW_ASYNC_TRACE_LOGGING_MAX_INTERVAL_MILLIS=1000"},
	},
	{
		name: "service name", packages: fullNext, program: "turns.py", args: []string{"1"}, spans: 8,
		env: []string{"OTEL_SERVICE_NAME=compat", "OTEL_RESOURCE_ATTRIBUTES=deployment.environment=test"},
	},
	{
		name: "distributed", packages: tracing, program: "distributed.py", spans: 2,
		env: []string{"MLFLOW_USE_BATCH_SPAN_PROCESSOR=false"},
	},
	{
		name: "dual export", packages: tracing, program: "exported.py", spans: 2,
		env: []string{"MLFLOW_TRACE_ENABLE_OTLP_DUAL_EXPORT=true"},
		// Of two copies that differ in how they write it, MLflow keeps the
		// exporter's and we the first.
		known: unlessBoth("mlflow.spanLogLevel", "\"10\" 10", "\"20\" 20"),
	},
	{name: "exporter alone", packages: tracing, program: "exported.py", spans: 2},
	{
		name: "genai semconv", packages: full, program: "exported.py", spans: 2,
		env: []string{"MLFLOW_ENABLE_OTEL_GENAI_SEMCONV=true"},
	},
}

// autologged are logged by MLflow; a fake answers as the models' APIs.
var autologged = []scenario{
	{name: "openai", packages: tracing, program: "autolog.py", spans: 4, known: unpriced},
	{name: "anthropic", packages: full, program: "autolog.py", spans: 2},
	{name: "langchain", packages: fullNext, program: "autolog.py", spans: 4, known: unpriced},
}

// unpriced: ours tells by MLflow's calls the costs that spans came with, and
// by SQL also what it computed.
var unpriced = cmp.Options{
	cmpopts.IgnoreMapEntries(func(key string, _ any) bool { return key == "mlflow.llm.cost" || key == "mlflow.trace.cost" }),
}

// unlessBoth lets a key have a pair of values, "theirs ours", of those listed.
func unlessBoth(key string, pairs ...string) cmp.Option {
	return cmp.FilterPath(func(p cmp.Path) bool {
		last, isEntry := p.Last().(cmp.MapIndex)
		return isEntry && last.Key().String() == key
	}, cmp.Comparer(func(a, b any) bool {
		return cmp.Equal(a, b) || slices.Contains(pairs, fmt.Sprint(a, " ", b)) || slices.Contains(pairs, fmt.Sprint(b, " ", a))
	}))
}

func testScenarios(t *testing.T, f *fixture) {
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			s.args = append([]string{"compat-" + s.name}, s.args...)
			f.compareState(t, s)
		})
	}
	fake := httptest.NewServer(llmfake.New())
	defer fake.Close()
	for _, s := range autologged {
		t.Run("autolog "+s.name, func(t *testing.T) {
			s.args = []string{"compat-autolog-" + s.name, s.name, fake.URL}
			f.compareState(t, s)
		})
	}
}

// compareState runs a scenario against both servers and compares what each
// then has in the experiment, which is the program's first argument.
func (f *fixture) compareState(t *testing.T, s scenario) {
	t.Helper()
	c := client{packages: s.packages, program: s.program, args: s.args, env: s.env, began: time.Now()}
	theirs, ours := f.both(t, c)
	if diff := cmp.Diff(theirs.printed, ours.printed); diff != "" {
		t.Errorf("the program printed other things (-theirs +ours):\n%s", diff)
	}
	if n := ours.proxy.count(isSpansUpload); n > 0 {
		t.Errorf("%d uploads of traces.json: the client was not told that its spans are here", n)
	}
	f.compareReading(t, s.args[0], s.known)
	if got, want := f.spansOf(t, s.args[0]), s.spans; got != want {
		t.Errorf("%d spans by SQL, want %d", got, want)
	}
}

// compareReading reads an experiment from both and compares it trace by trace.
func (f *fixture) compareReading(t *testing.T, experiment string, known cmp.Option) {
	t.Helper()
	theirs, ours := f.both(t, client{packages: tracing, program: "read.py", args: []string{experiment}, began: time.Now()})
	if theirs.printed == "" {
		t.Error("the real server has no trace")
	}
	if diff := cmp.Diff(lines(theirs.printed), lines(ours.printed), known); diff != "" {
		t.Errorf("what can be read (-theirs +ours):\n%s", diff)
	}
}

// lines are "key JSON" by key.
func lines(printed string) map[string]any {
	all := map[string]any{}
	for line := range strings.Lines(printed) {
		key, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		all[key] = parsed([]byte(text))
	}
	return all
}

func isSpansUpload(e *exchange) bool {
	return e.Method == http.MethodPut && strings.HasSuffix(e.Path, "/traces.json")
}
