package alerts

import (
	"context"
	"testing"
	"time"

	"github.com/spanmill/spanmill/internal/query"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// ratings are assessments an hour, and what they add up to, as they were a week
// ago and as they are.
type ratings struct {
	metric    Metric
	labels    []rollup.Label
	then, now rollup.Partial
}

// Tenants implements History.
func (w *ratings) Tenants(context.Context) ([]string, error) { return []string{"acme"}, nil }

// Query implements History: every window is like any other of its week.
func (w *ratings) Query(_ context.Context, _ string, q query.Metric) ([]query.Series, error) {
	x := query.Series{Labels: w.labels}
	if w.metric != (Metric{q.View, q.Name}) || !matches(&x, q.Labels) {
		return nil, nil
	}
	p := w.now
	if q.To.Unix() < dawn-before {
		p = w.then
	}
	x.Labels = nil
	for _, l := range w.labels {
		for _, name := range q.By {
			if name == l.Name {
				x.Labels = append(x.Labels, l)
			}
		}
	}
	if p.Count > 0 {
		x.Points = []query.Point{{From: q.To.Add(-q.Window).Unix(), To: q.To.Unix(), Partial: p}}
	}
	return []query.Series{x}, nil
}

// fired are the notices of an hour.
func fired(t *testing.T, h History) (out []Notice) {
	t.Helper()
	e := NewEngine(packed(t, ""), 100)
	for now := dawn; now < dawn+3600; now += int64(Default().Every / time.Second) {
		list, err := e.Step(t.Context(), h, now)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range list {
			if x.Notice != nil {
				out = append(out, *x.Notice)
			}
		}
	}
	return out
}

// rates are the parts of a whole, each a metric of its own.
type rates []ratings

// Tenants implements History.
func (w rates) Tenants(context.Context) ([]string, error) { return []string{"acme"}, nil }

// Query implements History.
func (w rates) Query(ctx context.Context, tenant string, q query.Metric) ([]query.Series, error) {
	for i := range w {
		if list, err := w[i].Query(ctx, tenant, q); list != nil || err != nil {
			return list, err
		}
	}
	return nil, nil
}

// TestAPartByMoreLabels: the whole of a ratio has fewer labels than the part, and
// none that where asks for.
func TestAPartByMoreLabels(t *testing.T) {
	model := []rollup.Label{{Name: "provider", Value: "openai"}, {Name: "model", Value: "gpt"}}
	refused := append(model[:2:2], rollup.Label{Name: "class", Value: "rate_limit"})
	all := rollup.Partial{Count: 200}
	got := fired(t, rates{
		{Metric{"model", "span_duration"}, model, all, all}, {Metric{"model_error", "span_errors"}, refused, rollup.Partial{Count: 40}, rollup.Partial{Count: 40}},
	})
	if len(got) != 1 || got[0].Rule != "rate_limited" || got[0].Summary != "openai refused 20 % of 200 calls of gpt because there were too many" {
		t.Errorf("%+v", got)
	}
}
