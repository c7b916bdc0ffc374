package live

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spanmill/spanmill/internal/query"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// week is how far back a drift looks.
const week = 7 * 24 * time.Hour

// figure is what is told of one of a figure's series.
type figure struct {
	labels []rollup.Label
	points []figurePoint
}

// figurePoint is a figure in a window: how many observations it is of, always,
// and the rest where those are enough.
type figurePoint struct {
	window

	values map[query.Stat]float64
}

// Statistics that figures have beside query's. Mean is the figure itself.
const (
	statBefore     query.Stat = "count_before"
	statNow        query.Stat = "mean_now"
	statThen       query.Stat = "mean_before"
	statPSI        query.Stat = "psi"
	statAgreement  query.Stat = "agreement"
	statExpectance query.Stat = "by_chance"
)

// past answers what was, in a window that is no longer kept here.
type past func(query.Metric) ([]query.Series, error)

// pastOf asks the tables; nil: there are none.
func (s *Server) pastOf(ctx context.Context, tenant string) past {
	if s.cfg.Tables == nil {
		return nil
	}
	return func(m query.Metric) ([]query.Series, error) {
		list, err := s.cfg.Tables.Metric(ctx, tenant, m)
		if err != nil {
			s.log.WarnContext(ctx, "a figure is not told: what it was a week before is not known", "metric", m.Name, "err", err)
		}
		return list, err
	}
}

// figure answers a figure, series by series; q says when, and which labels.
func (s *Store) figure(tenant string, f *rollup.Figure, q query.Metric, before past) ([]figure, error) {
	q.View, q.Name = f.Of.View, f.Of.Name
	if f.Name == rollup.JudgeHumanKappa {
		return s.kappas(tenant, q)
	}
	return s.drifts(tenant, q, before)
}

// kappas are of verdicts, told apart by what is not a verdict.
func (s *Store) kappas(tenant string, q query.Metric) (out []figure, err error) {
	by := q.By
	if by == nil {
		by = labelsOf(q.View)
	}
	by = slices.DeleteFunc(slices.Clone(by), func(name string) bool { return name == rollup.LabelHuman || name == rollup.LabelJudge })
	q.By = append(slices.Clone(by), rollup.LabelHuman, rollup.LabelJudge)
	pairs, err := s.Query(tenant, q)
	if err != nil {
		return nil, err
	}
	at := make(map[string]int) // in out, and in sums
	var sums []map[window]*rollup.Verdicts
	for i := range pairs {
		x := &pairs[i]
		key := keyBy(x, by)
		n, known := at[key]
		if !known {
			n = len(out)
			at[key] = n
			out, sums = append(out, figure{labels: x.Labels[:len(by)]}), append(sums, make(map[window]*rollup.Verdicts))
		}
		for _, p := range x.Points {
			w := window{p.From, p.To}
			if sums[n][w] == nil {
				sums[n][w] = &rollup.Verdicts{}
			}
			sums[n][w].Add(x.Label(rollup.LabelHuman), x.Label(rollup.LabelJudge), p.Count)
		}
	}
	for n := range out {
		for w, v := range sums[n] {
			out[n].points = append(out[n].points, figurePoint{w, kappaValues(v)})
		}
		slices.SortFunc(out[n].points, func(a, b figurePoint) int { return cmp.Compare(a.to, b.to) })
	}
	return out, nil
}

func kappaValues(v *rollup.Verdicts) map[query.Stat]float64 {
	out := map[query.Stat]float64{query.Count: float64(v.N())}
	if kappa, low, high, told := v.Kappa(); told {
		out[query.Mean], out[query.Low], out[query.High] = kappa, low, high
		out[statAgreement], out[statExpectance] = float64(v.Agreed())/float64(v.N()), v.ByChance()
	}
	return out
}

// drifts compare a window with the same one a week before.
func (s *Store) drifts(tenant string, q query.Metric, before past) (out []figure, err error) {
	switch {
	case before == nil:
		return nil, errNoTables
	case !q.From.IsZero() && !q.From.Equal(q.To):
		return nil, fmt.Errorf("%w: a drift is of one window: leave from out", query.ErrMetric)
	case q.By == nil:
		q.By = labelsOf(q.View)
	}
	now, err := s.Query(tenant, q)
	if err != nil {
		return nil, err
	}
	to, from := q.To, q.To.Add(-q.Window)
	if len(now) > 0 { // where panes are wide, as they lie
		from, to = time.Unix(now[0].Points[0].From, 0), time.Unix(now[0].Points[0].To, 0)
	}
	q.To, q.Window = to.Add(-week), to.Sub(from)
	then, err := before(q)
	if err != nil {
		return nil, fmt.Errorf("ask what it was a week before: %w", err)
	}
	known := make(map[string]*rollup.Partial, len(then))
	for i := range then {
		if len(then[i].Points) > 0 {
			known[keyBy(&then[i], q.By)] = &then[i].Points[0].Partial
		}
	}
	scale := rollup.DefinitionOf(q.Name).Scale
	tell := func(labels []rollup.Label, is, was *rollup.Partial) {
		point := figurePoint{window{from.Unix(), to.Unix()}, driftValues(rollup.DriftOf(is, was), scale)}
		out = append(out, figure{labels, []figurePoint{point}})
	}
	for i := range now {
		key, was := keyBy(&now[i], q.By), &rollup.Partial{}
		if known[key] != nil {
			was = known[key]
			delete(known, key)
		}
		tell(now[i].Labels, &now[i].Points[0].Partial, was)
	}
	for i := range then { // what was and is no more
		if was := known[keyBy(&then[i], q.By)]; was != nil {
			tell(then[i].Labels, &rollup.Partial{}, was)
		}
	}
	return out, nil
}

func driftValues(d rollup.Drift, scale float64) map[query.Stat]float64 {
	out := map[query.Stat]float64{query.Count: float64(d.N), statBefore: float64(d.Before)}
	if d.Told {
		out[query.Mean], out[query.Low], out[query.High] = d.Difference*scale, d.Low*scale, d.High*scale
		out[statNow], out[statThen] = d.Mean*scale, d.MeanBefore*scale
	}
	if d.PSITold {
		out[statPSI] = d.PSI
	}
	return out
}

// askFigure answers with a figure, each with how many observations it is of.
func (s *Server) askFigure(ctx context.Context, tenant string, q *question) (*Answer, error) {
	list, err := s.store.figure(tenant, q.figure, q.Metric, s.pastOf(ctx, tenant))
	if err != nil {
		return nil, err
	}
	out := &Answer{View: q.figure.Of.View, Metric: q.figure.Name, Unit: q.figure.Unit, Complete: s.follower.Complete(), Series: []AnswerSeries{}}
	for _, x := range list {
		series := AnswerSeries{Labels: textsOf(x.labels)}
		for _, p := range x.points {
			values := make(map[string]float64, len(p.values))
			for stat, v := range p.values {
				values[string(stat)] = v
			}
			series.Points = append(series.Points, AnswerPoint{p.from, p.to, values})
		}
		out.Series = append(out.Series, series)
	}
	return out, nil
}
