INSERT INTO scheduled_work (run, tenant, kind, id, day)
WITH those AS (SELECT id FROM scheduled_work WHERE run = {run:UInt64} AND tenant = {tenant:String} AND kind = 'user')
SELECT DISTINCT {run:UInt64}, {tenant:String}, 'session', session_id, {day:Date} FROM session_facts
WHERE tenant = {tenant:String} AND day BETWEEN {day:Date} - {{.Around}} AND {day:Date} + {{.Around}} AND user_id IN (those)
