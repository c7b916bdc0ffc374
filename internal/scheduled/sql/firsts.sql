INSERT INTO user_days (tenant, user_id, day, first, traces, turns, sessions, cost_nano, retention_days, version)
WITH wrong AS
(
    SELECT user_id, day
    FROM
    (
        SELECT user_id, day, first, traces, minIf(day, traces > 0) OVER (PARTITION BY user_id) AS first_day FROM user_days FINAL
        WHERE tenant = {tenant:String} AND user_id IN (SELECT id FROM scheduled_work WHERE run = {run:UInt64} AND tenant = {tenant:String} AND kind = 'user')
    )
    WHERE first != (day = first_day AND traces > 0)
)
SELECT tenant, user_id, day, NOT first, traces, turns, sessions, cost_nano, retention_days, {run:UInt64} + 1 FROM user_days FINAL
WHERE {{.Mine}} AND tenant = {tenant:String} AND (user_id, day) IN (wrong)
