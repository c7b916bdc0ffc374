package store

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// Metrics are what a repricing corrects besides tables: what was streamed of the
// spans that it changes.
type Metrics interface {
	// Correct adds rollups to those that were streamed, each of them once, however
	// often it is asked under the same name: list shows the same ones in the same
	// order each time.
	Correct(ctx context.Context, name string, list func(visit func(*rollup.Rollup) error) error) error
}

// Metrics of which a repricing changes something.
const (
	metricCost     = "cost"
	metricUnpriced = "unpriced_calls"
)

// labelColumns are the columns of reprice_spans that labels of series are made
// of.
var labelColumns = map[string]string{"service": "service_name", "experiment": "experiment_id", "provider": "provider", "model": "model"}

// pricedViews are the views that have a cost.
func pricedViews() []rollup.ViewDefinition {
	return slices.DeleteFunc(slices.Clone(rollup.Views), func(v rollup.ViewDefinition) bool { return !slices.Contains(v.Metrics, metricCost) })
}

// maxCorrectedPanes bounds the panes of a rollup that is sent at once.
const maxCorrectedPanes = 512

// correctMetrics is step 2.
func (d *repriceDay) correctMetrics(ctx context.Context) error {
	if d.Metrics != nil {
		err := d.Metrics.Correct(ctx, d.id, func(visit func(*rollup.Rollup) error) error { return d.corrections(ctx, visit) })
		if err != nil {
			return fmt.Errorf("correct metrics: %w", err)
		}
	}
	return d.note(ctx, stepMetrics, nil)
}

// corrections shows what the day's changes come to in each series and pane, new
// minus old, in an order that depends on nothing but them.
func (d *repriceDay) corrections(ctx context.Context, visit func(*rollup.Rollup) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	resp, err := d.store.client.do(ctx, request{sql: correctionsSQL(d.id) + " FORMAT RowBinary", settings: settings()})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var (
		r      rollup.Rollup
		failed error
	)
	flush := func() {
		if failed == nil && len(r.Panes) > 0 {
			if failed = visit(&r); failed != nil {
				stop()
			}
		}
		r = rollup.Rollup{}
	}
	err = readRows(resp.Body, func(w io.Writer) error { return copyResult(w, resp) }, func(row *rows) {
		s := rollup.Series{View: row.text(), Tenant: row.text(), Eval: row.boolean()}
		view := rollup.Views[slices.IndexFunc(rollup.Views, func(v rollup.ViewDefinition) bool { return v.Name == s.View })]
		for i, value := range list(row, row.text) {
			s.Labels = append(s.Labels, rollup.Label{Name: view.Labels[i], Value: rollup.LabelText(value)})
		}
		p := correction(row)
		if r.Tenant != s.Tenant || r.View != s.View || r.Eval != s.Eval || !slices.Equal(r.Labels, s.Labels) || len(r.Panes) == maxCorrectedPanes {
			flush()
			r.Series = s
		}
		r.Panes = append(r.Panes, p)
	})
	if failed == nil && err == nil {
		flush()
	}
	return cmp.Or(failed, err)
}

// correction reads what changes in one pane.
func correction(row *rows) rollup.Pane {
	p := rollup.Pane{Start: row.int64()}
	cost := rollup.Metric{Name: metricCost, Partial: rollup.Partial{Count: row.int64(), Sum: row.int64(), Weight: row.int64(), Estimated: row.int64()}}
	cost.Bounded, cost.Min, cost.Max = row.boolean(), row.int64(), row.int64()
	calls := rollup.Metric{Name: metricUnpriced, Partial: rollup.Partial{Count: row.int64(), Weight: row.int64(), Estimated: row.int64()}}
	calls.Sum = calls.Count
	for _, m := range []rollup.Metric{cost, calls} {
		if !m.Zero() {
			p.Metrics = append(p.Metrics, m)
		}
	}
	return p
}

// correctionsSQL has a row for each series and pane in which something changes. A
// span counts as the aggregator counts it: in the pane of its end, or of its
// receipt where the end is not believed; with its weight, each value rounded half
// to even; not at all where the cost is beyond what sums can hold.
func correctionsSQL(id string) string {
	const (
		day       = 24 * 60 * 60 * 1_000_000_000
		maxInt64  = "9223372036854775807"
		received  = "toUInt128(toUnixTimestamp64Milli(received_at)) * 1000000"
		misdated  = "e + %d < r OR e > r + %d OR e > " + maxInt64
		estimated = "toInt64(least(intDiv(x, 1000000) + (x %% 1000000 > 500000 OR x %% 1000000 = 500000 AND intDiv(x, 1000000) %% 2 = 1), " + maxInt64 + "))"
	)
	weighted := func(v string) string {
		return fmt.Sprintf("arrayMap(x -> "+estimated+", [toInt256(%s) * weight])[1]", v)
	}
	var series []string
	for _, v := range pricedViews() {
		columns := make([]string, len(v.Labels))
		for i, l := range v.Labels {
			columns[i] = "toString(" + labelColumns[l] + ")"
		}
		series = append(series, fmt.Sprintf("(%s, [%s]::Array(String))", quote(v.Name), strings.Join(columns, ", ")))
	}
	pane := fmt.Sprintf("arrayMap((e, r) -> toInt64(intDiv(if("+misdated+", r, e), %d) * %d), [toUInt128(end_unix_nano)], [%s])[1]",
		30*day, day, rollup.PaneSeconds*1_000_000_000, rollup.PaneSeconds, received)
	nano := func(cost string) string { return fmt.Sprintf("toInt64(toDecimal128(%s, 9) * 1000000000)", cost) }
	return fmt.Sprintf("SELECT s.1 AS view, toString(tenant) AS whose, is_eval, s.2 AS labels, pane,"+
		" sum(toInt64(counts) - counted) AS n, sum(counts * new_nano - counted * old_nano), sum((toInt64(counts) - counted) * weight),"+
		" sum(counts * %[1]s - counted * %[2]s), max(counts), minIf(new_nano, counts), maxIf(new_nano, counts),"+
		" sum(toInt64(old_priced) - new_priced), sum((toInt64(old_priced) - new_priced) * weight), sum((toInt64(old_priced) - new_priced) * %[3]s)"+
		" FROM (SELECT *, %[4]s AS pane, %[5]s AS old_nano, %[6]s AS new_nano, old_priced AND old_nano <= %[7]d AS counted, new_priced AND new_nano <= %[7]d AS counts"+
		" FROM reprice_spans WHERE reprice_id = %[8]s AND (old_cost != new_cost OR old_priced != new_priced)) ARRAY JOIN [%[9]s] AS s"+
		" GROUP BY view, whose, is_eval, labels, pane ORDER BY view, whose, is_eval, labels, pane",
		weighted("new_nano"), weighted("old_nano"), weighted("1"), pane, nano("old_cost"), nano("new_cost"), int64(rollup.MaxValue), quote(id), strings.Join(series, ", "))
}
