package live

import (
	"context"
	"fmt"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/spanmill/spanmill/internal/query"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// Tables have the metrics that are made by SQL on a schedule, and those of before
// what is kept here.
type Tables interface {
	Scheduled(ctx context.Context, tenant string, m query.Metric) ([]query.Series, error)
	// ScheduledNow gives all of them as of an instant.
	ScheduledNow(ctx context.Context, tenant string, at time.Time) ([]query.Gauge, error)
	// Metric answers with one window, told apart by By.
	Metric(ctx context.Context, tenant string, m query.Metric) ([]query.Series, error)
}

// scheduledWindow is that of a question for such a metric that names none.
const scheduledWindow = 24 * time.Hour

// errNoTables is the answer where no ClickHouse is named.
var errNoTables = fmt.Errorf("%w: it is made by SQL on a schedule, and no ClickHouse is named here", query.ErrMetric)

// find answers from memory, or from the tables what is made on a schedule.
func (s *Server) find(ctx context.Context, tenant string, m query.Metric) ([]query.Series, error) {
	switch {
	case !s.IsScheduled(m.View):
		return s.store.Query(tenant, m)
	case s.cfg.Tables == nil:
		return nil, errNoTables
	}
	return s.cfg.Tables.Scheduled(ctx, tenant, m)
}

// IsScheduled reports whether a view's metrics are made on a schedule.
func (s *Server) IsScheduled(view string) bool {
	if rollup.IsScheduled(view) {
		return true
	}
	for _, d := range s.cfg.Custom {
		if d.Name == view {
			return true
		}
	}
	return false
}

// gauges are what Prometheus is told of metrics that are made on a schedule: of
// each what it is, and its n; of rates the interval as well.
func (s *Server) gauges(ctx context.Context, tenant string, now time.Time) ([]*dto.MetricFamily, error) {
	if s.cfg.Tables == nil {
		return nil, nil
	}
	list, err := s.cfg.Tables.ScheduledNow(ctx, tenant, now)
	if err != nil {
		return nil, err
	}
	var out []*dto.MetricFamily
	byName := make(map[string]*dto.MetricFamily)
	add := func(name, help string, g *query.Gauge, value float64) {
		f := byName[name]
		if f == nil {
			f = &dto.MetricFamily{Name: new(name), Help: new(help), Type: dto.MetricType_GAUGE.Enum()}
			byName[name] = f
			out = append(out, f)
		}
		m := &dto.Metric{Gauge: &dto.Gauge{Value: &value}}
		for _, l := range g.Labels {
			m.Label = append(m.Label, &dto.LabelPair{Name: new(l.Name), Value: new(l.Value)})
		}
		f.Metric = append(f.Metric, m)
	}
	for i := range list {
		g := &list[i]
		d := rollup.DefinitionOf(g.Name)
		name := "spanmill_" + g.View + "_" + g.Name
		if g.Count != 0 {
			add(name, d.Help+" Of the last 24 hours, or the newest day: "+d.Unit+".", g, float64(g.Sum)/float64(g.Count)*d.Scale)
		}
		if d.IsRate() && g.Count > 0 {
			low, high := rollup.Wilson(float64(g.Sum), float64(g.Count))
			add(name+"_low", "Least that "+name+" may be, with a confidence of 95 %.", g, low)
			add(name+"_high", "Most that "+name+" may be, likewise.", g, high)
		}
		add(name+"_observations", "What "+name+" is of: its n.", g, float64(g.Count))
	}
	return out, nil
}
