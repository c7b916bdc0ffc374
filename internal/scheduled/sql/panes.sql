INSERT INTO business_1m (tenant, view, metric, series, labels, time, count, sum, min, max, buckets, part_day, retention_days, version)
WITH
    (view, metric, labels, n, part) -> (view, metric, labels, toInt64(n), toInt64(part)) AS row,
    minutes AS
    (
        SELECT DISTINCT toStartOfMinute(closes_at) AS minute FROM session_facts
        WHERE tenant = {tenant:String} AND {{.Due}} AND closes_at <= fromUnixTimestamp64Milli({now:Int64}, 'UTC')
    ),
    closed AS
    (
        SELECT * FROM sessions
        WHERE tenant = {tenant:String} AND day BETWEEN {first:Date} AND {last:Date} AND toStartOfMinute(closes_at) IN (minutes)
            AND closes_at <= fromUnixTimestamp64Milli({now:Int64}, 'UTC')
    ),
    visits AS
    (
        SELECT user_id, arraySort(groupArray(started_at)) AS starts FROM sessions
        WHERE tenant = {tenant:String} AND day BETWEEN {first:Date} - 1 AND {last:Date} + {{.WaitDays}} AND user_id IN (SELECT user_id FROM closed WHERE user_id != '')
        GROUP BY user_id
    ),
    judged AS
    (
        SELECT
            c.*, toDateTime(toStartOfMinute(c.closes_at), 'UTC') AS minute, toDate(c.closes_at, {zone:String}) AS local_day,
            arrayLastIndex(d -> d <= local_day, {{.Since}}) AS assumed,
            c.ended_at + toIntervalSecond({wait:UInt32}) <= fromUnixTimestamp64Milli({now:Int64}, 'UTC') AS decided,
            arrayExists(at -> at > c.ended_at AND at <= c.ended_at + toIntervalSecond({wait:UInt32}), v.starts) AS returned,
            c.handoffs = 0 AS deflected,
            c.handoffs = 0 AND NOT c.abandoned AND (c.positive > 0 OR NOT returned) AS contained,
            arraySum(mapValues(c.tasks_completed)) AS completed_tasks,
            c.saved_micro + arraySum((task, n) -> n * arrayElement({{.TaskMinutes}}, assumed)[task], mapKeys(c.tasks_untold), mapValues(c.tasks_untold))
                - if(empty(c.tasks_untold), 0, intDiv(c.busy_ns, 60000)) AS minutes_saved,
            c.goal_value_micro * 1000 + toInt64(intDiv(toInt128(minutes_saved) * arrayElement({{.HourlyRate}}, assumed), 60000000)) AS gained,
            gained + if(deflected, arrayElement({{.TicketCost}}, assumed), 0) AS value_lenient,
            gained + if(contained, arrayElement({{.TicketCost}}, assumed), 0) AS value_strict,
            arrayDistinct(arrayConcat(mapKeys(c.tasks_started), mapKeys(c.tasks_completed))) AS tasks,
            {{.Funnels}} AS funnels,
            arrayMap(f -> arrayFold((past, step) -> arrayPushBack(past, if(past[-1] = toDateTime64(0, 9, 'UTC'), past[-1],
                arrayFirst(m -> m.name = step AND m.at >= past[-1] AND (length(past) = 1 OR m.at <= past[-1] + toIntervalSecond(f.within)), c.marks).at)),
                f.steps, [toDateTime64(1, 9, 'UTC')]), funnels) AS reached,
            CAST(map(), 'Map(String, String)') AS none, map('assumptions', arrayElement({{.Versions}}, assumed)) AS by_version
        FROM closed AS c
        LEFT ANY JOIN visits AS v ON v.user_id = c.user_id AND c.user_id != ''
    ),
    told AS
    (
        SELECT minute, arrayJoin(arrayConcat(
            [
                row('session', 'sessions_closed', none, 1, 1),
                row('session', 'session_duration', none, 1, duration_ns),
                row('session', 'session_depth', none, 1, turns),
                row('session', 'engagement_rate', none, 1, engaged),
                row('session', 'bounce_rate', none, 1, NOT engaged),
                row('session', 'single_turn_rate', none, 1, turns = 1),
                row('session', 'completion_rate', none, 1, completed),
                row('session', 'completion_rate_told', none, 1, told_completed),
                row('session', 'abandonment_rate', none, 1, abandoned),
                row('session', 'abandonment_rate_strict', none, 1, abandoned_strict),
                row('session', 'escalation_rate', none, 1, NOT deflected),
                row('session', 'deflection_rate', none, 1, deflected),
                row('session', 'resolution_rate', none, 1, outcome = 'resolved'),
                row('session', 'cost_per_session', none, 1, cost_nano),
                row('session', 'cost_per_resolution', none, outcome = 'resolved', cost_nano),
                row('session', 'productivity', none, duration_ns, completed_tasks),
                row('value', 'minutes_saved', by_version, completed_tasks, minutes_saved),
                row('value', 'value', by_version, 1, value_lenient),
                row('value', 'roi', by_version, cost_nano, value_lenient - cost_nano)
            ],
            if(outcome = 'resolved', [row('session', 'turns_to_resolution', none, 1, turns_to_outcome)], []),
            if(decided,
            [
                row('session', 'containment_rate', none, 1, contained),
                row('value', 'value_strict', by_version, 1, value_strict),
                row('value', 'roi_strict', by_version, cost_nano, value_strict - cost_nano)
            ], []),
            if(decided AND outcome = 'resolved', [row('session', 'recontact_rate', none, 1, returned)], []),
            arrayMap(g -> row('session_goal', 'conversion_rate', map('goal', g), 1, goals[g] > 0), {{.Goals}}),
            arrayMap(t -> row('session_task', 'tasks_completed_rate', map('task', t), tasks_started[t], tasks_completed[t]), tasks),
            arrayMap(t -> row('session_task', 'automation_rate', map('task', t), tasks_started[t], if(deflected, tasks_completed[t], 0)), tasks),
            arrayMap(t -> row('session_task', 'cost_per_task', map('task', t), tasks_completed[t], if(tasks_completed[t] > 0, cost_nano, 0)), tasks),
            arrayFlatten(arrayMap((f, at) -> arrayMap(k -> row('funnel', 'funnel_step_rate', map('funnel', f.name, 'step', f.steps[k + 1]),
                at[k + 1] > toDateTime64(0, 9, 'UTC'), at[k + 2] > toDateTime64(0, 9, 'UTC')), range(1, length(f.steps))), funnels, reached))
        )::Array(Tuple(String, String, Map(String, String), Int64, Int64))) AS r
        FROM judged
    )
SELECT {tenant:String}, view, metric, series, labels, minute, sum(n), sum(s), min(low), max(high), sumMap(b), toDate(minute), {{.Kept}}, {run:UInt64}
FROM
(
    SELECT
        r.1 AS view, r.2 AS metric, r.3 AS labels, arrayStringConcat(arrayMap((k, v) -> k || '=' || v, mapKeys(labels), mapValues(labels)), ',') AS series,
        minute, r.4 AS n, r.5 AS s, metric IN ({{.Distributions}}) AS spread,
        if(spread, s, 9223372036854775807) AS low, if(spread, s, -9223372036854775808) AS high,
        CAST(if(spread, map(if(s = 0, -1, floor(log2(s) * 32)), 1), map()), 'Map(Int16, UInt64)') AS b
    FROM told
    UNION ALL
    SELECT view, metric, labels, series, time, 0, 0, false, 9223372036854775807, -9223372036854775808, map()
    FROM business_1m FINAL
    WHERE tenant = {tenant:String} AND part_day BETWEEN {first:Date} AND {last:Date} AND time IN (minutes) AND view IN ('session', 'session_goal', 'session_task', 'funnel', 'value')
        AND NOT startsWith(series, 'day')
)
GROUP BY view, metric, series, labels, minute
