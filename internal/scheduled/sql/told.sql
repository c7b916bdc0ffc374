INSERT INTO scheduled_work (run, tenant, kind, id, day)
WITH told AS (SELECT id, cityHash64(id) AS trace_hash FROM scheduled_work WHERE run = {run:UInt64} AND tenant = {tenant:String} AND kind = 'told')
SELECT DISTINCT {run:UInt64}, {tenant:String}, 'touched', told.id, seen.day
FROM (SELECT trace_hash, day FROM trace_days WHERE tenant = {tenant:String} AND trace_hash IN (SELECT trace_hash FROM told)) AS seen
JOIN told ON told.trace_hash = seen.trace_hash
