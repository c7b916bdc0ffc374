INSERT INTO scheduled_work (run, tenant, kind, id, day)
WITH these AS (SELECT id FROM scheduled_work WHERE run = {run:UInt64} AND tenant = {tenant:String} AND kind = 'session')
SELECT DISTINCT {run:UInt64}, {tenant:String}, 'user', user_id, {day:Date} FROM session_facts
WHERE tenant = {tenant:String} AND day BETWEEN {day:Date} - 8 AND {day:Date} + 8 AND session_id IN (these) AND user_id != ''
