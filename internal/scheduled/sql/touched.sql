INSERT INTO scheduled_work (run, tenant, kind, id, day)
{{range $n, $rows := .New "trace_parts"}}{{if $n}}UNION ALL
{{end}}SELECT {run:UInt64}, tenant, 'touched', trace_id, part_day FROM trace_parts WHERE {{$rows}}
{{end}}{{range .New "trace_info"}}UNION ALL
SELECT {run:UInt64}, tenant, 'touched', trace_id, part_day FROM trace_info WHERE {{.}}
{{end}}{{range .New "trace_deletions"}}UNION ALL
SELECT {run:UInt64}, tenant, 'told', trace_id, part_day FROM trace_deletions WHERE {{.}}
{{end}}{{range .New "assessments"}}UNION ALL
SELECT {run:UInt64}, tenant, 'told', trace_id, part_day FROM assessments WHERE {{.}}
{{end}}{{range .New "business_events"}}UNION ALL
SELECT {run:UInt64}, tenant, multiIf(session_id != '', 'session', trace_id != '', 'told', 'user'),
    multiIf(session_id != '', session_id, trace_id != '', trace_id, user_id), part_day
FROM business_events WHERE {{.}}
{{end}}