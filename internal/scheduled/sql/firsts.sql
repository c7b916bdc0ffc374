INSERT INTO user_days (tenant, user_id, day, first, traces, turns, sessions, cost_nano, retention_days, version)
SELECT {tenant:String}, user_id, day, day = first_day AND traces > 0, traces, turns, sessions, cost_nano, retention_days, {run:UInt64} + 1
FROM
(
    SELECT *, minIf(day, traces > 0) OVER (PARTITION BY user_id) AS first_day FROM user_days FINAL
    WHERE tenant = {tenant:String} AND user_id IN (SELECT id FROM scheduled_work WHERE run = {run:UInt64} AND tenant = {tenant:String} AND kind = 'user')
)
WHERE first != (day = first_day AND traces > 0)
