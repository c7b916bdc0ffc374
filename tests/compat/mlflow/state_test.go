package mlflow_test

import (
	"encoding/json"
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
	name, program string
	packages      []string
	args, env     []string
	// spans is how many there must be by SQL.
	spans int
	// known is what may differ, trace by trace, as an option of cmp.Diff.
	known cmp.Option
}

// scenarios are the switches of section "Environment" of docs/mlflow.md, one
// by one, and what MLflow logs by itself.
var scenarios = []scenario{
	{name: "default", packages: []string{full, fullNext}, program: "turns.py", args: []string{"5"}, spans: 40},
	{
		name: "synchronous", packages: []string{tracing, full, fullNext}, program: "turns.py", args: []string{"2"}, spans: 16,
		env: []string{"MLFLOW_ENABLE_ASYNC_TRACE_LOGGING=false"},
	},
	{
		name: "one span a request", packages: []string{tracing, fullNext}, program: "turns.py", args: []string{"2"}, spans: 16,
		env: []string{"MLFLOW_USE_BATCH_SPAN_PROCESSOR=false"},
	},
	{
		name: "large batches", packages: []string{tracing}, program: "turns.py", args: []string{"10"}, spans: 80,
		env: []string{"MLFLOW_ASYNC_TRACE_LOGGING_MAX_SPAN_BATCH_SIZE=512", "MLFLOW_ASYNC_TRACE_LOGGING_MAX_INTERVAL_MILLIS=1000"},
	},
	{
		name: "service name", packages: []string{full}, program: "turns.py", args: []string{"1"}, spans: 8,
		env: []string{"OTEL_SERVICE_NAME=compat", "OTEL_RESOURCE_ATTRIBUTES=deployment.environment=test"},
	},
	{
		name: "distributed", packages: []string{tracing, fullNext}, program: "distributed.py", spans: 2,
		env: []string{"MLFLOW_USE_BATCH_SPAN_PROCESSOR=false"},
	},
	{
		name: "dual export", packages: []string{tracing, fullNext}, program: "exported.py", spans: 2,
		env: []string{"MLFLOW_TRACE_ENABLE_OTLP_DUAL_EXPORT=true"},
		// Of two copies that differ in how they write it, MLflow keeps the
		// exporter's and we the first.
		known: unlessBoth("mlflow.spanLogLevel", "\"10\" 10", "\"20\" 20"),
	},
	{name: "exporter alone", packages: []string{tracing, fullNext}, program: "exported.py", spans: 2},
	{
		name: "genai semconv", packages: []string{full, fullNext}, program: "exported.py", spans: 2,
		env: []string{"MLFLOW_ENABLE_OTEL_GENAI_SEMCONV=true"},
	},
}

// autologged are logged by MLflow; a fake answers as the models' APIs.
var autologged = []scenario{
	{name: "openai", packages: []string{tracingMore, fullNext}, program: "autolog.py", spans: 4, known: priced},
	{name: "anthropic", packages: []string{tracingMore, fullNext}, program: "autolog.py", spans: 2},
	{name: "langchain", packages: []string{tracingMore, fullNext}, program: "autolog.py", spans: 4, known: priced},
}

// priced: costs are nano-dollars here and floating point there.
var priced = cmp.FilterPath(func(p cmp.Path) bool {
	last, isEntry := p.Last().(cmp.MapIndex)
	return isEntry && (last.Key().String() == "mlflow.llm.cost" || last.Key().String() == "mlflow.trace.cost")
}, cmp.Comparer(func(a, b any) bool {
	return costOf(a) != nil && cmp.Equal(costOf(a), costOf(b), cmpopts.EquateApprox(0, 1e-9))
}))

// costOf reads a cost, which metadata has as text.
func costOf(v any) (cost map[string]float64) {
	text, isText := v.(string)
	if !isText {
		encoded, err := json.Marshal(v)
		if err != nil {
			return nil
		}
		text = string(encoded)
	}
	if json.Unmarshal([]byte(text), &cost) != nil {
		return nil
	}
	return cost
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
	fake := httptest.NewServer(llmfake.New())
	defer fake.Close()
	all := slices.Clone(scenarios)
	for _, s := range autologged {
		s.args = []string{s.name, fake.URL}
		s.name = "autolog " + s.name
		all = append(all, s)
	}
	for _, s := range all {
		for _, packages := range s.packages {
			t.Run(s.name+"/"+packages, func(t *testing.T) { f.compareState(t, s, packages) })
		}
	}
}

// compareState runs a scenario against both servers and compares what each
// then has in the experiment, which is the program's first argument.
func (f *fixture) compareState(t *testing.T, s scenario, packages string) {
	t.Helper()
	experiment := f.makeExperiments(t, s.name+" "+packages)
	c := client{packages: packages, program: s.program, args: append([]string{experiment}, s.args...), env: s.env, began: time.Now()}
	theirs, ours := f.both(t, c)
	if diff := cmp.Diff(theirs.printed, ours.printed); diff != "" {
		t.Errorf("the program printed other things (-theirs +ours):\n%s", diff)
	}
	if n := ours.proxy.count(isSpansUpload); n > 0 {
		t.Errorf("%d uploads of traces.json: the client was not told that its spans are here", n)
	}
	f.compareReading(t, c, s.known)
	if got, want := f.spansOf(t, experiment), s.spans; got != want {
		t.Errorf("%d spans by SQL, want %d", got, want)
	}
}

// compareReading reads the experiment that a program wrote from both and compares
// it trace by trace.
func (f *fixture) compareReading(t *testing.T, writer client, known cmp.Option) {
	t.Helper()
	theirs, ours := f.both(t, client{packages: tracing, program: "read.py", args: writer.args[:1], began: writer.began, kept: writer.kept})
	if len(theirs.printed) == 0 {
		t.Error("the real server has no trace")
	}
	if diff := cmp.Diff(theirs.printed, ours.printed, known); diff != "" {
		t.Errorf("what can be read (-theirs +ours):\n%s", diff)
	}
}

func isSpansUpload(e *exchange) bool {
	return e.Method == http.MethodPut && strings.HasSuffix(e.Path, "/traces.json")
}
