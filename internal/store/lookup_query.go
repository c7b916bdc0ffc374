package store

import "math"

// endOfTime is later than any trace, in Unix milliseconds: in nanoseconds it is
// the end of UInt64.
const endOfTime = math.MaxUint64/1_000_000 - 1

// slackMilli is how far from a trace's time its rows are looked for: a trace
// whose spans lie further apart is found by its id, but a search sees only the
// spans around its beginning.
const slackMilli = 24 * 3600 * 1000

// lookup makes statements that find traces whose request time lies in [from,
// until].
type lookup struct {
	q           *question
	tenant      string // placeholder
	experiments []string
	// ids, if not nil, are the only traces that count.
	ids         []string
	from, until int64 // Unix milliseconds
	joins       []string
}

// candidates selects the ids of all traces that may be in question. A trace's
// rows may name several experiments, of which one counts: in a short range all
// traces are looked at, in one without a beginning those with a row in the
// experiments.
func (l *lookup) candidates() string {
	if l.ids != nil {
		return "(SELECT arrayJoin(" + l.q.texts(l.ids) + ") AS trace_id)"
	}
	where, slack := " WHERE tenant = "+l.tenant, int64(0)
	if l.from <= 0 {
		where, slack = where+" AND experiment_id IN "+l.q.texts(l.experiments), slackMilli
	}
	return "(SELECT trace_id FROM trace_info" + where + l.infoTimes(slack) +
		" UNION ALL SELECT trace_id FROM trace_parts" + where + l.partTimes(slack) + ")"
}

// infoTimes bounds a statement on trace_info, partTimes one on trace_parts or
// spans; both are sorted by steps of 5 minutes.
func (l *lookup) infoTimes(slack int64) string {
	if l.from <= 0 && l.until >= endOfTime {
		return ""
	}
	from, until := l.q.integer(max(l.from-slack, 0)), l.q.integer(min(l.until, endOfTime-slack)+slack)
	return " AND (request_ms BETWEEN " + from + " AND " + until +
		" AND intDiv(request_ms, 300000) BETWEEN intDiv(" + from + ", 300000) AND intDiv(" + until + ", 300000) OR request_ms = 0)"
}

func (l *lookup) partTimes(slack int64) string {
	if l.from <= 0 && l.until >= endOfTime {
		return ""
	}
	from := l.q.unsigned(uint64(max(l.from-slack, 0)) * 1e6)
	until := l.q.unsigned(uint64(min(l.until, endOfTime-slack)+slack)*1e6 + 999_999)
	return " AND start_unix_nano BETWEEN " + from + " AND " + until +
		" AND intDiv(start_unix_nano, 300000000000) BETWEEN intDiv(" + from + ", 300000000000) AND intDiv(" + until + ", 300000000000)"
}

// resolved selects the traces in question with what searches compare and sort
// by, by the rules of query.TraceInfo.Resolve: trace_id, experiment_id,
// timestamp_ms, duration_ms, state, client_request_id; and between which times
// their rows in trace_info and trace_parts are: earliest_ms, latest_ms.
func (l *lookup) resolved() string {
	of := " WHERE tenant = " + l.tenant + " AND trace_id IN " + l.candidates()
	return `SELECT trace_id,
  if(told_experiment != '', told_experiment, span_experiment) AS experiment_id,
  if(told_ms != 0, told_ms, toInt64(intDiv(first, 1000000))) AS timestamp_ms,
  multiIf(told_duration IS NOT NULL, toNullable(toInt64(assumeNotNull(told_duration))),
    last = 0, NULL,
    toInt64(greatest(intDiv(last, 1000000), intDiv(first, 1000000)) - intDiv(first, 1000000))) AS duration_ms,
  multiIf(told_state NOT IN ('', 'IN_PROGRESS', 'STATE_UNSPECIFIED'), told_state,
    rooted, if(failed, 'ERROR', 'OK'), told_state = '', 'IN_PROGRESS', told_state) AS state,
  client_request_id, earliest_ms, latest_ms
FROM (SELECT trace_id, minIf(r.at, r.at != 0) AS earliest_ms, maxIf(r.at, r.at != 0) AS latest_ms,
    argMaxIf(r.experiment_id, r.place, r.told AND r.experiment_id != '') AS told_experiment,
    argMinIf(r.experiment_id, r.place, NOT r.told) AS span_experiment,
    argMaxIf(r.request_ms, r.place, r.request_ms != 0) AS told_ms,
    argMaxIf(r.duration_ms, r.place, r.duration_ms IS NOT NULL) AS told_duration,
    argMaxIf(r.state, r.place, r.state != '') AS told_state,
    argMaxIf(r.client_request_id, r.place, r.client_request_id != '') AS client_request_id,
    max(r.told AND (r.request_ms != 0 OR r.state != '')) AS said,
    minIf(r.start_ns, NOT r.told) AS first, maxIf(r.end_ns, NOT r.told) AS last,
    max(r.rooted) AS rooted, max(r.failed) AS failed, max(NOT r.told) AS spanned
  FROM (SELECT trace_id, true AS told, experiment_id, version AS place, request_ms, duration_ms, state, client_request_id,
      toUInt64(0) AS start_ns, toUInt64(0) AS end_ns, request_ms AS at, false AS rooted, false AS failed, received_at
    FROM trace_info` + of + l.infoTimes(slackMilli) + `
    UNION ALL
    SELECT trace_id, false, experiment_id, toUInt128(src_offset), toInt64(0), NULL, '', '',
      start_unix_nano, end_unix_nano, toInt64(intDiv(start_unix_nano, 1000000)), has_root, has_root AND root_status = 'ERROR', received_at
    FROM trace_parts` + of + l.partTimes(slackMilli) + `) AS r ` + joinDeleted(l.tenant) + `
  WHERE ` + notDeleted + `
  GROUP BY trace_id)
WHERE said OR spanned`
}
