package live

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spanmill/spanmill/internal/query"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// labelPrefix begins the parameters that filter: label.service=checkout.
const labelPrefix = "label."

// defaultWindow is that of a question that names none.
const defaultWindow = 5 * time.Minute

// question is a request for a metric, and which statistics of it are told.
type question struct {
	query.Metric

	stats []stat
	scale float64
	unit  string
	// rate or figure, if not nil, is asked for instead of a metric.
	rate   *rollup.Rate
	figure *rollup.Figure
}

// stat is a statistic as the request names it: p95 is a quantile.
type stat struct {
	name     string
	of       query.Stat
	quantile float64
}

// Answer is the body of an answer.
type Answer struct {
	View   string `json:"view"`
	Metric string `json:"metric"`
	Unit   string `json:"unit"`
	// Complete is false while history is still being read after a start.
	Complete bool           `json:"complete"`
	Series   []AnswerSeries `json:"series"`
}

// AnswerSeries is one series of an answer.
type AnswerSeries struct {
	Labels map[string]string `json:"labels"`
	Points []AnswerPoint     `json:"points"`
}

// AnswerPoint is what was in [From, To), Unix seconds. A statistic that there is
// none of, such as the mean of nothing, is left out.
type AnswerPoint struct {
	From   int64              `json:"from"`
	To     int64              `json:"to"`
	Values map[string]float64 `json:"values"`
}

// query answers one question.
func (s *Server) query(w http.ResponseWriter, r *http.Request, tenant string) {
	q, err := parseQuestion(r.URL.Query(), s.store.cfg.Own, time.Now())
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	if !enter(w, s.answers) {
		return
	}
	defer func() { <-s.answers }()
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout))
	body, err := s.ask(r.Context(), tenant, q)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error()) // whatever the store refuses is the question's fault
		return
	}
	reply(w, http.StatusOK, body)
}

func (s *Server) ask(ctx context.Context, tenant string, q *question) (*Answer, error) {
	switch {
	case q.rate != nil:
		return s.askRate(tenant, q)
	case q.figure != nil:
		return s.askFigure(ctx, tenant, q)
	}
	list, err := s.find(ctx, tenant, q.Metric)
	if err != nil {
		return nil, err
	}
	out := &Answer{View: q.View, Metric: q.Name, Unit: q.unit, Complete: s.follower.Complete(), Series: []AnswerSeries{}}
	for i := range list {
		x := AnswerSeries{Labels: textsOf(list[i].Labels)}
		for j := range list[i].Points {
			p := &list[i].Points[j]
			x.Points = append(x.Points, AnswerPoint{p.From, p.To, q.values(p)})
		}
		out.Series = append(out.Series, x)
	}
	return out, nil
}

// askRate answers with shares, each with how many it is of.
func (s *Server) askRate(tenant string, q *question) (*Answer, error) {
	list, err := s.store.Rate(tenant, q.rate, q.Metric)
	if err != nil {
		return nil, err
	}
	out := &Answer{View: q.rate.Of.View, Metric: q.rate.Name, Unit: "share", Complete: s.follower.Complete(), Series: []AnswerSeries{}}
	for i := range list {
		x := AnswerSeries{Labels: textsOf(list[i].Labels)}
		for _, p := range list[i].Points {
			values := map[string]float64{"count": p.N, "sum": p.Part, "mean": p.Value(), "low": p.Low, "high": p.High}
			if q.rate.Sampled && p.SampleRate > 0 {
				values["sample_rate"] = p.SampleRate
			}
			x.Points = append(x.Points, AnswerPoint{p.From, p.To, values})
		}
		out.Series = append(out.Series, x)
	}
	return out, nil
}

func textsOf(labels []rollup.Label) map[string]string {
	out := make(map[string]string, len(labels))
	for _, l := range labels {
		out[l.Name] = l.Value
	}
	return out
}

// values are the statistics of a point, in the answer's unit.
func (q *question) values(p *query.Point) map[string]float64 {
	out := make(map[string]float64, len(q.stats))
	for _, st := range q.stats {
		v, ok := p.Value(st.of, st.quantile)
		if !ok || math.IsNaN(v) || math.IsInf(v, 0) {
			continue
		}
		switch st.of {
		case query.Sum, query.SumRate, query.Mean, query.Min, query.Max, query.Quantile, query.Estimated:
			v *= q.scale
		case query.Count, query.Rate, query.Distinct, query.EstimatedCount, query.Low, query.High, query.SampleRate:
		}
		out[st.name] = v
	}
	return out
}

// list tells which metrics there are.
func (s *Server) list(w http.ResponseWriter, _ *http.Request, _ string) {
	own := s.store.cfg.Own
	reply(w, http.StatusOK, map[string]any{
		"metrics": slices.Concat(rollup.Definitions, rollup.Scheduled, own.Metrics),
		"views":   slices.Concat(rollup.Views, rollup.ScheduledViews, own.Views), "rates": rollup.Rates, "figures": rollup.Figures, "stats": query.Stats,
	})
}

