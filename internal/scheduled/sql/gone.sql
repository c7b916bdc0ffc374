INSERT INTO session_facts (tenant, session_id, day, gone, closes_at, started_at, user_id, retention_days, version)
SELECT {tenant:String}, session_id, any(day), true, closes_at, argMax(started_at, version), argMax(user_id, version), argMax(retention_days, version), {run:UInt64}
FROM session_facts
WHERE {{.Mine}} AND tenant = {tenant:String} AND day BETWEEN {day:Date} - 9 AND {day:Date} + 9
    AND session_id IN (SELECT id FROM scheduled_work WHERE run = {run:UInt64} AND tenant = {tenant:String} AND kind = 'session')
    AND (session_id, closes_at) NOT IN (SELECT session_id, closes_at FROM scheduled_facts WHERE version = {run:UInt64} AND tenant = {tenant:String})
GROUP BY session_id, closes_at
HAVING NOT argMax(gone, version) OR max(version) > {done:UInt64}
