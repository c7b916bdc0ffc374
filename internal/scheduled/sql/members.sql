INSERT INTO scheduled_work (run, tenant, kind, id, day)
WITH
    touched AS (SELECT id FROM scheduled_work WHERE run = {base:UInt64} AND tenant = {tenant:String} AND kind = 'touched' AND day = {day:Date}),
    named AS (SELECT kind, id FROM scheduled_work WHERE run = {base:UInt64} AND tenant = {tenant:String} AND kind IN ('session', 'user') AND day = {day:Date})
SELECT DISTINCT {run:UInt64}, {tenant:String}, who.1, who.2, {day:Date}
FROM
(
    SELECT arrayJoin([('session', session_id), ('user', user_id)]) AS who FROM trace_parts
    WHERE tenant = {tenant:String} AND part_day BETWEEN {day:Date} - 1 AND {day:Date} + 1 AND trace_id IN (touched)
    UNION ALL
    SELECT arrayJoin([('session', metadata['mlflow.trace.session']), ('user', metadata['mlflow.trace.user'])]) FROM trace_info
    WHERE tenant = {tenant:String} AND part_day BETWEEN {day:Date} - 1 AND {day:Date} + 1 AND trace_id IN (touched)
    UNION ALL
    SELECT arrayJoin([('session', session_id), ('user', user_id)])
    FROM
    (
        SELECT session_id, user_id, arrayJoin(trace_hashes) AS trace_hash FROM session_facts
        WHERE tenant = {tenant:String} AND day BETWEEN {day:Date} - 8 AND {day:Date} + 8
    )
    WHERE trace_hash IN (SELECT cityHash64(id) FROM touched)
    UNION ALL
    SELECT (toString(kind), id) FROM named
)
WHERE who.2 != ''
