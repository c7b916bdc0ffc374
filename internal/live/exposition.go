package live

import (
	"cmp"
	"slices"
	"time"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/spanmill/spanmill/internal/query"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// gaugeWindow is what gauges look back over.
const gaugeWindow = 5 * time.Minute

// omittedName is the gauge that says what an exposition leaves out.
const omittedName = "spanmill_exposition_omitted_series"

// exposition is what Prometheus is told of one tenant at one moment. Counters
// begin with the process; a series that nothing was added to for a while is left
// out, which ends it there.
type exposition struct {
	s       *Store
	tenant  string
	now     time.Time
	room    int // for series
	omitted int
	asked   map[asked][]answered
	past    past // nil: what it was a week before is not known
}

// Exposing is what an exposition has beside the metrics.
type Exposing struct {
	// Legacy are their names of before 2026 as well.
	Legacy bool

	past past
}

// Families gives a tenant's metrics as Prometheus has them.
func (s *Store) Families(tenant string, now time.Time, with Exposing) []*dto.MetricFamily {
	e := exposition{s: s, tenant: tenant, now: now, room: s.cfg.MaxExposed, asked: make(map[asked][]answered), past: with.past}
	var out []*dto.MetricFamily
	byName := make(map[string]*dto.MetricFamily)
	for _, f := range s.families {
		if f.legacy && !with.Legacy {
			continue
		}
		metrics := e.metrics(f)
		if len(metrics) == 0 {
			continue
		}
		if mf := byName[f.name]; mf != nil {
			mf.Metric = append(mf.Metric, metrics...)
			continue
		}
		mf := &dto.MetricFamily{Name: &f.name, Help: &f.help, Type: f.shape.kind().Enum(), Metric: metrics}
		byName[f.name] = mf
		out = append(out, mf)
	}
	out = append(out, &dto.MetricFamily{
		Name: new(omittedName), Help: new("Series that there was no room for: more than --live-exposed."),
		Type: dto.MetricType_GAUGE.Enum(), Metric: []*dto.Metric{{Gauge: &dto.Gauge{Value: new(float64(e.omitted))}}},
	})
	slices.SortFunc(out, func(a, b *dto.MetricFamily) int { return cmp.Compare(a.GetName(), b.GetName()) })
	return out
}

func (s shape) kind() dto.MetricType {
	switch s {
	case distribution:
		return dto.MetricType_HISTOGRAM
	case windowSum, windowMean, windowDistinct, windowStat, windowRate, windowFigure:
		return dto.MetricType_GAUGE
	case countTotal, sumTotal:
	}
	return dto.MetricType_COUNTER
}

// metrics gives a family's series, in order of their labels, as many as there is
// room for.
func (e *exposition) metrics(f *family) (out []*dto.Metric) {
	switch f.shape {
	case windowSum, windowMean, windowDistinct:
		out = e.window(f)
	case windowStat, windowRate, windowFigure:
		out = e.statistics(f)
	case countTotal, sumTotal, distribution:
		out = e.totals(f)
	}
	slices.SortFunc(out, func(a, b *dto.Metric) int {
		return slices.CompareFunc(a.GetLabel(), b.GetLabel(), func(x, y *dto.LabelPair) int { return cmp.Compare(x.GetValue(), y.GetValue()) })
	})
	if left := len(out) - e.room; left > 0 {
		e.omitted += left
		out = out[:e.room]
	}
	e.room -= len(out)
	return out
}

// totals are the counters and histograms.
func (e *exposition) totals(f *family) (out []*dto.Metric) {
	alive := e.now.Add(-e.s.cfg.Idle).Unix()
	e.s.each(e.tenant, func(x *series) {
		if x.View != f.view || x.Eval || x.latest < alive || !f.means(x.Labels) {
			return
		}
		number, known := e.s.metrics.numbers[f.metric]
		if p, ok := x.total(number); known && ok {
			m := &dto.Metric{Label: f.pairs(x.Labels)}
			f.tell(m, &p, e.s.began)
			out = append(out, m)
		}
	})
	return out
}

// window are the gauges.
func (e *exposition) window(f *family) (out []*dto.Metric) {
	answer, err := e.s.Query(e.tenant, query.Metric{View: f.view, Name: f.metric, To: e.now.Add(time.Duration(widths[0]) * time.Second), Window: gaugeWindow})
	if err != nil {
		return nil // it is never too much to ask for
	}
	for i := range answer {
		p := &answer[i].Points[0]
		v := float64(p.Sum) * f.scale
		switch {
		case f.shape == windowDistinct:
			v = p.Distinct.Estimate()
		case f.shape == windowMean && p.Count <= 0:
			continue
		case f.shape == windowMean:
			v /= float64(p.Count)
		}
		out = append(out, &dto.Metric{Label: f.pairs(answer[i].Labels), Gauge: &dto.Gauge{Value: &v}})
	}
	return out
}

// each shows visit the tenant's series, some at a time.
func (s *Store) each(tenant string, visit func(*series)) {
	s.mu.RLock()
	var list []*series
	if t := s.tenants[tenant]; t != nil {
		list = slices.Clone(t.list)
	}
	s.mu.RUnlock()
	for chunk := range slices.Chunk(list, foldAtOnce) {
		s.mu.RLock()
		for _, x := range chunk {
			visit(x)
		}
		s.mu.RUnlock()
	}
}

// means reports whether a series of the view is the family's.
func (f *family) means(labels []rollup.Label) bool {
	return f.only == "" || slices.ContainsFunc(labels, func(l rollup.Label) bool { return l.Name == "kind" && l.Value == f.only })
}

// pairs are a series' labels in the family's names, those it names "" left out.
func (f *family) pairs(labels []rollup.Label) (out []*dto.LabelPair) {
	for i, name := range f.labels {
		if name != "" && i < len(labels) {
			out = append(out, &dto.LabelPair{Name: new(name), Value: new(labels[i].Value)})
		}
	}
	if f.more.Name != "" {
		out = append(out, &dto.LabelPair{Name: new(f.more.Name), Value: new(f.more.Value)})
	}
	slices.SortFunc(out, func(a, b *dto.LabelPair) int { return cmp.Compare(a.GetName(), b.GetName()) })
	return out
}

// tell writes what a series adds up to since the process began.
func (f *family) tell(m *dto.Metric, p *rollup.Partial, began time.Time) {
	created := timestamppb.New(began)
	switch f.shape {
	case countTotal:
		m.Counter = &dto.Counter{Value: new(float64(p.Count)), CreatedTimestamp: created}
	case sumTotal:
		m.Counter = &dto.Counter{Value: new(float64(p.Sum) * f.scale), CreatedTimestamp: created}
	case distribution:
		m.Histogram = f.histogram(p)
		m.Histogram.CreatedTimestamp = created
	case windowSum, windowMean, windowDistinct, windowStat, windowRate, windowFigure:
	}
}
