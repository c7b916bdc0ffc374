CREATE OR REPLACE VIEW {{.Database}}.traces{{.OnCluster}}
(
    tenant LowCardinality(String) COMMENT 'Who the trace belongs to. Filter by it: the primary keys begin with it.',
    day Date COMMENT 'Day of the first that is known of the trace (trace_parts.part_day). Filter by it: days further than one away are not read.',
    trace_id String COMMENT 'Trace, as in trace_info: 32 lower-case hexadecimal digits, or an id as it was given.',
    experiment_id String COMMENT 'Experiment; 0 is the default one.',
    service_name String COMMENT 'Service of the root span, else of the first one.',
    is_eval Bool COMMENT 'Some span of it belongs to an evaluation, not to production.',
    name String COMMENT 'Name of the root span; empty: it is not there.',
    start_time DateTime64(9, 'UTC') COMMENT 'When it began: as its trace info says, else its first span.',
    seconds Nullable(Float64) COMMENT 'How long it took: as its trace info says, else from the first start to the last end; NULL: not known.',
    state String COMMENT 'OK, ERROR or IN_PROGRESS: as its trace info says, else by its root span.',
    has_root Bool COMMENT 'The root span is there.',
    root_span_id String COMMENT 'Root span''s id.',
    spans UInt64 COMMENT 'Spans.',
    errors UInt64 COMMENT 'Spans with status ERROR.',
    llm_calls UInt64 COMMENT 'Spans of kind LLM.',
    input_tokens UInt64 COMMENT 'Input tokens of billable spans.',
    output_tokens UInt64 COMMENT 'Output tokens of billable spans.',
    cost Decimal(38, 9) COMMENT 'US dollars: the spans'' cost.',
    session_id String COMMENT 'Session: as its trace info says, else the root''s, else the first by span start.',
    user_id String COMMENT 'User: likewise.',
    client_request_id String COMMENT 'The client''s own id of the request; empty: not said.',
    request_preview String COMMENT 'Beginning of the request: as its trace info says, else of the root''s input.',
    response_preview String COMMENT 'Beginning of the response: as its trace info says, else of the root''s output.',
    tags Map(String, String) COMMENT 'Tags that clients set.'
)
AS
WITH
    parts AS
    (
        SELECT tenant, trace_id, part_day, received_at, false AS told, toUInt128(0) AS version, experiment_id, service_name, is_eval, session_id, user_id,
            has_root, root_span_id, root_name, has_root AND root_status = 'ERROR' AS root_failed, start_time, start_unix_nano, end_unix_nano,
            spans, errors, llm_calls, input_tokens, output_tokens, cost, input_preview AS request_preview, output_preview AS response_preview,
            toInt64(0) AS request_ms, CAST(NULL, 'Nullable(UInt64)') AS duration_ms, '' AS state, '' AS client_request_id,
            CAST(map(), 'Map(String, Tuple(deleted Bool, value String))') AS tags
        FROM {{.Database}}.trace_parts
        UNION ALL
        SELECT tenant, trace_id, part_day, received_at, true, version, experiment_id, '', false, metadata['mlflow.trace.session'], metadata['mlflow.trace.user'],
            false, '', '', false, toDateTime64(0, 9, 'UTC'), 0, 0, 0, 0, 0, 0, 0, 0, request_preview, response_preview,
            request_ms, duration_ms, state, client_request_id,
            mapApply((key, value) -> (key, CAST((false, value), 'Tuple(deleted Bool, value String)')), tags)
        FROM {{.Database}}.trace_info
        UNION ALL
        SELECT tenant, trace_id, part_day, received_at, true, version, '', '', false, '', '',
            false, '', '', false, toDateTime64(0, 9, 'UTC'), 0, 0, 0, 0, 0, 0, 0, 0, '', '',
            0, NULL, '', '',
            CAST(map(key, (deleted, value)), 'Map(String, Tuple(deleted Bool, value String))')
        FROM {{.Database}}.trace_tags
    ),
    arrayFold((tags, told) -> mapUpdate(tags, told.2), arraySort(told_tags), CAST(map(), 'Map(String, Tuple(deleted Bool, value String))')) AS all_tags
