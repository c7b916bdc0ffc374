package store

import (
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spanmill/spanmill/internal/query"
	"github.com/spanmill/spanmill/internal/store/sql"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// Expressions of docs/metrics.md: a quantile of a merged histogram, and the
// number of distinct values of merged registers.
const (
	quantileSQL = `arrayFirst((k, n) -> n >= greatest(1, ceil(%g * arraySum(mapValues(m)))), mapKeys(m), arrayCumSum(mapValues(m))) AS bucket,
		if(bucket = -1, 0, exp2(bucket / 32) * 2 / (1 + exp2(-1 / 32)))`
	distinctSQL = `(4096 - length(m)) / 4096 AS empty,
		4096 * 4096 / (2 * log(2) * (arraySum(r -> exp2(-r), mapValues(m)) + 4096 * (empty + arraySum(k -> pow(empty, exp2(k)) * exp2(k - 1), range(1, 30))))) AS estimate`
)

// testRollupsMergeAsInGo: what SQL makes of the rows of many partials is what
// Merge makes of them.
func testRollupsMergeAsInGo(t *testing.T, b *bundle) {
	rng := rand.New(rand.NewPCG(5, 5))
	block, all := NewRollupBlock(), new(rollup.Partial)
	judged := rollup.Series{Tenant: "shares", View: "assessment", Labels: []rollup.Label{{Name: "name", Value: "helpful"}, {Name: "source", Value: "HUMAN"}}}
	appendRollup(block, &judged, &rollup.Metric{Name: "passed", Partial: rollup.Partial{Count: 10, Sum: 8}}, 5000)
	appendRollup(block, &judged, &rollup.Metric{Name: "score", Partial: rollup.Partial{Count: 10, Sum: 8}}, 5001)
	series := rollup.Series{Tenant: "ten", View: "model", Labels: []rollup.Label{{Name: "provider", Value: "p"}, {Name: "model", Value: "größer"}}}
	for i := range 40 {
		var m rollup.Metric
		m.Name = "latency"
		for range rng.IntN(300) {
			m.Measure(rollup.Of(int64(math.Exp(15+2*rng.NormFloat64())), rollup.Once*rollup.Weight(1+rng.IntN(4))))
			m.Distinct.Add(rollup.RegisterOf(strconv.Itoa(rng.IntN(5000))))
		}
		m.Correct(rollup.Of(-int64(rng.IntN(1000)), rollup.Once))
		if i%5 == 0 {
			m.Retract(rollup.Of(7, rollup.Once)) // a count below zero, which later rows make good
			all.Measure(rollup.Of(7, rollup.Once))
			extra := rollup.Metric{Name: "latency"}
			extra.Measure(rollup.Of(7, rollup.Once))
			appendRollup(block, &series, &extra, 1000+i)
		}
		all.Merge(&m.Partial)
		appendRollup(block, &series, &m, i)
	}
	if err := b.Rollups().Insert(t.Context(), block, "rollups", soon(), nil); err != nil {
		t.Fatal(err)
	}
	const from = " FROM rollups WHERE tenant = 'ten' AND view = 'model' AND metric = 'latency' AND labels['model'] = 'größer' AND pane = '2026-11-20 12:00:00'"
	b.expect(t, fmt.Sprintf("%d\t%d\t%d\t%d\t%d\t%d", all.Count, all.Sum, all.Weight, all.Estimated, all.Min, all.Max),
		"SELECT sum(count), sum(sum), sum(weight), sum(estimated), min(min), max(max)"+from)
	for _, q := range []float64{0, 0.5, 0.95, 0.999, 1} {
		want, _ := all.Hist.Quantile(q)
		got, err := strconv.ParseFloat(b.query(t, "SELECT toString(v) FROM (WITH sumMap(buckets) AS m SELECT "+fmt.Sprintf(quantileSQL, q)+" AS v"+from+")"), 64)
		if err != nil || math.Abs(got-want) > 1e-9*want {
			t.Errorf("quantile %g is %f by SQL, %f in Go (%v)", q, got, want, err)
		}
	}
	low, high := rollup.Wilson(8, 10)
	for _, view := range []string{"metrics_1m", "metrics_1h"} {
		b.expect(t, fmt.Sprintf("passed\t%.6f\t%.6f\nscore\t\\N\t\\N", low, high),
			"SELECT metric, round(low, 6), round(high, 6) FROM "+view+" WHERE tenant = 'shares' AND view = 'assessment' ORDER BY metric")
	}
	for q, column := range map[float64]string{0.5: "p50", 0.95: "p95", 0.99: "p99"} {
		want, _ := all.Hist.Quantile(q)
		got, err := strconv.ParseFloat(b.query(t, "SELECT "+column+" FROM metrics_1h WHERE tenant = 'ten' AND view = 'model' AND metric = 'latency'"), 64)
		if err != nil || math.Abs(got-want) > 1e-9*want {
			t.Errorf("%s is %f by the view, %f in Go (%v)", column, got, want, err)
		}
	}
	readBack(t, b, all)
	want := all.Distinct.Estimate()
	if got, err := strconv.ParseFloat(b.query(t, "SELECT distinct_values FROM metrics_1m WHERE tenant = 'ten'"), 64); err != nil || math.Abs(got-want) > 1e-6*want {
		t.Errorf("distinct is %f by the view, %f in Go (%v)", got, want, err)
	}
	got, err := strconv.ParseFloat(b.query(t, "SELECT toString(estimate) FROM (WITH maxMap(registers) AS m SELECT "+distinctSQL+from+")"), 64)
	if err != nil || math.Abs(got-want) > 1e-6*want {
		t.Errorf("distinct is %f by SQL, %f in Go (%v)", got, want, err)
	}
}

// readBack holds what Go reads of the rows against what was written.
func readBack(t *testing.T, b *bundle, all *rollup.Partial) {
	t.Helper()
	at := time.Unix(1795176000, 0)
	series, err := Reader{b.Store}.Metric(t.Context(), "ten", query.Metric{
		View: "model", Name: "latency", Labels: map[string]string{"provider": "p"}, By: []string{"model"}, To: at.Add(time.Minute), Window: time.Minute,
	})
	want := []query.Series{{
		Labels: []rollup.Label{{Name: "model", Value: "größer"}},
		Points: []query.Point{{From: at.Unix(), To: at.Unix() + 60, Partial: *all}},
	}}
	if diff := cmp.Diff(want, series); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if series, err = (Reader{b.Store}).Metric(t.Context(), "ten", query.Metric{View: "model", Name: "latency", To: at, Window: time.Hour, By: []string{}}); err != nil || len(series) > 0 {
		t.Errorf("before it: %v, %v", series, err)
	}
	var got []rollup.Rollup
	err = Reader{b.Store}.Panes(t.Context(), "ten", at.Unix()-600, at.Unix()+600, func(r *rollup.Rollup) { got = append(got, *r) })
	if err != nil || len(got) != 1 || got[0].View != "model" || len(got[0].Labels) != 2 || got[0].Panes[0].Start != at.Unix() || !cmp.Equal(*all, got[0].Panes[0].Metrics[0].Partial) {
		t.Errorf("panes: %v %+v", err, got)
	}
}

func appendRollup(block *RollupBlock, s *rollup.Series, m *rollup.Metric, index int) {
	block.Append(&rollup.Row{
		Series: s, Start: 1795176000, Metric: m, PartDay: 1795176000 / 86_400, RetentionDays: 400, ReceivedMilli: 1795305600123,
		Log: testLog, Partition: 1, Offset: 2, Index: uint32(index),
	})
}

// TestSharesInSQL: views of metrics know which metrics are shares, and tell the
// interval that each lies in.
func TestSharesInSQL(t *testing.T) {
	t.Parallel()
	statements, err := sql.Render(sql.Params{Database: "d"})
	if err != nil {
		t.Fatal(err)
	}
	list := regexp.MustCompile(`(?s)metric IN \((.*?)\)`)
	for _, view := range []string{"_metrics_1m", "_metrics_1h"} {
		var newest string
		for _, s := range statements {
			if strings.HasSuffix(s.Name, view) && !strings.Contains(s.Name, "reprice") {
				newest = s.SQL
			}
		}
		found := list.FindStringSubmatch(newest)
		if found == nil {
			t.Fatalf("%s names no shares", view)
		}
		for _, d := range slices.Concat(rollup.Definitions, rollup.Scheduled) {
			if strings.Contains(found[1], "'"+d.Name+"'") != d.IsRate() {
				t.Errorf("%s: %s is a share: %v", view, d.Name, d.IsRate())
			}
		}
	}
}
