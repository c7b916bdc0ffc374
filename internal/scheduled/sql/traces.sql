INSERT INTO scheduled_traces
    (run, tenant, trace_id, session_id, user_id, experiment_id, service_name, started_at, ended_at, rooted, failed, unanswered,
    spans, errors, llm_calls, input_tokens, output_tokens, cost_nano, retention_days)
WITH traces AS (SELECT id FROM scheduled_work WHERE run = {run:UInt64} AND tenant = {tenant:String} AND kind = 'trace')
SELECT
    {run:UInt64}, {tenant:String}, trace_id, if(told_session != '', told_session, seen_session), if(told_user != '', told_user, seen_user),
    if(told_experiment != '', told_experiment, seen_experiment), service_name, started_at, ended_at, rooted, failed, unanswered,
    spans, errors, llm_calls, input_tokens, output_tokens, cost_nano, retention_days
FROM
(
    SELECT
        r.trace_id AS trace_id,
        argMaxIf(r.session_id, r.version, r.told AND r.session_id != '') AS told_session,
        argMaxIf(r.user_id, r.version, r.told AND r.user_id != '') AS told_user,
        argMaxIf(r.experiment_id, r.version, r.told AND r.experiment_id != '') AS told_experiment,
        argMinIf(r.session_id, (NOT r.has_root, r.start_unix_nano), NOT r.told AND r.session_id != '') AS seen_session,
        argMinIf(r.user_id, (NOT r.has_root, r.start_unix_nano), NOT r.told AND r.user_id != '') AS seen_user,
        argMinIf(r.experiment_id, (NOT r.has_root, r.start_unix_nano), NOT r.told) AS seen_experiment,
        argMinIf(r.service_name, (NOT r.has_root, r.start_unix_nano), r.service_name != '') AS service_name,
        minIf(least(r.start, r.end), NOT r.told) AS started_at, maxIf(r.end, NOT r.told) AS ended_at,
        max(r.has_root) AS rooted, max(r.root_failed) AS failed, max(r.root_unanswered) AS unanswered, max(r.evaluation) AS evaluation,
        sum(r.spans) AS spans, sum(r.errors) AS errors, sum(r.llm_calls) AS llm_calls,
        sum(r.input_tokens) AS input_tokens, sum(r.output_tokens) AS output_tokens, sum(r.cost_nano) AS cost_nano,
        max(r.retention_days) AS retention_days
    FROM
    (
        SELECT
            trace_id, false AS told, toUInt128(0) AS version, session_id, user_id, experiment_id, service_name, has_root, start_unix_nano,
            if(start_time BETWEEN received_at - INTERVAL 30 DAY AND received_at + INTERVAL 1 DAY, start_time, toDateTime64(received_at, 9, 'UTC')) AS start,
            if(end_time BETWEEN received_at - INTERVAL 30 DAY AND received_at + INTERVAL 1 DAY, end_time, toDateTime64(received_at, 9, 'UTC')) AS end,
            has_root AND root_status = 'ERROR' AS root_failed, has_root AND input_preview != '' AND output_preview = '' AS root_unanswered, is_eval AS evaluation,
            spans, errors, llm_calls, input_tokens, output_tokens, toInt64(cost * 1000000000) AS cost_nano, received_at, retention_days
        FROM trace_parts
        WHERE tenant = {tenant:String} AND part_day BETWEEN {day:Date} - 8 AND {day:Date} + 8 AND trace_id IN (traces)
        UNION ALL
        SELECT
            trace_id, true, version, metadata['mlflow.trace.session'], metadata['mlflow.trace.user'], experiment_id, '', false, 0,
            toDateTime64(0, 9, 'UTC'), toDateTime64(0, 9, 'UTC'), false, false, metadata['mlflow.sourceRun'] != '', 0, 0, 0, 0, 0, 0, received_at, 0
        FROM trace_info
        WHERE tenant = {tenant:String} AND part_day BETWEEN {day:Date} - 8 AND {day:Date} + 8 AND trace_id IN (traces)
    ) AS r
    LEFT ANY JOIN
    (
        SELECT trace_id, max(received_at) AS deleted_at FROM trace_deletions
        WHERE tenant = {tenant:String} AND part_day >= {day:Date} - 9 AND trace_id IN (traces) GROUP BY trace_id
    ) AS d ON d.trace_id = r.trace_id
    WHERE r.received_at > d.deleted_at
    GROUP BY trace_id
)
WHERE spans > 0 AND NOT evaluation
