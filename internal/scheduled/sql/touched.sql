INSERT INTO scheduled_work (run, tenant, kind, id, day)
SELECT {run:UInt64}, tenant, 'touched', trace_id, part_day FROM trace_parts WHERE {{.New "trace_parts"}}
UNION ALL
SELECT {run:UInt64}, tenant, 'touched', trace_id, part_day FROM trace_info WHERE {{.New "trace_info"}}
UNION ALL
SELECT {run:UInt64}, tenant, 'told', trace_id, part_day FROM trace_deletions WHERE {{.New "trace_deletions"}}
UNION ALL
SELECT {run:UInt64}, tenant, 'told', trace_id, part_day FROM assessments WHERE {{.New "assessments"}}
UNION ALL
SELECT {run:UInt64}, tenant, multiIf(session_id != '', 'session', trace_id != '', 'told', 'user'),
    multiIf(session_id != '', session_id, trace_id != '', trace_id, user_id), part_day
FROM business_events WHERE {{.New "business_events"}}
