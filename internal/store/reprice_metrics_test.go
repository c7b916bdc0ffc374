package store

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// streamed is what was added to metrics, by series, pane and metric.
type streamed map[string]*rollup.Partial

func (s streamed) at(r *rollup.Series, pane int64, metric string) *rollup.Partial {
	key := fmt.Sprintf("%s %s %v %v %d %s", r.Tenant, r.View, r.Eval, r.Labels, pane, metric)
	if s[key] == nil {
		s[key] = new(rollup.Partial)
	}
	return s[key]
}

// count adds a span as the aggregator does, or takes it back (times -1).
func (s streamed) count(row *schema.SpanRow, times int64) {
	g, c := row.GenAI, row.Cost
	if !g.Billable {
		return
	}
	metric, value := "unpriced_calls", int64(1)
	if c.Source != schema.CostNone {
		if metric, value = "cost", int64(min(c.Nano, schema.MaxCostNano)); value > rollup.MaxValue {
			return
		}
	}
	at := row.Span.EndUnixNano
	const day = 24 * 60 * 60 * 1e9
	if now := uint64(row.ReceivedMilli) * 1e6; at+30*day < now || at > now+day || at > 1<<63-1 {
		at = now
	}
	o := rollup.Of(value, rollup.Weight(g.Weight))
	for _, series := range []rollup.Series{
		{View: "tenant"},
		{View: "service", Labels: []rollup.Label{{Name: "service", Value: rollup.LabelText(g.ServiceName)}}},
		{View: "experiment", Labels: []rollup.Label{{Name: "experiment", Value: row.ExperimentID}}},
		{View: "model", Labels: []rollup.Label{{Name: "provider", Value: g.Provider}, {Name: "model", Value: g.Model}}},
	} {
		series.Tenant, series.Eval = row.Tenant, g.Eval
		p := s.at(&series, rollup.PaneOf(at), metric)
		p.Count += times
		p.Sum += times * value
		p.Weight += times * g.Weight
		p.Estimated += times * o.Estimated
	}
}

// Correct implements Metrics; that it does so once for each name is tested where
// it is made.
func (m *metricsOnce) Correct(_ context.Context, name string, list func(func(*rollup.Rollup) error) error) error {
	got := streamed{}
	err := list(func(r *rollup.Rollup) error {
		for _, p := range r.Panes {
			for i := range p.Metrics {
				got.at(&r.Series, p.Start, p.Metrics[i].Name).Merge(&p.Metrics[i].Partial)
			}
		}
		return nil
	})
	if err != nil || slices.Contains(m.names, name) {
		return err
	}
	m.names = append(m.names, name)
	for key, p := range got {
		if m.streamed[key] == nil {
			m.streamed[key] = new(rollup.Partial)
		}
		m.streamed[key].Merge(p)
	}
	return nil
}

type metricsOnce struct {
	streamed
	names []string
}

// expect holds what was corrected to what the changes of all spans come to.
func (m *metricsOnce) expect(t *testing.T, want streamed) {
	t.Helper()
	changes := 0
	for key, w := range want {
		g := m.streamed[key]
		if g == nil {
			g = new(rollup.Partial)
		}
		if !w.Zero() {
			changes++
		}
		if g.Count != w.Count || g.Sum != w.Sum || g.Weight != w.Weight || g.Estimated != w.Estimated {
			t.Errorf("%s is corrected by %+v, want %+v", key, g, w)
		}
	}
	for key, g := range m.streamed {
		if want[key] == nil && (g.Count != 0 || g.Sum != 0) {
			t.Errorf("%s is corrected by %+v, want nothing", key, g)
		}
	}
	if changes < 25 {
		t.Errorf("%d changes only", changes)
	}
}
