package recount

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// labelSQL is each label of a span in SQL. Of names it knows what the generator's
// have: long numbers, and no ids.
var labelSQL = map[string]string{
	"service": "service_name", "kind": "kind", "name": nameSQL("name"),
	"provider": "provider", "model": "model", "tool": toolSQL, "experiment": "experiment_id",
	"class": "transform(error_type, ['RateLimitError', 'APITimeoutError', 'ContentFilterError', 'OverloadedError', 'ToolError']," +
		" ['rate_limit', 'timeout', 'content_filter', 'server', 'tool'], 'other')",
	"reason":     "lower(arrayJoin(arrayFilter(r -> r != '', finish_reasons)))",
	"dependency": "if(kind = 'TOOL', " + toolSQL + ", " + nameSQL("multiIf(data_source_id != '', data_source_id, server_address != '', server_address, name)") + ")",
}

func nameSQL(name string) string { return "replaceRegexpAll(" + name + ", '[0-9]{3,}', '*')" }

var toolSQL = nameSQL("if(tool_name != '', tool_name, name)")

// ofSQL says which spans each view is of.
var ofSQL = map[string]string{
	"tenant": "true", "service": "true", "experiment": "true", "kind": "true", "component": "true",
	"model": "usage_billable", "tool": "kind = 'TOOL'", "error": "status = 'ERROR'",
	"model_error": "usage_billable AND status = 'ERROR'", "finish": "usage_billable",
	"dependency": "kind IN ('TOOL', 'RETRIEVER') OR kind = 'UNKNOWN' AND otel_kind = 'CLIENT'",
}

// Of a call: its tokens in all, how long its answer took, and the tokens of that by
// the time, in millionths.
const (
	total = "coalesce(total_tokens, if(isNull(input_tokens) AND isNull(output_tokens), NULL, ifNull(input_tokens, 0) + ifNull(output_tokens, 0)))"
	took  = "toUInt64(duration_ns - ifNull(if(ttft_ns < duration_ns, ttft_ns, 0), 0))"
	rate  = "toInt64(intDiv(toUInt128(ifNull(output_tokens, 0)) * 1000000000000000, greatest(" + took + ", 1)))"
)

// metricSQL is the condition and the value of each metric that a span tells by
// itself.
var metricSQL = map[string][2]string{
	"trace_latency": {"is_root", "duration_ns"}, "trace_errors": {"is_root AND status = 'ERROR'", "1"},
	"spans": {"true", "1"}, "span_duration": {"true", "duration_ns"}, "span_errors": {"status = 'ERROR'", "1"},
	"time_to_first_token":      {"usage_billable AND isNotNull(ttft_ns)", "ifNull(ttft_ns, 0)"},
	"output_tokens_per_second": {"usage_billable AND isNotNull(output_tokens) AND " + took + " > 0", rate},
	"input_tokens":             tokensSQL("input_tokens"), "output_tokens": tokensSQL("output_tokens"), "total_tokens": tokensSQL(total),
	"cache_read_tokens": tokensSQL("cache_read_tokens"), "cache_write_tokens": tokensSQL("cache_write_tokens"), "reasoning_tokens": tokensSQL("reasoning_tokens"),
	"cost":           {"usage_billable AND cost_source != 'none'", "toInt64(cost * 1000000000)"},
	"unpriced_calls": {"usage_billable AND cost_source = 'none'", "1"},
	"late_spans":     {"end_time < received_at - INTERVAL 10 MINUTE AND end_time >= received_at - INTERVAL 30 DAY", "1"},
	"misdated_spans": {"end_time < received_at - INTERVAL 30 DAY OR end_time > received_at + INTERVAL 1 DAY", "1"},
	"finished":       {"true", "1"},
}

func tokensSQL(column string) [2]string {
	return [2]string{"usage_billable AND isNotNull(" + column + ")", "ifNull(" + column + ", 0)"}
}

// statement recounts metrics of a view: its rows are labels, pane, metric, n and
// total.
type statement struct{ view, sql string }

