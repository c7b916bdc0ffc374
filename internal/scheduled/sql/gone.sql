INSERT INTO session_facts (tenant, session_id, day, gone, closes_at, user_id, retention_days, version)
SELECT {tenant:String}, session_id, day, true, closes_at, user_id, retention_days, {run:UInt64} FROM session_facts FINAL
WHERE tenant = {tenant:String} AND day BETWEEN {day:Date} - 9 AND {day:Date} + 9 AND version < {run:UInt64} AND (NOT gone OR version > {done:UInt64})
    AND session_id IN (SELECT id FROM scheduled_work WHERE run = {run:UInt64} AND tenant = {tenant:String} AND kind = 'session')
