INSERT INTO scheduled_work (run, tenant, kind, id, day)
WITH
    these AS (SELECT id FROM scheduled_work WHERE run = {run:UInt64} AND tenant = {tenant:String} AND kind = 'session'),
    those AS (SELECT id FROM scheduled_work WHERE run = {run:UInt64} AND tenant = {tenant:String} AND kind = 'user')
SELECT DISTINCT {run:UInt64}, {tenant:String}, 'trace', trace_id, {day:Date}
FROM
(
    SELECT trace_id FROM trace_parts
    WHERE tenant = {tenant:String} AND part_day BETWEEN {day:Date} - 7 AND {day:Date} + 7
        AND (session_id IN (these) OR part_day BETWEEN {day:Date} - 2 AND {day:Date} + 2 AND user_id IN (those))
    UNION ALL
    SELECT trace_id FROM trace_info
    WHERE tenant = {tenant:String} AND part_day BETWEEN {day:Date} - 7 AND {day:Date} + 7
        AND (metadata['mlflow.trace.session'] IN (these) OR part_day BETWEEN {day:Date} - 2 AND {day:Date} + 2 AND metadata['mlflow.trace.user'] IN (those))
)
