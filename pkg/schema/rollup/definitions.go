package rollup

// Form is what of its observations a metric keeps.
type Form string

// The forms, each with what the one before has.
const (
	Counted   Form = "count"        // how many
	Added     Form = "sum"          // and what they add up to
	Bounded   Form = "bounds"       // and the least and the greatest
	Measured  Form = "distribution" // and how they are distributed
	Different Form = "distinct"     // how many different values, and nothing else
	// Graded is a distribution without the least and the greatest, which could not be
	// taken back.
	Graded Form = "grades"
	// Share is of observations that are 1 or 0: how many there are, and how many are
	// 1. A share is never told without how many it is of.
	Share Form = "share"
)

// Definition is what a metric is. In rollups it is a whole number of a small
// unit; times Scale it is in Unit.
type Definition struct {
	Name  string  `json:"name"`
	Form  Form    `json:"form"`
	Unit  string  `json:"unit"`
	Scale float64 `json:"scale"`
	Help  string  `json:"help"`
}

// IsRate reports whether the sum is a part of the count: it is told with that and
// the interval that the share behind it lies in.
func (d Definition) IsRate() bool { return d.Form == Share || d.Form == Stated && d.Unit == "ratio" }

// Definitions are the metrics that there are without metrics.yaml. A name never
// changes its meaning.
var Definitions = append(spanDefinitions, toldDefinitions...)

// spanDefinitions are those that spans tell by themselves.
var spanDefinitions = []Definition{
	{"trace_latency", Measured, "seconds", 1e-9, "End minus start of root spans; its count is the number of requests."},
	{"trace_errors", Counted, "traces", 1, "Root spans that failed."},
	{"spans", Counted, "spans", 1, "Spans."},
	{"span_duration", Measured, "seconds", 1e-9, "End minus start of spans."},
	{"span_errors", Counted, "spans", 1, "Spans that failed."},
	{"self_time", Added, "seconds", 1e-9, "Duration without what children cover; corrected as children arrive, so it may be taken back."},
	{"time_to_first_token", Measured, "seconds", 1e-9, "From a model call's start to its first token."},
	{"output_tokens_per_second", Measured, "tokens per second", 1e-6, "Output tokens over the time after the first one."},
	{"input_tokens", Bounded, "tokens", 1, "Input tokens of model calls, cached ones included."},
	{"output_tokens", Bounded, "tokens", 1, "Output tokens of model calls."},
	{"total_tokens", Bounded, "tokens", 1, "Tokens of model calls."},
	{"cache_read_tokens", Bounded, "tokens", 1, "Input tokens that came from a provider's cache."},
	{"cache_write_tokens", Bounded, "tokens", 1, "Input tokens that were written to a provider's cache."},
	{"reasoning_tokens", Bounded, "tokens", 1, "Output tokens that were reasoning."},
	{"cost", Bounded, "US dollars", 1e-9, "What model calls cost."},
	{"unpriced_calls", Counted, "calls", 1, "Model calls of which no cost is known."},
	{"retries", Counted, "calls", 1, "Model calls that ask the same again, under the same parent."},
	{"finished", Counted, "choices", 1, "Choices of models."},
	{"users", Different, "users", 1, "Different users."},
	{"sessions", Different, "sessions", 1, "Different sessions."},
	{"late_spans", Counted, "spans", 1, "Spans that came more than ten minutes after their end."},
	{"misdated_spans", Counted, "spans", 1, "Spans whose end is not believed; they count when they came."},
}

// OwnScale is that of metrics that users define, whose values are millionths.
const OwnScale = 1e-6

// DefinitionOf gives what a metric is; of one that users define only its scale is
// known here.
func DefinitionOf(name string) Definition { return Catalogue{}.Definition(name) }

// Catalogue is what users define besides what is always there.
type Catalogue struct {
	Metrics []Definition
	Views   []ViewDefinition
}

// Definition gives what a metric is. One that nobody defines, here and now, has
// the scale of those that users do, and no form.
func (c Catalogue) Definition(name string) Definition {
	for _, list := range [][]Definition{Definitions, c.Metrics} {
		for _, d := range list {
			if d.Name == name {
				return d
			}
		}
	}
	for _, d := range Scheduled {
		if d.Name == name {
			return d
		}
	}
	return Definition{Name: name, Scale: OwnScale}
}

// ViewDefinition is which series a view has: one for each combination of its
// labels among the spans that it is of.
type ViewDefinition struct {
	Name    string   `json:"name"`
	Of      string   `json:"of"`
	Labels  []string `json:"labels"`
	Metrics []string `json:"metrics"`
}

var (
	usage    = []string{"input_tokens", "output_tokens", "total_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "cost", "unpriced_calls"}
	overview = append([]string{"trace_latency", "trace_errors", "spans", "span_errors", "users", "sessions", "late_spans", "misdated_spans"}, usage...)
	timing   = []string{"span_duration", "span_errors"}
	work     = []string{"span_duration", "span_errors", "self_time"}
	calls    = append([]string{"span_duration", "span_errors", "time_to_first_token", "output_tokens_per_second", "retries"}, usage...)
)

// Views are those that are always there. A name never changes its meaning.
var Views = append(spanViews, toldViews...)

var spanViews = []ViewDefinition{
	{"tenant", "all spans", []string{}, overview},
	{"service", "all spans", []string{"service"}, overview},
	{"experiment", "all spans", []string{"experiment"}, overview},
	{"kind", "all spans", []string{"service", "kind"}, work},
	{"component", "all spans", []string{"service", "kind", "name"}, work},
	{"model", "calls of a model that have usage of their own", []string{"provider", "model"}, calls},
	{"tool", "spans of kind TOOL", []string{"tool"}, timing},
	{"error", "spans with status ERROR", []string{"service", "kind", "class"}, []string{"span_errors"}},
	{"model_error", "model calls with status ERROR", []string{"provider", "model", "class"}, []string{"span_errors"}},
	{"finish", "model calls, once for each choice", []string{"provider", "model", "reason"}, []string{"finished"}},
	{"dependency", "kinds TOOL and RETRIEVER, and clients of no known kind", []string{"dependency"}, timing},
}
