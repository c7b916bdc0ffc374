package live

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spanmill/spanmill/internal/query"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// lastWeek is what tables say of before: a window of a metric, whenever it is.
type lastWeek struct {
	of     rollup.MetricName
	series []query.Series
	asked  []query.Metric
	fails  error
	gauges []query.Gauge
}

// Scheduled implements Tables.
func (w *lastWeek) Scheduled(context.Context, string, query.Metric) ([]query.Series, error) {
	return nil, nil
}

// ScheduledNow implements Tables.
func (w *lastWeek) ScheduledNow(context.Context, string, time.Time) ([]query.Gauge, error) {
	return w.gauges, nil
}

// Metric implements Tables.
func (w *lastWeek) Metric(_ context.Context, tenant string, m query.Metric) ([]query.Series, error) {
	w.asked = append(w.asked, m)
	if w.fails != nil || tenant != "acme" || (rollup.MetricName{View: m.View, Name: m.Name}) != w.of {
		return nil, w.fails
	}
	return w.series, nil
}

// scores are assessments of last week.
func scores(name, source string, values map[int64]int) query.Series {
	var p rollup.Partial
	for v, n := range values {
		for range n {
			p.Grade(rollup.Of(v, rollup.Once))
		}
	}
	return query.Series{
		Labels: []rollup.Label{{Name: "name", Value: name}, {Name: "source", Value: source}},
		Points: []query.Point{{Partial: p}},
	}
}

// graded adds scores of now.
func (d *door) graded(name, source string, values map[int64]int) {
	for i := range scores(name, source, values).Points {
		p := scores(name, source, values).Points[i].Partial
		r := rollup.Rollup{Series: rollup.Series{Tenant: "acme", View: "assessment", Labels: scores(name, source, nil).Labels}}
		now := time.Now().Unix()
		r.Panes = []rollup.Pane{{Start: now - now%10, Metrics: []rollup.Metric{{Name: "score", Partial: p}}}}
		d.store.Add(&r, true)
	}
}

// verdicts adds traces of which both said something; fewer than none takes back.
func (d *door) verdicts(name, human, judge string, n int64) {
	r := rollup.Rollup{Series: rollup.Series{Tenant: "acme", View: "verdicts", Labels: []rollup.Label{
		{Name: "name", Value: name}, {Name: rollup.LabelHuman, Value: human}, {Name: rollup.LabelJudge, Value: judge},
	}}}
	now := time.Now().Unix()
	r.Panes = []rollup.Pane{{Start: now - now%10, Metrics: []rollup.Metric{{Name: "verdict_pairs", Partial: rollup.Partial{Count: n, Sum: n, Weight: n * 1e6, Estimated: n}}}}}
	d.store.Add(&r, true)
}

