INSERT INTO business_1m (tenant, view, metric, series, labels, time, count, sum, min, max, buckets, part_day, retention_days, version)
WITH
    -- Of goal '': that there are sessions on the day.
    won AS
    (
        SELECT
            toDate(ended_at, {zone:String}) AS at, arrayJoin(arrayPushBack({{.Goals}}, '')) AS goal,
            toInt64(uniqExactIf(user_id, user_id != '')) AS users, toInt64(uniqExactIf(user_id, user_id != '' AND goals[goal] > 0)) AS converted,
            arrayLastIndex(d -> d <= at, {{.Since}}) AS assumed, map('assumptions', arrayElement({{.Versions}}, assumed)) AS by_version
        FROM sessions
        WHERE tenant = {tenant:String} AND day BETWEEN {first:Date} - 2 AND {last:Date} + 2 AND at BETWEEN {first:Date} - 1 AND {last:Date} + 1
        GROUP BY at, goal
    ),
    tickets AS
    (
        SELECT toDate(first.2, {zone:String}) AS at, toInt64(count()) AS opened
        FROM
        (
            SELECT argMin((e.name, e.time, e.attrs['state']), (e.received_at, e.version)) AS first
            FROM business_events AS e LEFT ANY JOIN
            (
                SELECT trace_id, max(received_at) AS deleted_at FROM trace_deletions
                WHERE tenant = {tenant:String} AND part_day >= {first:Date} - 3 GROUP BY trace_id
            ) AS d ON d.trace_id = e.trace_id
            WHERE tenant = {tenant:String} AND part_day BETWEEN {first:Date} - 2 AND {last:Date} + 2 AND e.received_at > d.deleted_at
            GROUP BY part_day, event_id
        )
        WHERE first.1 = 'ticket' AND first.3 = 'opened'
        GROUP BY at
    )
SELECT
    {tenant:String}, view, metric, 'day ' || arrayStringConcat(mapValues(labels), ',') AS series, labels, began, sum(n), sum(s),
    9223372036854775807, -9223372036854775808, map(), toDate(began, 'UTC'), {{.Kept}}, {run:UInt64}
FROM
(
    SELECT r.1 AS view, r.2 AS metric, r.3 AS labels, toDateTime(at, {zone:String}) AS began, r.4 AS n, r.5 AS s
    FROM
    (
        SELECT w.at AS at, arrayJoin(if(w.goal != '',
        [
            ('session_goal', 'conversion_rate_users', map('goal', w.goal), w.users, w.converted)
        ],
        [
            ('value', 'ticket_reduction', w.by_version, arrayElement({{.BaselineTickets}}, w.assumed), arrayElement({{.BaselineTickets}}, w.assumed) - 1000000 * t.opened),
            ('value', 'roi', w.by_version, arrayElement({{.FixedCost}}, w.assumed), -arrayElement({{.FixedCost}}, w.assumed)),
            ('value', 'roi_strict', w.by_version, arrayElement({{.FixedCost}}, w.assumed), -arrayElement({{.FixedCost}}, w.assumed))
        ])::Array(Tuple(String, String, Map(String, String), Int64, Int64))) AS r
        FROM won AS w LEFT ANY JOIN tickets AS t ON t.at = w.at
    )
    WHERE r.4 != 0 AND (toDateTime(at + 1, {zone:String}) <= fromUnixTimestamp64Milli({now:Int64}, 'UTC') OR r.2 = 'conversion_rate_users')
    UNION ALL
    -- What was told of these days, and may not hold any more.
    SELECT view, metric, labels, toDateTime(time, {zone:String}), 0, 0
    FROM business_1m FINAL
    WHERE tenant = {tenant:String} AND view IN ('session_goal', 'value') AND metric IN ('conversion_rate_users', 'ticket_reduction', 'roi', 'roi_strict') AND startsWith(series, 'day')
        AND part_day BETWEEN {first:Date} - 2 AND {last:Date} + 2 AND time BETWEEN toDateTime({first:Date} - 1, {zone:String}) AND toDateTime({last:Date} + 1, {zone:String})
)
WHERE {{.Mine}}
GROUP BY view, metric, labels, began
