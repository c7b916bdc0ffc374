CREATE OR REPLACE VIEW {{.Database}}.llm_calls{{.OnCluster}}
(
    tenant LowCardinality(String) COMMENT 'Who the trace belongs to. Filter by it: the primary keys begin with it.',
    day Date COMMENT 'Day that partitions go by (spans.part_day). Filter by it: other days are not read.',
    experiment_id LowCardinality(String) COMMENT 'Experiment; 0 is the default one.',
    service_name LowCardinality(String) COMMENT 'Service that sent the span.',
    environment LowCardinality(String) COMMENT 'Deployment environment.',
    is_eval Bool COMMENT 'The span belongs to an evaluation, not to production.',
    trace_id String COMMENT 'Trace: 32 lower-case hexadecimal digits.',
    span_id String COMMENT 'Span: 16 lower-case hexadecimal digits.',
    parent_span_id String COMMENT 'Span id of the parent; empty: a root.',
    name LowCardinality(String) COMMENT 'Span name as sent.',
    start_time DateTime64(9, 'UTC') COMMENT 'Start.',
    seconds Float64 COMMENT 'End minus start.',
    first_token_seconds Nullable(Float64) COMMENT 'Time to the first token; NULL: not reported.',
    status Enum8('UNSET' = 0, 'OK' = 1, 'ERROR' = 2) COMMENT 'OTLP status code.',
    error_type LowCardinality(String) COMMENT 'Class of the error; empty: none.',
    status_message String COMMENT 'OTLP status message.',
    operation LowCardinality(String) COMMENT 'GenAI operation: chat, text_completion, ...',
    provider LowCardinality(String) COMMENT 'GenAI provider: openai, anthropic, ...',
    provider_inferred Bool COMMENT 'The span does not say who answered: provider is what the model''s name begins with, or whose SDK was called.',
    model LowCardinality(String) COMMENT 'Model that is priced: the response''s, else the request''s.',
    request_model LowCardinality(String) COMMENT 'Model asked for.',
    response_model LowCardinality(String) COMMENT 'Model that answered.',
    server_address LowCardinality(String) COMMENT 'Host that was called.',
    input_tokens Nullable(UInt64) COMMENT 'Input tokens, cache reads and writes included; NULL: not reported.',
    output_tokens Nullable(UInt64) COMMENT 'Output tokens, reasoning included; NULL: not reported.',
    total_tokens Nullable(UInt64) COMMENT 'Total tokens as reported; NULL: not reported.',
    cache_read_tokens Nullable(UInt64) COMMENT 'Input tokens read from a prompt cache.',
    cache_write_tokens Nullable(UInt64) COMMENT 'Input tokens written to a prompt cache.',
    reasoning_tokens Nullable(UInt64) COMMENT 'Output tokens spent on reasoning.',
    usage_billable Bool COMMENT 'The call''s own usage; false where it repeats its children''s, so that sums leave it out.',
    cost Decimal(18, 9) COMMENT 'US dollars; 0 when cost_source is none.',
    cost_source LowCardinality(String) COMMENT 'Where cost comes from: computed, reported_detail, reported_total or none.',
    price_version LowCardinality(String) COMMENT 'Price book of a computed cost.',
    finish_reasons Array(LowCardinality(String)) COMMENT 'Why the model stopped, one for each choice: stop, length, tool_calls, ...',
    is_stream Bool COMMENT 'The answer was streamed.',
    is_batch Bool COMMENT 'The call was part of a batch.',
    service_tier LowCardinality(String) COMMENT 'Tier that served the call, else the one asked for.',
    temperature Nullable(Float64) COMMENT 'Temperature asked for.',
    max_tokens Nullable(UInt64) COMMENT 'Most output tokens asked for.',
    reasoning_level LowCardinality(String) COMMENT 'How much reasoning was asked for.',
    session_id String COMMENT 'Session or conversation.',
    user_id String COMMENT 'End user.',
    agent_name LowCardinality(String) COMMENT 'Agent.',
    prompt_name LowCardinality(String) COMMENT 'Prompt in a registry.',
    prompt_version LowCardinality(String) COMMENT 'Its version.',
    release LowCardinality(String) COMMENT 'Release of the application.',
    input String COMMENT 'Messages that went in, as the attributes have them; if there are none there, a list of those in span_content.',
    output String COMMENT 'Messages that came out, likewise.'
)
AS
WITH
    (role, body) -> multiIf(
        startsWith(body, '['), if(role = '', substring(body, 2, length(body) - 2), '{"role":"' || role || '","parts":' || body || '}'),
        startsWith(body, '{'), if(role = '' OR JSONHas(body, 'role'), body, '{"role":"' || role || '",' || substring(body, 2)),
        if(role = '', '{', '{"role":"' || role || '",') || '"content":' || body || '}') AS message,
    pieces -> if(empty(pieces), '', '[' || arrayStringConcat(arrayMap(p -> message(p.role, p.body), arrayFilter((p, nth) -> nth = 1, pieces,
        arrayEnumerateUniq(arrayMap(p -> (p.time_unix_nano, p.ordinal, p.event_name, p.body), pieces)))), ',') || ']') AS messages
