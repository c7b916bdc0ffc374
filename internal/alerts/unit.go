package alerts

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// unit is what people count a metric in.
type unit struct {
	scale float64 // of the metric's whole numbers to it
	name  string
}

// units are those of the shipped metrics that are not simply counts; metrics of
// metrics.yaml are in millionths.
var units = map[string]unit{
	"trace_latency":            {1e-9, "s"},
	"span_duration":            {1e-9, "s"},
	"self_time":                {1e-9, "s"},
	"time_to_first_token":      {1e-9, "s"},
	"cost":                     {1e-9, "USD"},
	"output_tokens_per_second": {1e-6, "tokens/s"},
}

// counts are the shipped metrics whose values are whole numbers.
var counts = []string{
	"trace_errors", "spans", "span_errors", "input_tokens", "output_tokens", "total_tokens", "cache_read_tokens",
	"cache_write_tokens", "reasoning_tokens", "unpriced_calls", "retries", "finished", "users", "sessions", "late_spans", "misdated_spans",
}

func unitOf(metric string) unit {
	if u, ok := units[metric]; ok {
		return u
	}
	if slices.Contains(counts, metric) {
		return unit{1, ""}
	}
	return unit{1e-6, ""}
}

// amount reads what people write for a limit: a number, a part such as 20 %, or
// a time such as 5s, which is in seconds.
func amount(text string) (float64, bool) {
	if part, found := strings.CutSuffix(text, "%"); found {
		v, err := strconv.ParseFloat(strings.TrimSpace(part), 64)
		return v / 100, err == nil
	}
	if v, err := strconv.ParseFloat(text, 64); err == nil {
		return v, true
	}
	d, err := time.ParseDuration(text)
	return d.Seconds(), err == nil
}

// worded is a value as a text shows it.
func (r *Rule) worded(v float64) string {
	switch r.Kind {
	case Ratio, Change:
		return short(100*v) + " %"
	case BurnRate:
		return short(v) + "×"
	case Threshold, Absence:
	}
	u := unitOf(r.Of.Name)
	if r.counts() || u.name == "" {
		return short(v)
	}
	return short(v) + " " + u.name
}

func short(v float64) string { return strings.TrimSuffix(fmt.Sprintf("%.4g", v), ".0") }