// parseQuestion reads a request's parameters. now ends the window that names no
// end: with the pane that is open.
func parseQuestion(v url.Values, own rollup.Catalogue, now time.Time) (*question, error) {
	q := &question{Metric: query.Metric{View: cmp.Or(v.Get("view"), "tenant"), Name: v.Get("metric"), Window: defaultWindow}}
	if q.Name == "" {
		return nil, errors.New("metric: which one? /api/v1/metrics lists them")
	}
	open := time.Unix((now.Unix()/widths[0]+1)*widths[0], 0)
	var err error
	if q.To, err = instant(v, "to", open); err != nil {
		return nil, err
	}
	if q.From, err = instant(v, "from", time.Time{}); err != nil {
		return nil, err
	}
	usual := defaultWindow
	if i := slices.IndexFunc(rollup.Figures, func(f rollup.Figure) bool { return f.Name == q.Name }); i >= 0 {
		q.figure, usual = &rollup.Figures[i], scheduledWindow
	}
	if rollup.IsScheduled(q.View) {
		usual = scheduledWindow
	}
	if q.Window, err = length(v, "window", usual); err != nil {
		return nil, err
	}
	if q.Step, err = length(v, "step", 0); err != nil {
		return nil, err
	}
	if text := v.Get("eval"); text != "" {
		if q.Eval, err = strconv.ParseBool(text); err != nil {
			return nil, fmt.Errorf("eval=%s: want true or false", text)
		}
	}
	if list, asked := v["by"]; asked {
		q.By = slices.DeleteFunc(slices.Clone(list), func(name string) bool { return name == "" })
	}
	q.Labels = make(map[string]string)
	for key := range v {
		if name, ok := strings.CutPrefix(key, labelPrefix); ok {
			q.Labels[name] = v.Get(key)
		}
	}
	if q.rate, err = rateOf(v, q); err != nil {
		return nil, err
	}
	d := own.Definition(q.Name)
	q.unit, q.scale = d.Unit, d.Scale
	if err := q.readStats(v["stat"], d); err != nil {
		return nil, err
	}
	return q, nil
}

// rateOf is the rate that is asked for: a shipped one by its name, or the metric
// over another; nil: none is.
func rateOf(v url.Values, q *question) (*rollup.Rate, error) {
	if text := v.Get("over"); text != "" {
		view, name, found := strings.Cut(text, ".")
		if !found {
			return nil, fmt.Errorf("over=%s: want a metric of a view, such as tenant.trace_latency", text)
		}
		of := rollup.MetricName{View: q.View, Name: q.Name}
		return &rollup.Rate{Name: q.Name, Of: of, Over: rollup.MetricName{View: view, Name: name}}, nil
	}
	i := slices.IndexFunc(rollup.Rates, func(r rollup.Rate) bool { return r.Name == q.Name })
	if i < 0 {
		return nil, nil
	}
	return &rollup.Rates[i], nil
}

func (q *question) readStats(names []string, d rollup.Definition) error {
	if len(names) == 0 {
		names = usualStats[cmp.Or(d.Form, rollup.Measured)] // whatever there is
		if d.IsRate() {
			names = usualStats[rollup.Share]
		}
	}
	if d.IsRate() && !slices.Contains(names, string(query.Count)) {
		names = append([]string{string(query.Count)}, names...) // a share of how many?
	}
	for _, name := range names {
		st := stat{name: name, of: query.Stat(name)}
		if percent, ok := strings.CutPrefix(name, "p"); ok {
			v, err := strconv.ParseFloat(percent, 64)
			if err != nil || !(v > 0 && v <= 100) {
				return fmt.Errorf("stat=%s: want p50, p99.9 or the like", name)
			}
			st.of, st.quantile = query.Quantile, v/100
		} else if !slices.Contains(query.Stats, st.of) || st.of == query.Quantile {
			return fmt.Errorf("stat=%s: want a quantile such as p95, or one of %v", name, query.Stats)
		}
		q.stats = append(q.stats, st)
	}
	return nil
}

// usualStats are told when none is asked for.
var usualStats = map[rollup.Form][]string{
	rollup.Counted:   {"count", "rate"},
	rollup.Added:     {"count", "sum", "mean"},
	rollup.Bounded:   {"count", "sum", "sum_rate", "mean", "min", "max"},
	rollup.Measured:  {"count", "rate", "mean", "min", "max", "p50", "p90", "p95", "p99"},
	rollup.Different: {"distinct"},
	rollup.Graded:    {"count", "rate", "mean", "p50", "p90", "p95", "p99"},
	rollup.Share:     {"count", "sum", "mean", "low", "high"},
	rollup.Stated:    {"count", "sum", "mean"},
}

// instant reads RFC 3339 or Unix seconds.
func instant(v url.Values, name string, otherwise time.Time) (time.Time, error) {
	text := v.Get(name)
	if text == "" {
		return otherwise, nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 0 && n <= math.MaxUint32 {
		return time.Unix(n, 0), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil || at.Year() < 1970 || at.Year() > 2100 {
		return at, fmt.Errorf("%s=%s: want Unix seconds or 2006-01-02T15:04:05Z", name, text)
	}
	return at, nil
}

// length reads a duration such as 5m or 24h.
func length(v url.Values, name string, otherwise time.Duration) (time.Duration, error) {
	text := v.Get(name)
	if text == "" {
		return otherwise, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%s=%s: want 10s, 5m, 24h or the like", name, text)
	}
	return d, nil
}
