INSERT INTO scheduled_facts
    (tenant, session_id, day, gone, closes_at, started_at, ended_at, user_id, experiment_id, service_name, traces, turns, failed_turns,
    last_turn_failed, last_turn_unanswered, spans, errors, llm_calls, input_tokens, output_tokens, cost_nano, busy_ns,
    outcome, turns_to_outcome, handoffs, positive, negative, goals, value_micro, tasks_started, tasks_completed, tasks_untold, saved_micro,
    marks, trace_hashes, retention_days, version)
WITH
    these AS (SELECT id FROM scheduled_work WHERE run = {run:UInt64} AND tenant = {tenant:String} AND kind = 'session'),
    those AS (SELECT id FROM scheduled_work WHERE run = {run:UInt64} AND tenant = {tenant:String} AND kind = 'user'),
    known AS (SELECT * FROM scheduled_traces WHERE run = {run:UInt64} AND tenant = {tenant:String}),
    summed AS
    (
        SELECT
            session_id, min(started_at) AS started, max(ended_at) AS ended,
            argMinIf(user_id, (started_at, trace_id), user_id != '') AS user, argMin(experiment_id, (started_at, trace_id)) AS experiment,
            argMin(service_name, (started_at, trace_id)) AS service, count() AS traces, countIf(rooted) AS turns, countIf(rooted AND failed) AS failed_turns,
            argMaxIf(failed, (started_at, trace_id), rooted) AS last_failed, argMaxIf(unanswered, (started_at, trace_id), rooted) AS last_unanswered,
            sum(spans) AS spans, sum(errors) AS errors, sum(llm_calls) AS llm_calls, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
            sum(cost_nano) AS cost_nano, sumIf(toUnixTimestamp64Nano(ended_at) - toUnixTimestamp64Nano(started_at), rooted) AS busy_ns,
            groupArrayIf(started_at, rooted) AS turn_starts, arraySort(groupArray(cityHash64(trace_id))) AS trace_hashes, max(retention_days) AS retention_days
        FROM known WHERE session_id IN (these) GROUP BY session_id
    ),
    deleted AS
    (
        SELECT trace_id, max(received_at) AS deleted_at FROM trace_deletions
        WHERE tenant = {tenant:String} AND part_day >= {day:Date} - 9 GROUP BY trace_id
    ),
    events AS
    (
        SELECT event_id, first.1 AS name, first.2 AS time, first.3 AS trace_id, first.4 AS session_id, first.5 AS user_id, first.6 AS value, first.7 AS attrs
        FROM
        (
            SELECT event_id, argMin((e.name, e.time, e.trace_id, e.session_id, e.user_id, e.value, e.attrs), (e.received_at, e.version)) AS first
            FROM business_events AS e LEFT ANY JOIN deleted AS d ON d.trace_id = e.trace_id
            WHERE tenant = {tenant:String} AND part_day BETWEEN {day:Date} - 8 AND {day:Date} + 8 AND e.received_at > d.deleted_at
                AND (session_id IN (these) OR session_id = '' AND (e.trace_id IN (SELECT trace_id FROM known) OR e.trace_id = '' AND user_id IN (those)))
            GROUP BY part_day, event_id
        )
    ),
    homed AS
    (
        SELECT session_id AS home, event_id, name, time, value, attrs FROM events WHERE session_id != ''
        UNION ALL
        SELECT k.session_id, e.event_id, e.name, e.time, e.value, e.attrs FROM events AS e JOIN known AS k ON k.trace_id = e.trace_id
        WHERE e.session_id = '' AND e.trace_id != ''
        UNION ALL
        SELECT s.session_id, e.event_id, e.name, e.time, e.value, e.attrs
        FROM (SELECT * FROM events WHERE session_id = '' AND trace_id = '' AND user_id != '') AS e
        ASOF JOIN (SELECT session_id, user, started FROM summed WHERE user != '') AS s ON s.user = e.user_id AND s.started <= e.time
        WHERE e.time <= s.started + toIntervalSecond({lookback:UInt32})
    ),
    told AS
    (
        SELECT
            home, argMaxIf(attrs['outcome'], (time, event_id), name = 'session.outcome') AS outcome, maxIf(time, name = 'session.outcome') AS outcome_at,
            countIf(name = 'handoff') AS handoffs,
            countIf(name = 'feedback' AND multiIf(attrs['kind'] = 'thumbs', value > 0, attrs['kind'] = 'csat', value >= 4000000, attrs['kind'] = 'nps', value >= 9000000, false)) AS positive,
            countIf(name = 'feedback' AND multiIf(attrs['kind'] = 'thumbs', value <= 0, attrs['kind'] = 'csat', value <= 2000000, attrs['kind'] = 'nps', value <= 6000000, false)) AS negative,
            sumMapIf(map(attrs['goal'], toUInt64(1)), name = 'goal') AS goals, sumIf(ifNull(value, 0), name = 'goal') AS value_micro,
            sumMapIf(map(attrs['task'], toUInt64(1)), name = 'task' AND attrs['state'] = 'started') AS tasks_started,
            sumMapIf(map(attrs['task'], toUInt64(1)), name = 'task' AND attrs['state'] = 'completed') AS tasks_completed,
            sumMapIf(map(attrs['task'], toUInt64(1)), name = 'task' AND attrs['state'] = 'completed' AND isNull(value)) AS tasks_untold,
            sumIf(ifNull(value, 0), name = 'task' AND attrs['state'] = 'completed') AS saved_micro,
            arraySort(groupArrayIf((time, if(name = 'goal', attrs['goal'], attrs['feature'])), name IN ('goal', 'feature.use'))) AS marks
        FROM homed GROUP BY home
    ),
    judged AS
    (
        SELECT
            k.session_id AS home, countIf(a.name != 'session.outcome' AND a.value IN ('true', '"yes"', '"pass"')) AS positive,
            countIf(a.name != 'session.outcome' AND a.value IN ('false', '"no"', '"fail"')) AS negative,
            argMaxIf(trimBoth(a.value, '"'), (a.created_at, a.assessment_id), a.name = 'session.outcome') AS outcome,
            maxIf(a.created_at, a.name = 'session.outcome') AS outcome_at
        FROM
        (
            SELECT
                a.trace_id AS trace_id, assessment_id, argMaxIf(a.name, version, bitTest(mask, 0)) AS name, argMaxIf(a.value, version, bitTest(mask, 2)) AS value,
                fromUnixTimestamp64Milli(argMaxIf(create_ms, version, bitTest(mask, 8)), 'UTC') AS created_at
            FROM assessments AS a LEFT ANY JOIN deleted AS d ON d.trace_id = a.trace_id
            WHERE tenant = {tenant:String} AND part_day >= {day:Date} - 9 AND a.trace_id IN (SELECT trace_id FROM known) AND a.received_at > d.deleted_at
            GROUP BY trace_id, assessment_id
            HAVING NOT max(deleted) AND max(bitTest(mask, 0)) AND argMaxIf(a.type, version, bitTest(mask, 2)) = 'feedback' AND argMaxIf(a.valid, version, bitTest(mask, 7))
                AND NOT argMaxIf(a.has_error, version, bitTest(mask, 2)) AND (name = 'session.outcome' OR argMaxIf(a.source_type, version, bitTest(mask, 1)) = 'HUMAN')
        ) AS a
        JOIN known AS k ON k.trace_id = a.trace_id
        GROUP BY home
    )
SELECT
    {tenant:String}, s.session_id, toDate(s.ended + INTERVAL 30 MINUTE), false, s.ended + INTERVAL 30 MINUTE, s.started, s.ended, s.user, s.experiment, s.service,
    s.traces, s.turns, s.failed_turns, s.last_failed, s.last_unanswered, s.spans, s.errors, s.llm_calls, s.input_tokens, s.output_tokens, s.cost_nano, s.busy_ns,
    if(t.outcome != '', t.outcome, j.outcome),
    arrayCount(at -> at <= if(t.outcome != '', t.outcome_at, toDateTime64(j.outcome_at, 9, 'UTC')), s.turn_starts),
    t.handoffs, t.positive + j.positive, t.negative + j.negative, t.goals, t.value_micro, t.tasks_started, t.tasks_completed, t.tasks_untold, t.saved_micro,
    t.marks, s.trace_hashes, s.retention_days, {run:UInt64}
FROM summed AS s
LEFT ANY JOIN told AS t ON t.home = s.session_id
LEFT ANY JOIN judged AS j ON j.home = s.session_id
