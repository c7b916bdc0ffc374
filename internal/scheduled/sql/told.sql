INSERT INTO scheduled_work (run, tenant, kind, id, day)
WITH told AS (SELECT id FROM scheduled_work WHERE run = {run:UInt64} AND tenant = {tenant:String} AND kind = 'told')
SELECT DISTINCT {run:UInt64}, {tenant:String}, 'touched', trace_id, part_day FROM trace_parts
WHERE tenant = {tenant:String} AND trace_id IN (told)
UNION ALL
SELECT DISTINCT {run:UInt64}, {tenant:String}, (arrayJoin([('session', session_id), ('user', user_id)]) AS who).1, who.2, toDate(ended_at)
FROM session_facts
WHERE tenant = {tenant:String} AND hasAny(trace_hashes, (SELECT groupArray(cityHash64(id)) FROM told))
