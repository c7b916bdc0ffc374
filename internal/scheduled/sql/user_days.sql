INSERT INTO user_days (tenant, user_id, day, first, traces, turns, sessions, cost_nano, retention_days, version)
WITH those AS (SELECT id FROM scheduled_work WHERE run = {run:UInt64} AND tenant = {tenant:String} AND kind = 'user')
SELECT {tenant:String}, user_id, day, max(was_first), sum(n), sum(t), sum(s), sum(c), {{.Kept}}, {run:UInt64}
FROM
(
    SELECT
        user_id, toDate(ended_at, {zone:String}) AS day, count() AS n, countIf(rooted) AS t, uniqExactIf(session_id, session_id != '') AS s, sum(cost_nano) AS c,
        toInt64(0) AS n0, toInt64(0) AS t0, toInt64(0) AS s0, toInt64(0) AS c0, false AS was_first
    FROM scheduled_traces
    WHERE run = {run:UInt64} AND tenant = {tenant:String} AND user_id IN (those) AND day BETWEEN {day:Date} - 1 AND {day:Date} + 1
    GROUP BY user_id, day
    UNION ALL
    SELECT user_id, day, 0, 0, 0, 0, traces, turns, sessions, cost_nano, first FROM user_days FINAL
    WHERE tenant = {tenant:String} AND user_id IN (those) AND day BETWEEN {day:Date} - 1 AND {day:Date} + 1
)
WHERE {{.Mine}}
GROUP BY user_id, day
HAVING (sum(n), sum(t), sum(s), sum(c)) != (sum(n0), sum(t0), sum(s0), sum(c0))
