INSERT INTO session_facts
SELECT * FROM scheduled_facts
WHERE {{.Mine}} AND version = {run:UInt64} AND tenant = {tenant:String} AND (session_id, closes_at, content) NOT IN
(
    SELECT session_id, closes_at, argMax(content, version) AS known FROM session_facts
    WHERE tenant = {tenant:String} AND day BETWEEN {day:Date} - 9 AND {day:Date} + 9
        AND session_id IN (SELECT id FROM scheduled_work WHERE run = {run:UInt64} AND tenant = {tenant:String} AND kind = 'session')
    GROUP BY session_id, closes_at
    HAVING NOT argMax(gone, version) AND max(version) <= {done:UInt64}
)
