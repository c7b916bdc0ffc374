package live

import (
	"slices"

	"github.com/spanmill/spanmill/internal/query"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// shape is how a metric is told to Prometheus.
type shape uint8

const (
	countTotal     shape = iota // a counter of observations
	sumTotal                    // a counter of what they add up to
	distribution                // a histogram
	windowSum                   // a gauge: what was added within the window, which may be taken back
	windowMean                  // a gauge: the mean within the window
	windowDistinct              // a gauge: how many different values there were within the window
	windowStat                  // a gauge: a statistic of the last hour and of the last day
	windowRate                  // a gauge: a statistic of a rate, likewise
	windowFigure                // a gauge: a statistic of a figure, likewise
)

// family is one metric as Prometheus sees it. It is made of one view, so that
// sums over its labels count nothing twice.
type family struct {
	name, help   string
	shape        shape
	view, metric string
	labels       []string // in the order of the view's dimensions
	scale        float64  // of a unit
	buckets      []float64
	only         string       // value of the view's dimension kind, "" for all
	more         rollup.Label // another label, if it has a name
	legacy       bool         // a name of before 2026
	stat         query.Stat   // of windowStat, windowRate and windowFigure
	rate         *rollup.Rate // of windowRate
	figure       *rollup.Figure
}

// Units, in those of the rollups.
const (
	seconds = 1e-9
	dollars = 1e-9
	whole   = 1
	micro   = 1e-6
)

// Buckets: those that OpenTelemetry's conventions advise.
var (
	callBuckets  = []float64{0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92}
	agentBuckets = []float64{0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 204.8, 409.6}
	chunkBuckets = []float64{0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}
	rateBuckets  = []float64{1, 2, 5, 10, 20, 30, 50, 75, 100, 150, 200, 300, 500, 1000}
)

var (
	modelLabels     = []string{"gen_ai_provider_name", "gen_ai_request_model"}
	serviceLabels   = []string{"service_name"}
	componentLabels = []string{"service_name", "kind", "name"}
)

// families are all of them, the most asked for first: where there is not room
// for all, the last ones are left out.
var families = slices.Concat(spanFamilies, toldFamilies, rateFamilies(), figureFamilies(), lastFamilies)

var spanFamilies = []family{
	{name: "spanmill_trace_duration_seconds", help: "End-to-end latency of traces: end minus start of their root spans.", shape: distribution, view: "service", metric: "trace_latency", labels: serviceLabels, scale: seconds, buckets: agentBuckets},
	{name: "spanmill_trace_errors_total", help: "Traces whose root span failed.", view: "service", metric: "trace_errors", labels: serviceLabels},
	{name: "spanmill_spans_total", help: "Spans.", view: "service", metric: "spans", labels: serviceLabels},
	{name: "spanmill_span_errors_total", help: "Spans that failed, by what went wrong.", view: "error", metric: "span_errors", labels: []string{"service_name", "kind", "class"}},
	{name: "spanmill_service_cost_dollars_total", help: "Cost of model calls, by service.", shape: sumTotal, view: "service", metric: "cost", labels: serviceLabels, scale: dollars},
	{name: "spanmill_experiment_cost_dollars_total", help: "Cost of model calls, by MLflow experiment.", shape: sumTotal, view: "experiment", metric: "cost", labels: []string{"experiment"}, scale: dollars},
	{name: "spanmill_cost_dollars_total", help: "Cost of model calls, by model.", shape: sumTotal, view: "model", metric: "cost", labels: modelLabels, scale: dollars},
	{name: "spanmill_unpriced_calls_total", help: "Model calls whose cost is not known.", view: "model", metric: "unpriced_calls", labels: modelLabels},
	{name: "gen_ai_client_inference_duration_seconds", help: "Duration of model calls.", shape: distribution, view: "model", metric: "span_duration", labels: modelLabels, scale: seconds, buckets: callBuckets},
	{name: "gen_ai_client_inference_usage_input_tokens_total", help: "Input tokens of model calls, cached ones included.", shape: sumTotal, view: "model", metric: "input_tokens", labels: modelLabels, scale: whole},
	{name: "gen_ai_client_inference_usage_output_tokens_total", help: "Output tokens of model calls.", shape: sumTotal, view: "model", metric: "output_tokens", labels: modelLabels, scale: whole},
	{name: "gen_ai_client_inference_usage_cache_read_input_tokens_total", help: "Input tokens that came from a provider's cache.", shape: sumTotal, view: "model", metric: "cache_read_tokens", labels: modelLabels, scale: whole},
	{name: "gen_ai_client_inference_usage_cache_write_input_tokens_total", help: "Input tokens that were written to a provider's cache.", shape: sumTotal, view: "model", metric: "cache_write_tokens", labels: modelLabels, scale: whole},
	{name: "gen_ai_client_inference_usage_reasoning_output_tokens_total", help: "Output tokens that were reasoning.", shape: sumTotal, view: "model", metric: "reasoning_tokens", labels: modelLabels, scale: whole},
	{name: "gen_ai_client_operation_time_to_first_chunk_seconds", help: "From a model call's start to its first token.", shape: distribution, view: "model", metric: "time_to_first_token", labels: modelLabels, scale: seconds, buckets: chunkBuckets},
	{name: "spanmill_model_errors_total", help: "Model calls that failed, by what went wrong.", view: "model_error", metric: "span_errors", labels: append(modelLabels[:2:2], "class")},
	{name: "spanmill_model_retries_total", help: "Model calls that ask the same again.", view: "model", metric: "retries", labels: modelLabels},
	{name: "spanmill_output_tokens_per_second", help: "Output tokens over the time after the first one, call by call.", shape: distribution, view: "model", metric: "output_tokens_per_second", labels: modelLabels, scale: micro, buckets: rateBuckets},
	{name: "spanmill_finish_reasons_total", help: "Choices of models, by why they ended.", view: "finish", metric: "finished", labels: append(modelLabels[:2:2], "reason")},
	{name: "gen_ai_execute_tool_duration_seconds", help: "Duration of tool calls.", shape: distribution, view: "tool", metric: "span_duration", labels: []string{"gen_ai_tool_name"}, scale: seconds, buckets: callBuckets},
	{name: "spanmill_tool_errors_total", help: "Tool calls that failed.", view: "tool", metric: "span_errors", labels: []string{"gen_ai_tool_name"}},
	{name: "gen_ai_invoke_agent_duration_seconds", help: "Duration of agents' work.", shape: distribution, view: "component", metric: "span_duration", labels: []string{"service_name", "", "gen_ai_agent_name"}, scale: seconds, buckets: agentBuckets, only: "AGENT"},
	{name: "spanmill_dependency_duration_seconds", help: "Duration of calls of tools, retrievers and other services.", shape: distribution, view: "dependency", metric: "span_duration", labels: []string{"dependency"}, scale: seconds, buckets: callBuckets},
	{name: "spanmill_dependency_errors_total", help: "Calls of dependencies that failed.", view: "dependency", metric: "span_errors", labels: []string{"dependency"}},
	{name: "spanmill_users", help: "Different users within five minutes.", shape: windowDistinct, view: "service", metric: "users", labels: serviceLabels, scale: whole},
	{name: "spanmill_sessions", help: "Different sessions within five minutes.", shape: windowDistinct, view: "service", metric: "sessions", labels: serviceLabels, scale: whole},
	{name: "spanmill_self_time_seconds", help: "Time of spans that ended within five minutes, without what their children took.", shape: windowSum, view: "kind", metric: "self_time", labels: []string{"service_name", "kind"}, scale: seconds},
	{name: "spanmill_late_spans_total", help: "Spans that came more than ten minutes after their end.", view: "service", metric: "late_spans", labels: serviceLabels},
	{name: "spanmill_misdated_spans_total", help: "Spans whose end is not believed; they count when they came.", view: "service", metric: "misdated_spans", labels: serviceLabels},
	{name: "gen_ai_client_operation_duration_seconds", help: "Duration of model calls.", shape: distribution, view: "model", metric: "span_duration", labels: modelLabels, scale: seconds, buckets: callBuckets, legacy: true},
	{name: "gen_ai_client_token_usage", help: "Tokens of model calls.", shape: distribution, view: "model", metric: "input_tokens", labels: modelLabels, scale: whole, more: rollup.Label{Name: "gen_ai_token_type", Value: "input"}, legacy: true},
	{name: "gen_ai_client_token_usage", help: "Tokens of model calls.", shape: distribution, view: "model", metric: "output_tokens", labels: modelLabels, scale: whole, more: rollup.Label{Name: "gen_ai_token_type", Value: "output"}, legacy: true},
}

// lastFamilies have the most series.
var lastFamilies = []family{
	{name: "spanmill_component_duration_seconds", help: "Duration of spans, by name.", shape: distribution, view: "component", metric: "span_duration", labels: componentLabels, scale: seconds, buckets: callBuckets},
}
