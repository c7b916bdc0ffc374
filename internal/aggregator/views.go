package aggregator

import "github.com/spanmill/spanmill/pkg/schema/rollup"

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
)

// form is what of its observations a metric keeps.
type form uint8

const (
	counted  form = iota // how many
	added                // and what they add up to
	bounded              // and the least and the greatest
	measured             // and how they are distributed
	distinct             // how many different values
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
	choices // once for each finish reason of a model call
)

var usage = setOf(inputTokens, outputTokens, totalTokens, cacheReadTokens, cacheWriteTokens, reasoningTokens, cost, unpricedCalls)

// overview is what can be asked of anything that whole traces belong to.
var overview = usage | setOf(traceLatency, traceErrors, spanCount, spanErrors, users, sessions, lateSpans, misdatedSpans)

// timing is what can be asked of any kind of work.
var timing = setOf(spanDuration, spanErrors)

// views are all of them. A name never changes its meaning.
var views = []view{
	{"tenant", allSpans, nil, overview},
	{"service", allSpans, []dim{dimService}, overview},
	{"experiment", allSpans, []dim{dimExperiment}, overview},
	{"kind", allSpans, []dim{dimService, dimKind}, timing | setOf(selfTime)},
	{"component", allSpans, []dim{dimService, dimKind, dimName}, timing | setOf(selfTime)},
	{"model", modelCalls, []dim{dimProvider, dimModel}, timing | usage | setOf(firstToken, outputRate, retries)},
	{"tool", toolCalls, []dim{dimTool}, timing},
	{"error", failedSpans, []dim{dimService, dimKind, dimClass}, setOf(spanErrors)},
	{"model_error", failedModelCalls, []dim{dimProvider, dimModel, dimClass}, setOf(spanErrors)},
	{"finish", choices, []dim{dimProvider, dimModel, dimReason}, setOf(finished)},
	{"dependency", dependencyCalls, []dim{dimDependency}, timing},
}

// Places of the views whose series outlive a span's own contributions.
const (
	viewKind      = 3
	viewComponent = 4
	viewModel     = 5
)

// otherLabel stands for every value of a series that was not admitted.
const otherLabel = "__other__"

// add puts an observation into a partial as the metric keeps it.
func (m metric) add(p *rollup.Partial, o rollup.Observation) {
	switch definitions[m].form {
	case counted, added:
		p.Add(o)
	case bounded:
		p.Observe(o)
	case measured:
		p.Measure(o)
	case distinct:
	}
}
