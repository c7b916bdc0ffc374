package live

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// asked is the values of a question's answer, by the series' labels.
func (d *door) asked(t *testing.T, question string) map[string]map[string]float64 {
	t.Helper()
	status, body := d.get(t, d.acme, "/api/v1/metrics/query?"+question)
	var a Answer
	if err := json.Unmarshal([]byte(body), &a); err != nil || status != http.StatusOK {
		t.Fatalf("%s: %d %s", question, status, body)
	}
	out := make(map[string]map[string]float64)
	for _, x := range a.Series {
		var labels []string
		for _, name := range []string{"name", "source", "label", "service", "model", "task"} {
			if value, there := x.Labels[name]; there {
				labels = append(labels, value)
			}
		}
		if len(x.Points) != 1 {
			t.Fatalf("%s: %s", question, body)
		}
		out[strings.Join(labels, ",")] = x.Points[0].Values
	}
	return out
}

func rounded(v map[string]float64) map[string]float64 {
	out := make(map[string]float64, len(v))
	for name, x := range v {
		out[name] = math.Round(x*1e4) / 1e4
	}
	return out
}

// TestSharesAreToldWithTheirNumber: whatever statistics of a share are asked for,
// how many it is of is told too; the interval is Wilson's.
func TestSharesAreToldWithTheirNumber(t *testing.T) {
	d := openDoor(t, false)
	for i := range 10 {
		d.tell("acme", "assessment", "passed", int64(min(1, i/2)), "name", "helpful", "source", "HUMAN")
	}
	const question = "metric=passed&view=assessment"
	want := map[string]float64{"count": 10, "sum": 8, "mean": 0.8, "low": 0.4902, "high": 0.9433}
	if diff := cmp.Diff(want, rounded(d.asked(t, question)["helpful,HUMAN"])); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, stat := range []string{"mean", "sum", "low", "high"} {
		got := d.asked(t, question+"&stat="+stat)["helpful,HUMAN"]
		if _, told := got[stat]; !told || got["count"] != 10 || len(got) != 2 {
			t.Errorf("%s: %v", stat, got)
		}
	}
	_, text := d.get(t, d.acme, "/metrics", "Accept", "text/plain")
	for line, value := range map[string]float64{"": 0.8, "_n": 10, "_low": 0.4902, "_high": 0.9433} {
		for _, window := range []string{"1h", "24h"} {
			series := fmt.Sprintf(`spanmill_pass_rate%s{assessment="helpful",source="HUMAN",window=%q} `, line, window)
			_, rest, found := strings.Cut(text, series)
			var got float64
			if _, err := fmt.Sscan(rest, &got); !found || err != nil || math.Abs(got-value) > 1e-4 {
				t.Errorf("%s: %v, want %v", series, got, value)
			}
		}
	}
}

// TestEveryShareAndRateHasItsNumber, as Prometheus sees them.
func TestEveryShareAndRateHasItsNumber(t *testing.T) {
	t.Parallel()
	names := make(map[string]bool)
	for _, f := range families {
		names[f.name] = true
	}
	told := make(map[string]bool)
	for _, f := range families {
		if f.shape != windowStat && f.shape != windowRate || f.stat != "mean" {
			continue
		}
		told[f.metric] = true
		if !names[f.name+"_n"] {
			t.Errorf("%s is told without how many it is of", f.name)
		}
		if share := rollup.DefinitionOf(f.metric).Form == rollup.Share; (share || f.rate != nil) && (!names[f.name+"_low"] || !names[f.name+"_high"]) {
			t.Errorf("%s is told without its interval", f.name)
		}
	}
	for _, m := range rollup.Definitions {
		if m.Form == rollup.Share && !told[m.Name] {
			t.Errorf("Prometheus is not told of share %s", m.Name)
		}
	}
}

// TestRates are of the whole that has their labels.
func TestRates(t *testing.T) {
	d := openDoor(t, false)
	times := func(n int, view, metric string, labels ...string) {
		for range n {
			d.tell("acme", view, metric, 1, labels...)
		}
	}
	times(6, "assessment_label", "labelled", "name", "tone", "source", "CODE", "label", "warm")
	times(2, "assessment_label", "labelled", "name", "tone", "source", "CODE", "label", "cold")
	times(8, "assessment", "labelled", "name", "tone", "source", "CODE")
	times(4, "assessment", "labelled", "name", "tone", "source", "HUMAN")
	times(5, "rated", "rated_traces", "name", "tone")
	times(20, "tenant", "trace_latency")
	times(3, "task", "events", "task", "invoice", "state", "completed")
	times(4, "task", "events", "task", "invoice", "state", "started")
	times(2, "task", "events", "task", "letter", "state", "started")
	times(1, "task", "events", "task", "letter", "state", "failed")
	times(10, "model", "span_duration", "provider", "p", "model", "m")
	times(30, "model", "span_duration", "provider", "p", "model", "never_fails")
	times(1, "model", "span_errors", "provider", "p", "model", "m")
	times(1, "model_error", "span_errors", "provider", "p", "model", "m", "class", "auth")
	for _, c := range []struct {
		question string
		want     map[string]string // part of n, by labels
	}{
		{"metric=category_share", map[string]string{"tone,CODE,warm": "6 of 8", "tone,CODE,cold": "2 of 8"}},
		{"metric=category_share&label.label=warm", map[string]string{"tone,CODE,warm": "6 of 8"}},
		{"metric=category_share&by=label", map[string]string{"warm": "6 of 12", "cold": "2 of 12"}},
		{"metric=coverage", map[string]string{"tone": "5 of 20"}},
		{"metric=task_completion_rate", map[string]string{"invoice": "3 of 4", "letter": "0 of 2"}},
		{"metric=task_completion_rate&by=", map[string]string{"": "3 of 6"}},
		{"metric=model_error_rate&by=model", map[string]string{"m": "1 of 10", "never_fails": "0 of 30"}},
		{"metric=span_errors&view=model_error&over=model.span_duration&by=model", map[string]string{"m": "1 of 10", "never_fails": "0 of 30"}},
		{"metric=tool_error_rate", map[string]string{}},
	} {
		got := make(map[string]string)
		for labels, v := range d.asked(t, c.question) {
			got[labels] = fmt.Sprintf("%g of %g", v["sum"], v["count"])
			if low, high := rollup.Wilson(v["sum"], v["count"]); v["mean"] != v["sum"]/v["count"] || v["low"] != low || v["high"] != high {
				t.Errorf("%s: %v", c.question, v)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.question, diff)
		}
	}
	if status, body := d.get(t, d.acme, "/api/v1/metrics/query?metric=spans&over=tenant"); status != http.StatusBadRequest {
		t.Errorf("over no metric: %d %s", status, body)
	}
}