// TestKappaIsTold on the API, to Prometheus and in streams, with its number and
// interval; what is taken back changes it, and of few nothing is told but how
// many.
func TestKappaIsTold(t *testing.T) {
	d := openDoor(t, false)
	d.verdicts("helpful", "pass", "pass", 45)
	d.verdicts("helpful", "pass", "fail", 16)
	d.verdicts("helpful", "fail", "pass", 25)
	d.verdicts("helpful", "fail", "fail", 15)
	d.verdicts("helpful", "pass", "fail", -1)
	d.verdicts("rare", "pass", "pass", 29)
	want := map[string]map[string]float64{
		"helpful": {"count": 100, "mean": 0.1304, "low": -0.0826, "high": 0.3274, "agreement": 0.6, "by_chance": 0.54},
		"rare":    {"count": 29},
	}
	got := d.asked(t, "metric=judge_human_kappa")
	for name, v := range got {
		got[name] = rounded(v)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if all := d.asked(t, "metric=judge_human_kappa&by=")[""]; all["count"] != 129 {
		t.Errorf("of all names: %v", all)
	}
	lines, end := d.stream(t, d.acme, "metric=judge_human_kappa&label.name=helpful&every=250ms")
	if a := next(t, lines); len(a.Series) != 1 || a.Series[0].Points[0].Values["count"] != 100 {
		t.Errorf("a stream tells %+v", a)
	}
	end()
	told := d.exposed(t, "spanmill_judge_human_kappa", `assessment="helpful",window="24h"`)
	if diff := cmp.Diff(map[string]float64{"": 0.1304, "_n": 100, "_low": -0.0826, "_high": 0.3274}, rounded(told)); diff != "" {
		t.Errorf("Prometheus (-want +got):\n%s", diff)
	}
	if told := d.exposed(t, "spanmill_judge_human_kappa", `assessment="rare",window="24h"`); len(told) != 1 || told["_n"] != 29 {
		t.Errorf("Prometheus is told of few: %v", told)
	}
}

// exposed are the gauges of a name, by what follows it, for some labels.
func (d *door) exposed(t *testing.T, name, labels string) map[string]float64 {
	t.Helper()
	_, text := d.get(t, d.acme, "/metrics", "Accept", "text/plain")
	out := make(map[string]float64)
	for line := range strings.Lines(text) {
		rest, found := strings.CutPrefix(line, name)
		end, value, there := strings.Cut(rest, "{"+labels+"} ")
		if !found || !there {
			continue
		}
		var v float64
		if _, err := fmt.Sscan(value, &v); err != nil {
			t.Fatal(line, err)
		}
		out[end] = v
	}
	return out
}

// TestDriftIsTold: the window against the same one a week before, with how many
// there are on both sides; of few nothing else.
func TestDriftIsTold(t *testing.T) {
	d := openDoor(t, false)
	w := &lastWeek{of: rollup.MetricName{View: "assessment", Name: "score"}, series: []query.Series{
		scores("gone", "LLM_JUDGE", map[int64]int{500_000: 40}), scores("relevance", "LLM_JUDGE", map[int64]int{0: 100, 1_000_000: 300}),
		scores("tone", "LLM_JUDGE", map[int64]int{0: 29}),
	}}
	if status, body := d.get(t, d.acme, "/api/v1/metrics/query?metric=score_drift"); status != http.StatusBadRequest || !strings.Contains(body, "no ClickHouse") {
		t.Errorf("without tables: %d %s", status, body)
	}
	d.server.cfg.Tables = w
	d.graded("relevance", "LLM_JUDGE", map[int64]int{0: 200, 1_000_000: 200})
	d.graded("tone", "LLM_JUDGE", map[int64]int{1_000_000: 400})
	d.graded("new", "HUMAN", map[int64]int{0: 50})
	got := d.asked(t, "metric=score_drift&window=1h")
	for name, v := range got {
		got[name] = rounded(v)
	}
	want := map[string]map[string]float64{
		"gone,LLM_JUDGE": {"count": 0, "count_before": 40},
		"relevance,LLM_JUDGE": {
			"count": 400, "count_before": 400, "mean": -0.25, "mean_now": 0.5, "mean_before": 0.75, "low": -0.3144, "high": -0.1856, "psi": 0.2731,
		},
		"tone,LLM_JUDGE": {"count": 400, "count_before": 29},
		"new,HUMAN":      {"count": 50, "count_before": 0},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	last := w.asked[len(w.asked)-1]
	if last.Window != time.Hour || len(last.By) != 2 || time.Until(last.To.Add(week)).Abs() > time.Minute {
		t.Errorf("it was asked for %+v", last)
	}
	told := d.exposed(t, "spanmill_score_drift", `assessment="relevance",source="LLM_JUDGE",window="1h"`)
	if diff := cmp.Diff(map[string]float64{"": -0.25, "_n": 400, "_n_before": 400, "_low": -0.3144, "_high": -0.1856, "_psi": 0.2731}, rounded(told)); diff != "" {
		t.Errorf("Prometheus (-want +got):\n%s", diff)
	}
	if told := d.exposed(t, "spanmill_score_drift", `assessment="tone",source="LLM_JUDGE",window="24h"`); len(told) != 2 || told["_n_before"] != 29 {
		t.Errorf("Prometheus is told of few: %v", told)
	}
	if status, body := d.get(t, d.acme, "/api/v1/metrics/query?metric=score_drift&from=1000"); status != http.StatusBadRequest || !strings.Contains(body, "one window") {
		t.Errorf("of many windows: %d %s", status, body)
	}
	w.fails = errors.New("away")
	if told := d.exposed(t, "spanmill_score_drift", `assessment="relevance",source="LLM_JUDGE",window="1h"`); len(told) != 0 {
		t.Errorf("nobody knows what was, and Prometheus is told %v", told)
	}
}

// TestCoverageHasItsSampleRate: where one of four traces came, coverage says so.
func TestCoverageHasItsSampleRate(t *testing.T) {
	d := openDoor(t, false)
	for range 20 {
		d.sampled("acme", 4*rollup.Once)
	}
	for range 5 {
		d.tell("acme", "rated", "rated_traces", 1, "name", "tone")
	}
	if got := d.asked(t, "metric=coverage")["tone"]; got["sum"] != 5 || got["count"] != 20 || got["sample_rate"] != 0.25 {
		t.Errorf("%v", got)
	}
	if got := d.asked(t, "metric=trace_latency&stat=sample_rate")[""]; got["sample_rate"] != 0.25 {
		t.Errorf("%v", got)
	}
	if told := d.exposed(t, "spanmill_coverage", `assessment="tone",window="1h"`); told["_sample_rate"] != 0.25 || told["_n"] != 20 || told[""] != 0.25 {
		t.Errorf("Prometheus is told %v", told)
	}
}

// TestScheduledRatesHaveTheirInterval, those that are stated of days as well; what
// is no rate has none.
func TestScheduledRatesHaveTheirInterval(t *testing.T) {
	d := openDoor(t, false)
	d.server.cfg.Tables = &lastWeek{gauges: []query.Gauge{
		{View: "session", Name: "containment_rate", Count: 10, Sum: 8},
		{View: "retention", Name: "retention_d7_classic", Count: 10, Sum: 8},
		{View: "session", Name: "recontact_rate"},
		{View: "value", Name: "roi", Count: 10, Sum: 8},
		{View: "user", Name: "daily_active_users", Count: 10, Sum: 10},
	}}
	_, text := d.get(t, d.acme, "/metrics", "Accept", "text/plain")
	for _, name := range []string{"spanmill_session_containment_rate", "spanmill_retention_retention_d7_classic"} {
		for end, want := range map[string]string{"": "0.8", "_observations": "10", "_low": "0.490", "_high": "0.943"} {
			if !strings.Contains(text, "\n"+name+end+" "+want) {
				t.Errorf("%s%s is not %s", name, end, want)
			}
		}
	}
	for _, name := range []string{"spanmill_value_roi_low", "spanmill_user_daily_active_users_low", "spanmill_session_recontact_rate_low"} {
		if strings.Contains(text, name) {
			t.Errorf("%s is told", name)
		}
	}
	for _, m := range rollup.Scheduled {
		q, err := parseQuestion(url.Values{"metric": {m.Name}, "view": {"session"}, "stat": {"mean"}}, rollup.Catalogue{}, time.Now())
		if err != nil || m.IsRate() != (len(q.stats) == 2) {
			t.Errorf("%s is asked for with %v, %v", m.Name, q, err)
		}
		if q, _ := parseQuestion(url.Values{"metric": {m.Name}, "view": {"session"}}, rollup.Catalogue{}, time.Now()); m.IsRate() != slices.ContainsFunc(q.stats, func(s stat) bool { return s.of == query.Low }) {
			t.Errorf("%s is told with %v", m.Name, q.stats)
		}
	}
}
