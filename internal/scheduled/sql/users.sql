INSERT INTO business_1m (tenant, view, metric, series, labels, time, count, sum, min, max, buckets, part_day, retention_days, version)
WITH
    toDateTime({at:Date}, {zone:String}) AS began,
    active AS
    (
        SELECT
            uniqExactIf(user_hash, day = {at:Date}) AS day_users, uniqExactIf(user_hash, day > {at:Date} - 7) AS week_users,
            uniqExact(user_hash) AS month_users, countIf(day = {at:Date} AND first) AS new_users
        FROM user_days FINAL
        WHERE tenant = {tenant:String} AND day BETWEEN {at:Date} - 29 AND {at:Date} AND traces > 0
    )
SELECT {tenant:String}, 'user', r.1, 'day', map(), began, r.2, r.3, 9223372036854775807, -9223372036854775808, map(), toDate(began, 'UTC'), {{.Kept}}, {run:UInt64}
FROM
(
    SELECT arrayJoin(
    [
        ('daily_active_users', day_users, day_users),
        ('weekly_active_users', week_users, week_users),
        ('monthly_active_users', month_users, month_users),
        ('stickiness', month_users, day_users),
        ('new_users', day_users, new_users),
        ('returning_users', day_users, day_users - new_users)
    ]::Array(Tuple(String, Int64, Int64))) AS r
    FROM active
)
WHERE {{.Mine}}
