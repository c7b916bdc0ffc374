package live

import (
	"slices"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/spanmill/spanmill/internal/query"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

var (
	assessmentLabels = []string{"assessment", "source"}
	nameLabel        = []string{"assessment"}
	experimentLabel  = []string{"experiment"}
)

// toldFamilies are what assessments and business events tell by themselves.
var toldFamilies = []family{
	{name: "spanmill_business_events_total", help: "Business events, each id once.", view: "event", metric: "events", labels: []string{"event"}},
	{name: "spanmill_business_users", help: "Different users of business events within five minutes.", shape: windowDistinct, view: "event", metric: "users", labels: []string{"event"}, scale: whole},
	{name: "spanmill_business_sessions", help: "Different sessions of business events within five minutes.", shape: windowDistinct, view: "event", metric: "sessions", labels: []string{"event"}, scale: whole},
	{name: "spanmill_goals_total", help: "Goals that were reached.", view: "goal", metric: "events", labels: []string{"goal"}},
	{name: "spanmill_goal_value", help: "What the goals of the last five minutes are worth.", shape: windowSum, view: "goal", metric: "event_value", labels: []string{"goal"}, scale: micro},
	{name: "spanmill_handoffs_total", help: "Times that a person took over.", view: "handoff", metric: "events", labels: []string{"to", "reason"}},
	{name: "spanmill_session_outcomes_total", help: "How sessions ended.", view: "outcome", metric: "events", labels: []string{"outcome"}},
	{name: "spanmill_tickets_total", help: "Tickets that were opened or closed.", view: "ticket", metric: "events", labels: []string{"state"}},
	{name: "spanmill_tasks_total", help: "Tasks that were started, completed, failed or abandoned.", view: "task", metric: "events", labels: []string{"task", "state"}},
	{name: "spanmill_feature_uses_total", help: "Uses of features.", view: "feature", metric: "events", labels: []string{"feature"}},
	{name: "spanmill_score_mean", help: "Mean score of assessments.", shape: windowStat, view: "assessment", metric: "score", labels: assessmentLabels, stat: query.Mean, scale: micro},
	{name: "spanmill_score_mean_n", help: "Assessments that spanmill_score_mean is of.", shape: windowStat, view: "assessment", metric: "score", labels: assessmentLabels, stat: query.Count, scale: whole},
	{name: "spanmill_csat_mean", help: "Mean satisfaction, from 1 to 5.", shape: windowStat, view: "feedback", metric: "csat", labels: experimentLabel, stat: query.Mean, scale: micro},
	{name: "spanmill_csat_mean_n", help: "Answers that spanmill_csat_mean is of.", shape: windowStat, view: "feedback", metric: "csat", labels: experimentLabel, stat: query.Count, scale: whole},
	{name: "spanmill_nps", help: "Net promoter score, from -100 to 100.", shape: windowStat, view: "feedback", metric: "nps", labels: experimentLabel, stat: query.Mean, scale: hundred},
	{name: "spanmill_nps_n", help: "Answers that spanmill_nps is of.", shape: windowStat, view: "feedback", metric: "nps", labels: experimentLabel, stat: query.Count, scale: whole},
}

const hundred = 100

// shareNames are the metrics that are shares, as Prometheus calls them.
var shareNames = []family{
	{name: "spanmill_pass_rate", help: "Assessments that passed, of those that pass or fail", view: "assessment", metric: "passed", labels: assessmentLabels},
	{name: "spanmill_assessment_error_rate", help: "Assessments whose judge gave no value", view: "assessment", metric: "assessment_errors", labels: assessmentLabels},
	{name: "spanmill_judge_human_agreement", help: "Traces where people and judges agree, of those that both assessed", view: "agreement", metric: "agreement", labels: nameLabel},
	{name: "spanmill_safety_violation_rate", help: "Verdicts of safety scorers that found something unsafe", view: "safety", metric: "safety_violation", labels: nameLabel},
	{name: "spanmill_pii_rate", help: "Verdicts about personal data that found some", view: "safety", metric: "pii_found", labels: nameLabel},
	{name: "spanmill_thumbs_up_rate", help: "Thumbs that point up", view: "feedback", metric: "thumbs_up", labels: experimentLabel},
	{name: "spanmill_csat_satisfied_rate", help: "Answers about satisfaction that are 4 or 5", view: "feedback", metric: "csat_satisfied", labels: experimentLabel},
	{name: "spanmill_task_success_rate", help: "Tasks that completed, of those that ended", view: "task_end", metric: "task_success", labels: []string{"task"}},
}

// exposedRates are the rates that Prometheus cannot make of counters itself, and
// what it calls their labels.
var exposedRates = map[string][]string{
	"category_share": {"assessment", "source", "label"}, "coverage": nameLabel, "thumbs_rate": experimentLabel, "feature_adoption": {"feature"}, "task_completion_rate": {"task"},
}

// statNames are what of a rate is told: never itself alone.
var statNames = []struct {
	stat      query.Stat
	end, what string
}{
	{query.Mean, "", "."},
	{query.Count, "_n", ": how many it is of."},
	{query.Low, "_low", ": least that it may be, with a confidence of 95 %."},
	{query.High, "_high", ": most that it may be, likewise."},
}

// rateFamilies are four gauges for each share and rate.
func rateFamilies() (out []family) {
	all := slices.Clip(shareNames)
	for i := range rollup.Rates {
		r := &rollup.Rates[i]
		if labels, exposed := exposedRates[r.Name]; exposed {
			all = append(all, family{name: "spanmill_" + r.Name, help: r.Help[:len(r.Help)-1], view: r.Of.View, metric: r.Of.Name, labels: labels, rate: r})
		}
	}
	for _, f := range all {
		f.shape, f.scale = windowStat, whole
		if f.rate != nil {
			f.shape = windowRate
		}
		name, help := f.name, f.help
		for _, s := range statNames {
			f.name, f.help, f.stat = name+s.end, help+s.what, s.stat
			out = append(out, f)
		}
		if f.rate != nil && f.rate.Sampled {
			f.name, f.help, f.stat = name+"_sample_rate", help+": part of the whole that came, where senders sample.", query.SampleRate
			out = append(out, f)
		}
	}
	return out
}

// figureNames are what of each figure is told, as Prometheus calls it.
var figureNames = map[string][]struct {
	stat      query.Stat
	end, what string
}{
	rollup.JudgeHumanKappa: {
		{query.Mean, "", "."},
		{query.Count, "_n", ": how many traces it is of."},
		{query.Low, "_low", ": least that it may be, with a confidence of 95 %."},
		{query.High, "_high", ": most that it may be, likewise."},
	},
	rollup.ScoreDrift: {
		{query.Mean, "", "."},
		{query.Count, "_n", ": how many scores there are now."},
		{statBefore, "_n_before", ": how many there were a week before."},
		{query.Low, "_low", ": least that it may be, with a confidence of 95 %."},
		{query.High, "_high", ": most that it may be, likewise."},
		{statPSI, "_psi", ": population stability index; 0.1 is a little, 0.25 much."},
	},
}

// figureLabels are what Prometheus calls their labels.
var figureLabels = map[string][]string{rollup.JudgeHumanKappa: nameLabel, rollup.ScoreDrift: assessmentLabels}

// figureFamilies are some gauges for each figure.
func figureFamilies() (out []family) {
	for i := range rollup.Figures {
		r := &rollup.Figures[i]
		for _, s := range figureNames[r.Name] {
			out = append(out, family{
				name: "spanmill_" + r.Name + s.end, help: r.Help[:len(r.Help)-1] + s.what, shape: windowFigure,
				view: r.Of.View, metric: r.Of.Name, labels: figureLabels[r.Name], scale: whole, stat: s.stat, figure: r,
			})
		}
	}
	return out
}

// statWindows are what statistics are of, and the label that says so.
var statWindows = []struct {
	name  string
	width time.Duration
}{{"1h", time.Hour}, {"24h", 24 * time.Hour}}

// statistics are the gauges of a statistic of the last hour and the last day.
func (e *exposition) statistics(f *family) (out []*dto.Metric) {
	for _, w := range statWindows {
		labelled := *f
		labelled.more = rollup.Label{Name: "window", Value: w.name}
		for _, x := range e.windowOf(f, w.width) {
			if v, ok := x.value(f.stat); ok {
				out = append(out, &dto.Metric{Label: labelled.pairs(x.labels), Gauge: &dto.Gauge{Value: new(v * f.scale)}})
			}
		}
	}
	return out
}

// asked is what several gauges tell a statistic each of.
type asked struct {
	view, metric string
	rate         *rollup.Rate
	figure       *rollup.Figure
	width        time.Duration
}

// answered is one series of that, in one window.
type answered struct {
	labels []rollup.Label
	value  func(query.Stat) (float64, bool)
}

// windowOf asks for the window that ends with the open pane; what was asked for
// before is not asked again.
func (e *exposition) windowOf(f *family, width time.Duration) (out []answered) {
	key := asked{f.view, f.metric, f.rate, f.figure, width}
	if known, there := e.asked[key]; there {
		return known
	}
	defer func() { e.asked[key] = out }()
	q := query.Metric{View: f.view, Name: f.metric, To: e.now.Add(time.Duration(widths[0]) * time.Second), Window: width}
	if f.figure != nil {
		return e.figures(f.figure, q)
	}
	if f.rate != nil {
		list, err := e.s.Rate(e.tenant, f.rate, q)
		if err != nil {
			return nil // it is never too much to ask for
		}
		for _, x := range list {
			last := x.Points[len(x.Points)-1]
			out = append(out, answered{x.Labels, last.stat})
		}
		return out
	}
	list, err := e.s.Query(e.tenant, q)
	if err != nil {
		return nil // as above
	}
	for _, x := range list {
		last := x.Points[len(x.Points)-1]
		out = append(out, answered{x.Labels, func(s query.Stat) (float64, bool) { return last.Value(s, 0) }})
	}
	return out
}

// stat is what a gauge tells of a share; false: it is not known.
func (x Share) stat(s query.Stat) (float64, bool) {
	switch s {
	case query.Count:
		return x.N, true
	case query.Low:
		return x.Low, true
	case query.High:
		return x.High, true
	case query.SampleRate:
		return x.SampleRate, x.SampleRate > 0
	default:
		return x.Value(), true
	}
}

// figures are those of a window. What it was a week before is left out where
// nobody can say: the server logs it.
func (e *exposition) figures(f *rollup.Figure, q query.Metric) (out []answered) {
	list, err := e.s.figure(e.tenant, f, q, e.past)
	if err != nil {
		return nil
	}
	for _, x := range list {
		values := x.points[len(x.points)-1].values
		out = append(out, answered{x.labels, func(s query.Stat) (float64, bool) {
			v, told := values[s]
			return v, told
		}})
	}
	return out
}