SELECT
    s.tenant AS tenant, s.part_day AS day, experiment_id, service_name, environment, is_eval,
    s.trace_id AS trace_id, s.span_id AS span_id, parent_span_id, name, start_time, duration_ns / 1e9 AS seconds,
    ttft_ns / 1e9 AS first_token_seconds, status, error_type, status_message,
    operation, provider, provider_inferred, model, request_model, response_model, server_address,
    input_tokens, output_tokens, total_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_billable,
    cost, cost_source, price_version,
    finish_reasons, is_stream, is_batch, service_tier, temperature, max_tokens, reasoning_level,
    session_id, user_id, agent_name, prompt_name, prompt_version, release,
    if(s.input != '', s.input, messages(arraySort(arrayFilter(p -> p.received_at > d.deleted_at, c.taken)))) AS input,
    if(s.output != '', s.output, messages(arraySort(arrayFilter(p -> p.received_at > d.deleted_at, c.given)))) AS output
FROM {{.Database}}.spans AS s
LEFT ANY JOIN
(
    SELECT tenant, trace_id, max(received_at) AS deleted_at FROM {{.Database}}.trace_deletions GROUP BY tenant, trace_id
) AS d ON d.tenant = s.tenant AND d.trace_id = s.trace_id
LEFT ANY JOIN
(
    SELECT tenant, trace_id, span_id, day, groupArrayIf(piece, NOT output) AS taken, groupArrayIf(piece, output) AS given
    FROM
    (
        SELECT tenant, trace_id, span_id, output, part_day AS day,
            tuple(time_unix_nano, ordinal, version, event_name, role, body, received_at)
            ::Tuple(time_unix_nano UInt64, ordinal Int32, version UInt128, event_name String, role String, body String, received_at DateTime64(3, 'UTC')) AS piece
        FROM {{.Database}}.span_content
        UNION ALL
        SELECT tenant, trace_id, span_id, output, part_day - 1 AS day,
            tuple(time_unix_nano, ordinal, version, event_name, role, body, received_at)
            ::Tuple(time_unix_nano UInt64, ordinal Int32, version UInt128, event_name String, role String, body String, received_at DateTime64(3, 'UTC'))
        FROM {{.Database}}.span_content
    )
    GROUP BY tenant, trace_id, span_id, day
) AS c ON c.tenant = s.tenant AND c.trace_id = s.trace_id AND c.span_id = s.span_id AND c.day = s.part_day
WHERE s.kind = 'LLM' AND s.received_at > d.deleted_at
COMMENT 'Calls of language models: the spans of kind LLM, with their content also where that came as logs (span_content of the same day or the next). Filter by tenant and day, then by start_time: WHERE tenant = T AND day = D AND start_time > S. Deleted traces are not here.'
