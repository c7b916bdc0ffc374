INSERT INTO business_1m (tenant, view, metric, series, labels, time, count, sum, min, max, buckets, part_day, retention_days, version)
WITH
    (view, metric, labels, n, part) -> (view, metric, labels, toInt64(n), toInt64(part)) AS row,
    minutes AS (SELECT toDateTime(toUInt32(id), 'UTC') AS minute FROM scheduled_work WHERE run = {run:UInt64} AND tenant = {tenant:String} AND kind = 'minute'),
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
    -- Most counts have the same labels in each session: they are added up by minute before they become rows.
    counted AS
    (
        SELECT minute, by_version,
            [
                ('session', 'sessions_closed', 1, 1),
                ('session', 'engagement_rate', 1, engaged),
                ('session', 'bounce_rate', 1, NOT engaged),
                ('session', 'single_turn_rate', 1, turns = 1),
                ('session', 'completion_rate', 1, completed),
                ('session', 'completion_rate_told', 1, told_completed),
                ('session', 'abandonment_rate', 1, abandoned),
                ('session', 'abandonment_rate_strict', 1, abandoned_strict),
                ('session', 'escalation_rate', 1, NOT deflected),
                ('session', 'deflection_rate', 1, deflected),
                ('session', 'containment_rate', decided, decided AND contained),
                ('session', 'resolution_rate', 1, outcome = 'resolved'),
                ('session', 'recontact_rate', decided AND outcome = 'resolved', decided AND outcome = 'resolved' AND returned),
                ('session', 'cost_per_session', 1, cost_nano),
                ('session', 'cost_per_resolution', outcome = 'resolved', cost_nano),
                ('session', 'productivity', duration_ns, completed_tasks),
                ('value', 'minutes_saved', completed_tasks, minutes_saved),
                ('value', 'value', 1, value_lenient),
                ('value', 'value_strict', decided, if(decided, value_strict, 0)),
                ('value', 'roi', cost_nano, value_lenient - cost_nano),
                ('value', 'roi_strict', if(decided, cost_nano, 0), if(decided, value_strict - cost_nano, 0))
            ]::Array(Tuple(String, String, Int64, Int64)) AS counts,
            arrayConcat(
                [
                    row('session', 'session_duration', none, 1, duration_ns),
                    row('session', 'session_depth', none, 1, turns)
                ],
                if(outcome = 'resolved', [row('session', 'turns_to_resolution', none, 1, turns_to_outcome)], []),
                arrayMap(g -> row('session_goal', 'conversion_rate', map('goal', g), 1, goals[g] > 0), {{.Goals}}),
                arrayMap(t -> row('session_task', 'tasks_completed_rate', map('task', t), tasks_started[t], tasks_completed[t]), tasks),
                arrayMap(t -> row('session_task', 'automation_rate', map('task', t), tasks_started[t], if(deflected, tasks_completed[t], 0)), tasks),
                arrayMap(t -> row('session_task', 'cost_per_task', map('task', t), tasks_completed[t], if(tasks_completed[t] > 0, cost_nano, 0)), tasks),
                arrayFlatten(arrayMap((f, at) -> arrayMap(k -> row('funnel', 'funnel_step_rate', map('funnel', f.name, 'step', f.steps[k + 1]),
                    at[k + 1] > toDateTime64(0, 9, 'UTC'), at[k + 2] > toDateTime64(0, 9, 'UTC')), range(1, length(f.steps))), funnels, reached))
            )::Array(Tuple(String, String, Map(String, String), Int64, Int64)) AS spread
        FROM judged
    ),
    told AS
    (
        SELECT minute, arrayJoin(arrayFilter(r -> r.4 != 0 OR r.5 != 0, arrayConcat(
            arrayMap((of, n, part) -> (of.1, of.2, if(of.1 = 'value', by_version, CAST(map(), 'Map(String, String)')), n, part),
                any(arrayMap(r -> (r.1, r.2), counts)), sumForEach(arrayMap(r -> r.3, counts)), sumForEach(arrayMap(r -> r.4, counts))),
            groupArrayArray(spread)
        )::Array(Tuple(String, String, Map(String, String), Int64, Int64)))) AS r
        FROM counted GROUP BY minute, by_version
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
WHERE {{.Mine}}
GROUP BY view, metric, series, labels, minute
