package aggregator

import (
	"slices"

	"github.com/spanmill/spanmill/internal/aggregator/custom"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// dim is a dimension that series may have.
type dim uint8

const (
	dimService dim = iota
	dimKind
	dimName
	dimProvider
	dimModel
	dimTool
	dimExperiment
	dimClass
	dimReason
	dimDependency
	dims
)

// dimNames are what the labels are called.
var dimNames = [dims]string{
	dimService: "service", dimKind: "kind", dimName: "name", dimProvider: "provider", dimModel: "model", dimTool: "tool",
	dimExperiment: "experiment", dimClass: "class", dimReason: "reason", dimDependency: "dependency",
}

// metric is something that a span may tell.
type metric uint8

// The metrics. A counter's count is what counts; every value is a whole number
// of its unit.
const (
	traceLatency metric = iota
	traceErrors
	spanCount
	spanDuration
	spanErrors
	selfTime
	firstToken
	outputRate
	inputTokens
	outputTokens
	totalTokens
	cacheReadTokens
	cacheWriteTokens
	reasoningTokens
	cost
	unpricedCalls
	retries
	finished
	users
	sessions
	lateSpans
	misdatedSpans
	metricCount

	// ownValue is the metric of a view that metrics.yaml defines: its name and form
	// are the view's.
	ownValue = metricCount
)

// form is what of its observations a metric keeps.
type form uint8

const (
	counted  form = iota // how many
	added                // and what they add up to
	bounded              // and the least and the greatest
	measured             // and how they are distributed
	distinct             // how many different values
	graded               // how many, what they add up to and how they are distributed: all that can be taken back
	shared               // how many, and how many of them are 1
)

// definition is what a metric is.
type definition struct {
	name string
	form form
	unit string
}

// definitions are what topic rollups calls the metrics; docs/metrics.md explains
// them.
var definitions = [metricCount]definition{
	traceLatency:     {"trace_latency", measured, "ns"},
	traceErrors:      {"trace_errors", counted, "traces"},
	spanCount:        {"spans", counted, "spans"},
	spanDuration:     {"span_duration", measured, "ns"},
	spanErrors:       {"span_errors", counted, "spans"},
	selfTime:         {"self_time", added, "ns"},
	firstToken:       {"time_to_first_token", measured, "ns"},
	outputRate:       {"output_tokens_per_second", measured, "1e-6 tokens/s"},
	inputTokens:      {"input_tokens", bounded, "tokens"},
	outputTokens:     {"output_tokens", bounded, "tokens"},
	totalTokens:      {"total_tokens", bounded, "tokens"},
	cacheReadTokens:  {"cache_read_tokens", bounded, "tokens"},
	cacheWriteTokens: {"cache_write_tokens", bounded, "tokens"},
	reasoningTokens:  {"reasoning_tokens", bounded, "tokens"},
	cost:             {"cost", bounded, "1e-9 US dollars"},
	unpricedCalls:    {"unpriced_calls", counted, "spans"},
	retries:          {"retries", counted, "spans"},
	finished:         {"finished", counted, "choices"},
	users:            {"users", distinct, "users"},
	sessions:         {"sessions", distinct, "sessions"},
	lateSpans:        {"late_spans", counted, "spans"},
	misdatedSpans:    {"misdated_spans", counted, "spans"},
}

// metricSet is a set of metrics.
type metricSet uint32

func setOf(ms ...metric) (s metricSet) {
	for _, m := range ms {
		s |= 1 << m
	}
	return s
}

// view says which series exist: one for each combination of its dimensions'
// values among the spans that it is of.
type view struct {
	name    string
	of      membership
	dims    []dim
	metrics metricSet

	// named and defined are the labels and metrics of a view of what is told beside
	// spans; nil: it is of spans.
	named   []string
	defined []definition

	own   *custom.View // nil: a shipped view
	value definition   // of ownValue
}

// ownView makes a view of what metrics.yaml defines.
func ownView(v *custom.View) view {
	out := view{name: v.Name, of: members[v.Of], own: v}
	for _, name := range v.Metrics {
		out.metrics |= 1 << metricOf(name)
	}
	if v.Kind != "" {
		out.metrics = setOf(ownValue)
		out.value = definition{v.Name, forms[v.Kind], "1e-6"}
	}
	return out
}

var forms = map[custom.Kind]form{custom.Counter: added, custom.Gauge: bounded, custom.Histogram: measured, custom.Distinct: distinct}

// definition is what a metric of the view is.
func (v *view) definition(m metric) *definition {
	if m == ownValue {
		return &v.value
	}
	if v.defined != nil {
		return &v.defined[m]
	}
	return &definitions[m]
}

// labels are what the labels of the view's series are called.
func (v *view) labels() []string {
	switch {
	case v.own != nil:
		return v.own.Labels
	case v.named != nil:
		return v.named
	}
	names := make([]string, len(v.dims))
	for i, d := range v.dims {
		names[i] = dimNames[d]
	}
	return names
}

// values are a span's labels, in the order of labels.
func (v *view) values(f *facts, to []string) []string {
	if v.own != nil || v.named != nil {
		return append(to, f.own...)
	}
	for _, d := range v.dims {
		to = append(to, f.labels[d])
	}
	return to
}

// membership says which spans a view is of.
type membership uint8

const (
	allSpans membership = iota
	modelCalls
	toolCalls
	failedSpans
	failedModelCalls
	dependencyCalls
	rootSpans
	choices // once for each finish reason of a model call
)

// members are the sets of spans that metrics.yaml may name.
var members = map[string]membership{
	"spans": allSpans, "traces": rootSpans, "model_calls": modelCalls, "tool_calls": toolCalls,
	"failed_spans": failedSpans, "failed_model_calls": failedModelCalls, "dependency_calls": dependencyCalls,
}

var usage = setOf(inputTokens, outputTokens, totalTokens, cacheReadTokens, cacheWriteTokens, reasoningTokens, cost, unpricedCalls)

// overview is what can be asked of anything that whole traces belong to.
var overview = usage | setOf(traceLatency, traceErrors, spanCount, spanErrors, users, sessions, lateSpans, misdatedSpans)

// timing is what can be asked of any kind of work.
var timing = setOf(spanDuration, spanErrors)

// views are the shipped ones. A name never changes its meaning.
var views = []view{
	{name: "tenant", of: allSpans, metrics: overview},
	{name: "service", of: allSpans, dims: []dim{dimService}, metrics: overview},
	{name: "experiment", of: allSpans, dims: []dim{dimExperiment}, metrics: overview},
	{name: "kind", of: allSpans, dims: []dim{dimService, dimKind}, metrics: timing | setOf(selfTime)},
	{name: "component", of: allSpans, dims: []dim{dimService, dimKind, dimName}, metrics: timing | setOf(selfTime)},
	{name: "model", of: modelCalls, dims: []dim{dimProvider, dimModel}, metrics: timing | usage | setOf(firstToken, outputRate, retries)},
	{name: "tool", of: toolCalls, dims: []dim{dimTool}, metrics: timing},
	{name: "error", of: failedSpans, dims: []dim{dimService, dimKind, dimClass}, metrics: setOf(spanErrors)},
	{name: "model_error", of: failedModelCalls, dims: []dim{dimProvider, dimModel, dimClass}, metrics: setOf(spanErrors)},
	{name: "finish", of: choices, dims: []dim{dimProvider, dimModel, dimReason}, metrics: setOf(finished)},
	{name: "dependency", of: dependencyCalls, dims: []dim{dimDependency}, metrics: timing},
}

// Places of the views whose series outlive a span's own contributions.
const (
	viewKind      = 3
	viewComponent = 4
	viewModel     = 5
)

// otherLabel stands for every value of a series that was not admitted.
const otherLabel = "__other__"

// shown are the metrics that a view of metrics.yaml may show: what one span tells
// by itself.
var shown = metricSet(1<<metricCount-1) &^ setOf(selfTime, retries, finished)

// Shipped is what metrics.yaml builds on.
func Shipped() custom.Shipped {
	s := custom.Shipped{Of: []string{"spans"}}
	for _, v := range slices.Concat(views, toldViews) {
		s.Views = append(s.Views, v.name)
	}
	for m := range metricCount {
		if shown&(1<<m) != 0 {
			s.Metrics = append(s.Metrics, definitions[m].name)
		}
	}
	for name := range members {
		if name != s.Of[0] {
			s.Of = append(s.Of, name)
		}
	}
	slices.Sort(s.Of[1:])
	return s
}

// metricOf finds a metric by its name.
func metricOf(name string) metric {
	return metric(slices.IndexFunc(definitions[:], func(d definition) bool { return d.name == name }))
}

// add puts an observation into a partial as its form keeps it.
func (k form) add(p *rollup.Partial, o rollup.Observation) {
	switch k {
	case counted, added, shared:
		p.Add(o)
	case graded:
		p.Grade(o)
	case bounded:
		p.Observe(o)
	case measured:
		p.Measure(o)
	case distinct:
	}
}
