package store

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/spanmill/spanmill/internal/query"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// sums are the columns that rows of rollups become one by.
const sums = "sum(count), sum(sum), sum(weight), sum(estimated), min(min), max(max), " +
	"mapKeys(sumMap(buckets) AS b), mapValues(b), mapKeys(maxMap(registers) AS g), mapValues(g)"

// partial reads sums.
func (r *rows) partial() (p rollup.Partial) {
	p.Count, p.Sum, p.Weight, p.Estimated, p.Min, p.Max = r.int64(), r.int64(), r.int64(), r.int64(), r.int64(), r.int64()
	if p.Bounded = p.Min != math.MaxInt64 || p.Max != math.MinInt64; !p.Bounded {
		p.Min, p.Max = 0, 0
	}
	indexes := list(r, func() int16 { return int16(r.fixed(2)) })
	for i, n := range list(r, r.uint64) {
		if n != 0 {
			p.Hist = append(p.Hist, rollup.Bucket{Index: indexes[i], Count: n})
		}
	}
	places := list(r, func() uint16 { return uint16(r.fixed(2)) })
	for i, rank := range list(r, r.uint8) {
		p.Distinct = append(p.Distinct, rollup.Register{Index: places[i], Rank: rank})
	}
	return p
}

// panes adds the condition that rows are of panes in [from, to), Unix seconds.
func (q *question) panes(from, to int64) {
	a, b := q.integer(from), q.integer(to)
	q.add(" AND pane >= toDateTime(", a, ", 'UTC') AND pane < toDateTime(", b, ", 'UTC')",
		" AND part_day BETWEEN toDate(toDateTime(", a, ", 'UTC')) AND toDate(toDateTime(", b, ", 'UTC'))")
}

// Metric answers with one window, of Window up to To, told apart by By. It is for
// what is older than what live metrics have.
func (r Reader) Metric(ctx context.Context, tenant string, m query.Metric) ([]query.Series, error) {
	to := m.To.Unix()
	from := to - int64(m.Window/time.Second)
	var q question
	q.add("SELECT arrayMap(n -> labels[n], ", q.texts(m.By), ") AS l, ", sums, " FROM rollups WHERE tenant = ", q.text(tenant),
		" AND view = ", q.text(m.View), " AND metric = ", q.text(m.Name), " AND is_eval = ", fmt.Sprint(m.Eval))
	q.panes(from, to)
	for name, value := range m.Labels {
		q.add(" AND labels[", q.text(name), "] = ", q.text(value))
	}
	q.add(" GROUP BY l")
	var out []query.Series
	err := r.read(ctx, "a metric", &q, func(row *rows) {
		var s query.Series
		for i, v := range list(row, row.text) {
			s.Labels = append(s.Labels, rollup.Label{Name: m.By[i], Value: v})
		}
		s.Points = []query.Point{{From: from, To: to, Partial: row.partial()}}
		out = append(out, s)
	})
	return out, err
}

// Panes shows visit what was added in panes of [from, to), Unix seconds, in the
// order of the panes, each metric of a series in a pane as one.
func (r Reader) Panes(ctx context.Context, tenant string, from, to int64, visit func(*rollup.Rollup)) error {
	for at := from; at < to; at += panesAtOnce {
		var q question
		q.add("SELECT view, metric, is_eval, mapKeys(labels) AS k, mapValues(labels) AS v, toUnixTimestamp(pane) AS at, ", sums,
			" FROM rollups WHERE tenant = ", q.text(tenant))
		q.panes(at, min(at+panesAtOnce, to))
		q.add(" GROUP BY view, metric, is_eval, k, v, pane ORDER BY pane")
		err := r.read(ctx, "panes", &q, func(row *rows) {
			one := rollup.Rollup{Series: rollup.Series{Tenant: tenant, View: row.text()}}
			metric := rollup.Metric{Name: row.text()}
			one.Eval = row.boolean()
			names := list(row, row.text)
			for i, value := range list(row, row.text) {
				one.Labels = append(one.Labels, rollup.Label{Name: names[i], Value: value})
			}
			start := int64(row.uint32())
			metric.Partial = row.partial()
			one.Panes = []rollup.Pane{{Start: start, Metrics: []rollup.Metric{metric}}}
			visit(&one)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// panesAtOnce is how many seconds of panes one statement reads.
const panesAtOnce = 600