const pane = "toInt64(intDiv(end_unix_nano, 10000000000) * 10)"

// statements recount every shipped view.
func statements() (out []statement) {
	for _, v := range rollup.Views {
		labels := labelsOf(v.Labels)
		if labels == "" || ofSQL[v.Name] == "" {
			continue // of events, which spans do not tell
		}
		var metrics []string
		for _, m := range v.Metrics {
			switch of, ok := metricSQL[m]; {
			case ok:
				metrics = append(metrics, fmt.Sprintf("('%s', toInt64(countIf(%s)), toInt64(sumIf(%s, %s)))", m, of[0], of[1], of[0]))
			case m == "users" || m == "sessions":
				column := strings.TrimSuffix(m, "s") + "_id"
				metrics = append(metrics, fmt.Sprintf("('%s', toInt64(uniqExactIf(%s, %s != '')), toInt64(0))", m, column, column))
			}
		}
		out = append(out, statement{v.Name, `SELECT labels, pane, x.1 AS metric, x.2 AS n, x.3 AS total FROM
(
    SELECT ` + labels + ` AS labels, ` + pane + ` AS pane, arrayJoin([` + strings.Join(metrics, ", ") + `]) AS x
    FROM spans WHERE tenant = 'default' AND NOT is_eval AND (` + ofSQL[v.Name] + `) GROUP BY labels, pane
)`})
		switch {
		case slices.Contains(v.Metrics, "self_time"):
			out = append(out, selfTimes(v.Name, labels)...)
		case slices.Contains(v.Metrics, "retries"):
			out = append(out, statement{v.Name, `SELECT ` + labels + ` AS labels, ` + pane + ` AS pane, 'retries' AS metric, count() AS n, n AS total FROM
(
    SELECT provider, model, end_unix_nano, row_number() OVER (PARTITION BY trace_id, parent_span_id, provider, model, input ORDER BY start_unix_nano) AS try
    FROM spans WHERE tenant = 'default' AND NOT is_eval AND usage_billable AND NOT is_root AND input != ''
)
WHERE try > 1 GROUP BY labels, pane`})
		}
	}
	return out
}

// labelsOf is an array of labels; "" if one of them is not a span's.
func labelsOf(names []string) string {
	list := make([]string, len(names))
	for i, name := range names {
		if list[i] = labelSQL[name]; list[i] == "" {
			return ""
		}
		list[i] = "toString(" + list[i] + ")"
	}
	return "CAST([" + strings.Join(list, ", ") + "], 'Array(String)')"
}

// shares of all traces are what self times are counted of at once, so that a small
// engine has the memory for it.
const shares = 16

// selfTimes recounts what is left of spans without their children.
func selfTimes(view, labels string) (out []statement) {
	for share := range shares {
		of := fmt.Sprintf("tenant = 'default' AND cityHash64(trace_id) %% %d = %d", shares, share)
		out = append(out, statement{view, `SELECT labels, pane, 'self_time' AS metric, count() AS n, toInt64(sum(self)) AS total FROM
(
    SELECT any(p.labels) AS labels, any(p.pane) AS pane, toInt64(any(p.took)) - intervalLengthSumIf(greatest(c.start, p.start), least(c.end, p.end),
        c.id != '' AND c.start < p.end AND c.end > p.start) AS self
    FROM
    (
        SELECT trace_id, span_id AS id, duration_ns AS took, start_unix_nano AS start, end_unix_nano AS end, ` + pane + ` AS pane, ` + labels + ` AS labels
        FROM spans WHERE NOT is_eval AND ` + of + `
    ) AS p
    LEFT JOIN
    (
        SELECT trace_id, parent_span_id AS parent, span_id AS id, start_unix_nano AS start, end_unix_nano AS end
        FROM spans WHERE ` + of + `
    ) AS c ON c.trace_id = p.trace_id AND c.parent = p.id
    GROUP BY p.trace_id, p.id
)
GROUP BY labels, pane`})
	}
	return out
}
