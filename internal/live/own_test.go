package live

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

var ownCatalogue = rollup.Catalogue{
	Metrics: []rollup.Definition{
		{Name: "long_answers", Form: rollup.Added, Scale: rollup.OwnScale, Help: "Long answers."},
		{Name: "answer_seconds", Form: rollup.Measured, Scale: rollup.OwnScale, Help: "How long they took."},
		{Name: "risky", Form: rollup.Bounded, Scale: rollup.OwnScale, Help: "How risky they are."},
		{Name: "askers", Form: rollup.Different, Scale: 1, Help: "Who asks."},
	},
	Views: []rollup.ViewDefinition{
		{Name: "long_answers", Of: "model_calls", Labels: []string{"plan"}, Metrics: []string{"long_answers"}},
		{Name: "answer_seconds", Of: "model_calls", Labels: []string{}, Metrics: []string{"answer_seconds"}},
		{Name: "risky", Of: "spans", Labels: []string{}, Metrics: []string{"risky"}},
		{Name: "askers", Of: "spans", Labels: []string{}, Metrics: []string{"askers"}},
		{Name: "by_plan", Of: "spans", Labels: []string{"plan"}, Metrics: []string{"spans", "cost", "trace_latency", "users"}},
	},
}

// TestOwnMetricsAreTold: what metrics.yaml defines is told to Prometheus as what
// it is, and listed and answered by the API.
func TestOwnMetricsAreTold(t *testing.T) {
	t.Parallel()
	d := openDoor(t, false)
	d.store.cfg.Own, d.store.families = ownCatalogue, allFamilies(ownCatalogue)
	for _, v := range ownCatalogue.Views {
		var l []string
		for _, name := range v.Labels {
			l = append(l, name, "pro")
		}
		for _, m := range v.Metrics {
			for _, value := range []int64{1e6, 3e6} {
				d.tell("acme", v.Name, m, value, l...)
			}
		}
	}
	_, body := d.get(t, d.acme, "/metrics", "Accept", formText)
	if problems, err := promlint.New(strings.NewReader(body)).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("linter: %v, %v", problems, err)
	}
	told := parse(t, body, formText)
	for name, want := range map[string]string{
		"spanmill_own_long_answers_total": "counter", "spanmill_own_answer_seconds": "histogram", "spanmill_own_risky": "gauge", "spanmill_own_askers": "gauge",
		"spanmill_own_by_plan_spans_total": "counter", "spanmill_own_by_plan_cost_total": "counter",
		"spanmill_own_by_plan_trace_latency_seconds": "histogram", "spanmill_own_by_plan_users": "gauge",
	} {
		if told.types[name] != want {
			t.Errorf("%s is a %q, want a %s", name, told.types[name], want)
		}
	}
	for series, want := range map[string]float64{
		`{__name__="spanmill_own_long_answers_total", plan="pro"}`: 4, `{__name__="spanmill_own_risky"}`: 2, `{__name__="spanmill_own_answer_seconds_sum"}`: 4,
		`{__name__="spanmill_own_by_plan_spans_total", plan="pro"}`: 2,
	} {
		if got, ok := told.samples[series]; !ok || got != want {
			t.Errorf("%s is %g, %v, want %g", series, got, ok, want)
		}
	}
	_, body = d.get(t, d.acme, "/api/v1/metrics")
	if !strings.Contains(body, `"long_answers","form":"sum"`) || !strings.Contains(body, `"by_plan"`) {
		t.Errorf("the API lists %s", body)
	}
	_, body = d.get(t, d.acme, "/api/v1/metrics/query?metric=risky&view=risky")
	var answer struct {
		Series []struct {
			Points []struct {
				Values map[string]float64 `json:"values"`
			} `json:"points"`
		} `json:"series"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || len(answer.Series) != 1 {
		t.Fatal(err, body)
	}
	if v := answer.Series[0].Points[0].Values; v["mean"] != 2 || v["min"] != 1 || v["max"] != 3 || len(v) != 6 {
		t.Errorf("a gauge is answered by %v", v)
	}
}