SELECT
    tenant, day, trace_id,
    if(told_experiment != '', told_experiment, if(root_experiment != '', root_experiment, any_experiment)) AS experiment_id,
    service_name, is_eval, root_name AS name,
    if(told_ms > 0, fromUnixTimestamp64Nano(least(told_ms, 9223372036000) * 1000000, 'UTC'), first_time) AS start_time,
    multiIf(told_duration IS NOT NULL, toNullable(told_duration / 1e3), spans = 0 OR last_nano < first_nano, NULL, (last_nano - first_nano) / 1e9) AS seconds,
    multiIf(told_state NOT IN ('', 'IN_PROGRESS', 'STATE_UNSPECIFIED'), told_state,
        has_root, if(root_failed, 'ERROR', 'OK'), told_state = '', 'IN_PROGRESS', told_state) AS state,
    has_root, root_span_id, spans, errors, llm_calls, input_tokens, output_tokens, cost,
    if(told_session != '', told_session, seen_session) AS session_id,
    if(told_user != '', told_user, seen_user) AS user_id,
    client_request_id,
    if(told_request != '', told_request, seen_request) AS request_preview,
    if(told_response != '', told_response, seen_response) AS response_preview,
    mapApply((key, t) -> (key, t.value), mapFilter((key, t) -> NOT t.deleted, all_tags)) AS tags
FROM
(
    SELECT
        r.tenant AS tenant, r.trace_id AS trace_id, r.day AS day, min(r.part_day) AS first_day,
        argMaxIf(r.experiment_id, r.version, r.told AND r.experiment_id != '') AS told_experiment,
        anyIf(r.experiment_id, r.has_root) AS root_experiment, argMinIf(r.experiment_id, r.start_unix_nano, NOT r.told) AS any_experiment,
        argMinIf(r.service_name, (NOT r.has_root, r.start_unix_nano), r.service_name != '') AS service_name,
        max(r.is_eval) AS is_eval, anyIf(r.root_name, r.has_root) AS root_name, anyIf(r.root_span_id, r.has_root) AS root_span_id,
        max(r.has_root) AS has_root, max(r.root_failed) AS root_failed,
        minIf(r.start_time, NOT r.told) AS first_time, minIf(r.start_unix_nano, NOT r.told) AS first_nano, maxIf(r.end_unix_nano, NOT r.told) AS last_nano,
        sum(r.spans) AS spans, sum(r.errors) AS errors, sum(r.llm_calls) AS llm_calls,
        sum(r.input_tokens) AS input_tokens, sum(r.output_tokens) AS output_tokens, sum(r.cost) AS cost,
        argMinIf(r.session_id, (NOT r.has_root, r.start_unix_nano), NOT r.told AND r.session_id != '') AS seen_session,
        argMinIf(r.user_id, (NOT r.has_root, r.start_unix_nano), NOT r.told AND r.user_id != '') AS seen_user,
        argMaxIf(r.session_id, r.version, r.told AND r.session_id != '') AS told_session,
        argMaxIf(r.user_id, r.version, r.told AND r.user_id != '') AS told_user,
        anyIf(r.request_preview, r.has_root) AS seen_request, anyIf(r.response_preview, r.has_root) AS seen_response,
        argMaxIf(r.request_preview, r.version, r.told AND r.request_preview != '') AS told_request,
        argMaxIf(r.response_preview, r.version, r.told AND r.response_preview != '') AS told_response,
        argMaxIf(r.request_ms, r.version, r.request_ms != 0) AS told_ms,
        argMaxIf(r.duration_ms, r.version, r.duration_ms IS NOT NULL) AS told_duration,
        argMaxIf(r.state, r.version, r.state != '') AS told_state,
        argMaxIf(r.client_request_id, r.version, r.client_request_id != '') AS client_request_id,
        groupArrayIf((r.version, r.tags), notEmpty(r.tags)) AS told_tags,
        max(NOT r.told OR r.request_ms != 0) AS there
    FROM
    (
        SELECT *, part_day AS day FROM parts UNION ALL SELECT *, part_day - 1 FROM parts UNION ALL SELECT *, part_day + 1 FROM parts
    ) AS r
    LEFT ANY JOIN
    (
        SELECT tenant, trace_id, max(received_at) AS deleted_at FROM {{.Database}}.trace_deletions GROUP BY tenant, trace_id
    ) AS d ON d.tenant = r.tenant AND d.trace_id = r.trace_id
    WHERE r.received_at > d.deleted_at
    GROUP BY tenant, trace_id, day
)
WHERE day = first_day AND there
COMMENT 'Traces: a row each, from trace_parts, trace_info and trace_tags. Filter by tenant and day, then by start_time: WHERE tenant = T AND day = D. What belongs to a trace is looked for on its day and the next one: spans that start later, and tags, states or previews that are set later, are not in its row, and spans after a gap of more than a day make a row of their own. Deleted traces are not here.'
