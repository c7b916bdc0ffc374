package rollup

import "math"

// MetricName is a metric of a view.
type MetricName struct {
	View string `json:"view"`
	Name string `json:"name"`
}

// Rate is a part of a whole that are two metrics. (Metrics of form Share have
// both in one.)
type Rate struct {
	Name string     `json:"name"`
	Of   MetricName `json:"of"`
	Over MetricName `json:"over"`
	// Where are labels that Of's series have, OverWhere those that Over's have.
	Where     map[string]string `json:"where,omitempty"`
	OverWhere map[string]string `json:"over_where,omitempty"`
	// Sampled says that the whole is of spans that senders may sample: the part of
	// them that came is told beside it.
	Sampled bool   `json:"sampled,omitempty"`
	Help    string `json:"help"`
}

// Rates are the shipped ones. A name never changes its meaning.
var Rates = []Rate{
	{Name: "category_share", Of: MetricName{"assessment_label", "labelled"}, Over: MetricName{"assessment", "labelled"}, Help: "Of the assessments of a name and source whose value is a word, those with this one."},
	{Name: "coverage", Of: MetricName{"rated", "rated_traces"}, Over: MetricName{"tenant", "trace_latency"}, Sampled: true, Help: "Traces that were assessed by the name first in the window, over those that ended in it and came."},
	{Name: "thumbs_rate", Of: MetricName{"feedback", "thumbs_up"}, Over: MetricName{"experiment", "trace_latency"}, Sampled: true, Help: "Thumbs, up and down, over traces of the experiment that ended and came."},
	{Name: "feature_adoption", Of: MetricName{"feature", "users"}, Over: MetricName{"tenant", "users"}, Help: "Users of the feature, over the users whom spans name. Both are estimates."},
	{
		Name: "task_completion_rate", Of: MetricName{"task", "events"}, Over: MetricName{"task", "events"},
		Where: map[string]string{"state": "completed"}, OverWhere: map[string]string{"state": "started"},
		Help: "Tasks that completed in the window, over those that started in it. (task_success is of those that ended.)",
	},
	{Name: "trace_error_rate", Of: MetricName{"service", "trace_errors"}, Over: MetricName{"service", "trace_latency"}, Help: "Root spans that failed, over all."},
	{Name: "model_error_rate", Of: MetricName{"model", "span_errors"}, Over: MetricName{"model", "span_duration"}, Help: "Model calls that failed, over all."},
	{Name: "tool_error_rate", Of: MetricName{"tool", "span_errors"}, Over: MetricName{"tool", "span_duration"}, Help: "Tool calls that failed, over all."},
}

// z is the normal quantile of a confidence of 95 %.
const z = 1.959963984540054

// Wilson is the interval that the share behind part of n observations lies in,
// with a confidence of 95 %. Of nothing it is all that there could be.
func Wilson(part, n float64) (low, high float64) { return Interval(part, n, z) }

// Interval is Wilson's with z standard errors instead of those of 95 %.
func Interval(part, n, z float64) (low, high float64) {
	if n <= 0 {
		return 0, 1
	}
	p := math.Min(math.Max(part/n, 0), 1)
	middle := (p + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return math.Max(0, middle-half), math.Min(1, middle+half)
}
