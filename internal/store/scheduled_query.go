package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spanmill/spanmill/internal/query"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// scheduledSums are the columns that rows of business_1m become one by.
const scheduledSums = "sum(count), sum(sum), sum(count) * 1000000, sum(sum), min(min), max(max)," +
	" mapKeys(sumMap(buckets) AS b), mapValues(b), emptyArrayUInt16(), emptyArrayUInt8()"

// onlyThoseDays lets FINAL leave out the days that are not asked for: a key has one.
const onlyThoseDays = " SETTINGS do_not_merge_across_partitions_select_final = 1"

// Bounds of a question for what is made on a schedule.
const (
	scheduledPane    = 60 // seconds: what its windows are made of
	maxScheduled     = 2000
	statedPatience   = 48 * time.Hour // how old what was said of a day may be
	exposedScheduled = 24 * time.Hour
)

// Scheduled answers for metrics that are made by SQL on a schedule. Windows lie
// on minutes; of what is stated of days the newest one up to a window's end counts.
func (r Reader) Scheduled(ctx context.Context, tenant string, m query.Metric) ([]query.Series, error) {
	window, ends, err := scheduledWindows(&m)
	if err != nil {
		return nil, err
	}
	stated := rollup.DefinitionOf(m.Name).Form == rollup.Stated || !rollup.IsScheduled(m.View) // those of people's own are stated, too
	if stated {
		window = max(window, int64(statedPatience/time.Second))
	}
	var q question
	labels := "labels"
	if m.By != nil {
		labels = "mapFilter((k, v) -> has(" + q.texts(m.By) + ", k), labels)"
	}
	q.add("SELECT mapKeys(l) AS names, mapValues(l) AS texts, upto, ")
	if stated {
		q.add("argMax(count, time), argMax(sum, time) AS s, toInt64(0), s, toInt64(9223372036854775807), toInt64(-9223372036854775808)," +
			" emptyArrayInt16(), emptyArrayUInt64(), emptyArrayUInt16(), emptyArrayUInt8(), toInt64(max(at))")
	} else {
		q.add(scheduledSums, ", toInt64(0)")
	}
	w := q.integer(window)
	q.add(" FROM (SELECT ", labels, " AS l, toUnixTimestamp(time) AS at, time, count, sum, min, max, buckets, arrayJoin(arrayFilter(e -> at >= e - ", w, " AND at < e, ", q.integers(ends), ")) AS upto",
		" FROM business_1m FINAL WHERE tenant = ", q.text(tenant), " AND view = ", q.text(m.View), " AND metric = ", q.text(m.Name))
	from, to := q.integer(ends[0]-window), q.integer(ends[len(ends)-1])
	q.add(" AND time >= toDateTime(", from, ", 'UTC') AND time < toDateTime(", to, ", 'UTC') AND part_day BETWEEN toDate(toDateTime(", from, ", 'UTC')) AND toDate(toDateTime(", to, ", 'UTC'))")
	for name, value := range m.Labels {
		q.add(" AND labels[", q.text(name), "] = ", q.text(value))
	}
	q.add(") GROUP BY l, upto ORDER BY names, texts, upto", onlyThoseDays)
	return r.scheduledSeries(ctx, &q, window, stated)
}

// scheduledSeries reads the answer, one series after the other.
func (r Reader) scheduledSeries(ctx context.Context, q *question, window int64, stated bool) (out []query.Series, err error) {
	err = r.read(ctx, "a scheduled metric", q, func(row *rows) {
		var labels []rollup.Label
		names := list(row, row.text)
		for i, value := range list(row, row.text) {
			labels = append(labels, rollup.Label{Name: names[i], Value: value})
		}
		end := row.int64()
		p := query.Point{From: end - window, To: end, Partial: row.partial()}
		if at := row.int64(); stated {
			p.From, p.To = at, at+int64(24*time.Hour/time.Second)
		}
		if n := len(out); n == 0 || !slices.Equal(out[n-1].Labels, labels) {
			out = append(out, query.Series{Labels: labels})
		}
		if !p.Partial.Zero() {
			last := &out[len(out)-1]
			last.Points = append(last.Points, p)
		}
	})
	kept := out[:0]
	for _, s := range out {
		if len(s.Points) > 0 {
			kept = append(kept, s)
		}
	}
	return kept, err
}

// scheduledWindows gives the windows' length and ends, on minutes.
func scheduledWindows(m *query.Metric) (window int64, ends []int64, err error) {
	window, step := int64(m.Window/time.Second), int64(m.Step/time.Second)
	if step == 0 {
		step = window
	}
	from, to := m.From.Unix(), m.To.Unix()
	if m.From.IsZero() {
		from = to
	}
	switch {
	case window < scheduledPane || step < scheduledPane:
		return 0, nil, fmt.Errorf("%w: window and step must be at least a minute: sessions are told of by the minute", query.ErrMetric)
	case to < from:
		return 0, nil, fmt.Errorf("%w: it ends before it begins", query.ErrMetric)
	case (to-from)/step >= maxScheduled:
		return 0, nil, fmt.Errorf("%w: %d points of a series, at most %d; ask for a longer step", query.ErrTooBig, (to-from)/step+1, maxScheduled)
	}
	window -= window % scheduledPane
	for at := from; at <= to; at += step {
		ends = append(ends, at-at%scheduledPane)
	}
	return window, ends, nil
}

// ScheduledNow gives every metric that is made on a schedule as of an instant: of
// the last day, of what is stated the newest.
func (r Reader) ScheduledNow(ctx context.Context, tenant string, at time.Time) (out []query.Gauge, err error) {
	end := at.Unix() - at.Unix()%scheduledPane
	var q question
	q.add("SELECT view, metric, mapKeys(labels) AS k, mapValues(labels) AS v, if(stated, argMax(count, time), sumIf(count, recent)), if(stated, argMax(sum, time), sumIf(sum, recent))",
		" FROM (SELECT *, view IN ('user', 'retention') OR startsWith(series, 'now') AS stated, time >= toDateTime(", q.integer(end-int64(exposedScheduled/time.Second)), ", 'UTC') AS recent FROM business_1m FINAL WHERE tenant = ", q.text(tenant),
		" AND time >= toDateTime(", q.integer(end-int64(statedPatience/time.Second)), ", 'UTC') AND time < toDateTime(", q.integer(end), ", 'UTC')",
		" AND part_day >= toDate(toDateTime(", q.integer(end-int64(statedPatience/time.Second)), ", 'UTC')))",
		" GROUP BY view, metric, k, v, stated ORDER BY view, metric, k, v", onlyThoseDays)
	err = r.read(ctx, "scheduled metrics", &q, func(row *rows) {
		g := query.Gauge{View: row.text(), Name: row.text()}
		names := list(row, row.text)
		for i, value := range list(row, row.text) {
			g.Labels = append(g.Labels, rollup.Label{Name: names[i], Value: value})
		}
		g.Count, g.Sum = row.int64(), row.int64()
		out = append(out, g)
	})
	return out, err
}
