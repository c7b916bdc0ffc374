INSERT INTO business_1m (tenant, view, metric, series, labels, time, count, sum, min, max, buckets, part_day, retention_days, version)
WITH
    won AS
    (
        SELECT toDate(ended_at, {zone:String}) AS day, uniqExact(user_id) AS users, arrayJoin({{.Goals}}) AS goal, uniqExactIf(user_id, goals[goal] > 0) AS converted
        FROM sessions
        WHERE tenant = {tenant:String} AND sessions.day BETWEEN {day:Date} - 2 AND {day:Date} + 3 AND user_id != ''
        GROUP BY day, goal
    ),
    dates AS
    (
        SELECT DISTINCT toDate(ended_at, {zone:String}) AS day, arrayLastIndex(d -> d <= day, {{.Since}}) AS assumed, map('assumptions', arrayElement({{.Versions}}, assumed)) AS by_version
        FROM sessions
        WHERE tenant = {tenant:String} AND sessions.day BETWEEN {day:Date} - 2 AND {day:Date} + 3 AND toDate(ended_at, {zone:String}) BETWEEN {day:Date} - 1 AND {day:Date} + 1
    ),
    tickets AS
    (
        SELECT toDate(first.2, {zone:String}) AS day, count() AS opened
        FROM
        (
            SELECT argMin((e.name, e.time, e.attrs['state']), (e.received_at, e.version)) AS first
            FROM business_events AS e LEFT ANY JOIN
            (
                SELECT trace_id, max(received_at) AS deleted_at FROM trace_deletions
                WHERE tenant = {tenant:String} AND part_day >= {day:Date} - 3 GROUP BY trace_id
            ) AS d ON d.trace_id = e.trace_id
            WHERE tenant = {tenant:String} AND part_day BETWEEN {day:Date} - 2 AND {day:Date} + 2 AND e.received_at > d.deleted_at
            GROUP BY part_day, event_id
        )
        WHERE first.1 = 'ticket' AND first.3 = 'opened'
        GROUP BY day
    )
SELECT
    {tenant:String}, r.1, r.2, 'day ' || arrayStringConcat(mapValues(r.3), ','), r.3, toDateTime(day, {zone:String}) AS began, r.4, r.5,
    9223372036854775807, -9223372036854775808, map(), toDate(began, 'UTC'), {{.Kept}}, {run:UInt64}
FROM
(
    SELECT day, ('session_goal', 'conversion_rate_users', map('goal', goal), toInt64(users), toInt64(converted)) AS r FROM won
    WHERE day BETWEEN {day:Date} - 1 AND {day:Date} + 1
    UNION ALL
    SELECT d.day, arrayJoin(arrayFilter(r -> r.4 != 0,
    [
        ('value', 'ticket_reduction', d.by_version, arrayElement({{.BaselineTickets}}, d.assumed), arrayElement({{.BaselineTickets}}, d.assumed) - 1000000 * toInt64(t.opened)),
        ('value', 'roi', d.by_version, arrayElement({{.FixedCost}}, d.assumed), -arrayElement({{.FixedCost}}, d.assumed)),
        ('value', 'roi_strict', d.by_version, arrayElement({{.FixedCost}}, d.assumed), -arrayElement({{.FixedCost}}, d.assumed))
    ]::Array(Tuple(String, String, Map(String, String), Int64, Int64))))
    FROM dates AS d LEFT ANY JOIN tickets AS t ON t.day = d.day
)
WHERE {{.Mine}} AND (toDateTime(day + 1, {zone:String}) <= fromUnixTimestamp64Milli({now:Int64}, 'UTC') OR r.2 = 'conversion_rate_users')
