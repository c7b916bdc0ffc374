-- spanmill_local
CREATE DATABASE IF NOT EXISTS spanmill_local ON CLUSTER 'prod'

-- 0001_spans
CREATE TABLE IF NOT EXISTS spanmill_local.spans ON CLUSTER 'prod'
(
    tenant LowCardinality(String) COMMENT 'Who the span belongs to.',
    experiment_id LowCardinality(String) COMMENT 'Experiment (MLflow''s word); 0 is the default one.',
    service_name LowCardinality(String) COMMENT 'Resource attribute service.name.',
    trace_id String COMMENT '32 lower-case hexadecimal digits.' CODEC(ZSTD(1)),
    span_id String COMMENT '16 lower-case hexadecimal digits.' CODEC(ZSTD(1)),
    parent_span_id String COMMENT 'Span id of the parent; empty: a root.' CODEC(ZSTD(1)),
    is_root Bool COMMENT 'The span has no parent: it stands for its trace.',
    name LowCardinality(String) COMMENT 'Span name as sent.',
    kind LowCardinality(String) COMMENT 'What the span does: LLM, TOOL, AGENT, RETRIEVER, ... or UNKNOWN.',
    otel_kind LowCardinality(String) COMMENT 'OTLP span kind: INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER or UNSPECIFIED; an undefined number as sent.',
    status Enum8('UNSET' = 0, 'OK' = 1, 'ERROR' = 2) COMMENT 'OTLP status code; undefined codes are UNSET.',
    status_message String COMMENT 'OTLP status message.' CODEC(ZSTD(1)),
    start_time DateTime64(9, 'UTC') COMMENT 'Start, clamped to what the type holds; start_unix_nano is as sent.' CODEC(Delta, ZSTD(1)),
    end_time DateTime64(9, 'UTC') COMMENT 'End, clamped to what the type holds; end_unix_nano is as sent.' CODEC(Delta, ZSTD(1)),
    duration_ns UInt64 COMMENT 'End minus start in nanoseconds; 0 when the start is missing or after the end.' CODEC(T64, ZSTD(1)),
    start_unix_nano UInt64 COMMENT 'Start as sent.' CODEC(Delta, ZSTD(1)),
    end_unix_nano UInt64 COMMENT 'End as sent.' CODEC(Delta, ZSTD(1)),
    time_flags UInt8 COMMENT 'What is odd about the times: 1 and 2 part_day is the day of receipt, 4 start clamped, 8 end clamped, 16 end before start, 32 a time is missing.',
    operation LowCardinality(String) COMMENT 'GenAI operation: chat, embeddings, execute_tool, ...',
    provider LowCardinality(String) COMMENT 'GenAI provider: openai, anthropic, ...',
    model LowCardinality(String) COMMENT 'Model that is priced: the response''s, else the request''s.',
    request_model LowCardinality(String) COMMENT 'Model asked for.',
    response_model LowCardinality(String) COMMENT 'Model that answered.',
    input_tokens Nullable(UInt64) COMMENT 'Input tokens, cache reads and writes included; NULL: not reported.' CODEC(ZSTD(1)),
    output_tokens Nullable(UInt64) COMMENT 'Output tokens, reasoning included; NULL: not reported.' CODEC(ZSTD(1)),
    total_tokens Nullable(UInt64) COMMENT 'Total tokens as reported; NULL: not reported.' CODEC(ZSTD(1)),
    cache_read_tokens Nullable(UInt64) COMMENT 'Input tokens read from a prompt cache.' CODEC(ZSTD(1)),
    cache_write_tokens Nullable(UInt64) COMMENT 'Input tokens written to a prompt cache.' CODEC(ZSTD(1)),
    reasoning_tokens Nullable(UInt64) COMMENT 'Output tokens spent on reasoning.' CODEC(ZSTD(1)),
    usage_billable Bool COMMENT 'The span''s own usage; false where it repeats its children''s.',
    cost Decimal(18, 9) COMMENT 'US dollars; 0 when cost_source is none.' CODEC(ZSTD(1)),
    cost_source LowCardinality(String) COMMENT 'Where cost comes from: computed, reported_detail, reported_total or none.',
    session_id String COMMENT 'Session or conversation.' CODEC(ZSTD(1)),
    user_id String COMMENT 'End user.' CODEC(ZSTD(1)),
    environment LowCardinality(String) COMMENT 'Deployment environment.',
    agent_name LowCardinality(String) COMMENT 'Agent.',
    tool_name LowCardinality(String) COMMENT 'Tool.',
    error_type LowCardinality(String) COMMENT 'Class of the error.',
    semconv_family LowCardinality(String) COMMENT 'Dialect the attributes were written in.',
    input String COMMENT 'Prompt or arguments.' CODEC(ZSTD(1)),
    input_key LowCardinality(String) COMMENT 'Attribute that input was taken from; it is in no map.',
    input_structured Bool COMMENT 'That attribute was sent as a list or map, which input shows as JSON; false: as the text.',
    output String COMMENT 'Completion or result.' CODEC(ZSTD(1)),
    output_key LowCardinality(String) COMMENT 'Attribute that output was taken from; it is in no map.',
    output_structured Bool COMMENT 'That attribute was sent as a list or map, which output shows as JSON; false: as the text.',
    attr_str Map(LowCardinality(String), String) COMMENT 'Span attributes that are strings.' CODEC(ZSTD(1)),
    attr_int Map(LowCardinality(String), Int64) COMMENT 'Span attributes that are integers.' CODEC(ZSTD(1)),
    attr_double Map(LowCardinality(String), Float64) COMMENT 'Span attributes that are doubles.' CODEC(ZSTD(1)),
    attr_bool Map(LowCardinality(String), Bool) COMMENT 'Span attributes that are booleans.' CODEC(ZSTD(1)),
    attr_json Map(LowCardinality(String), String) COMMENT 'Span attributes that are lists or maps, as JSON; null: an empty value.' CODEC(ZSTD(1)),
    attr_bytes Map(LowCardinality(String), String) COMMENT 'Span attributes that are bytes, and values nested too deep in wire form (mended says so).' CODEC(ZSTD(1)),
    dropped_attrs UInt32 COMMENT 'Attributes the SDK dropped.',
    dropped_events UInt32 COMMENT 'Events the SDK dropped.',
    dropped_links UInt32 COMMENT 'Links the SDK dropped.',
    resource_attrs LowCardinality(String) COMMENT 'Resource attributes as JSON.' CODEC(ZSTD(1)),
    resource_dropped_attrs UInt32 COMMENT 'Resource attributes the SDK dropped.',
    resource_schema_url LowCardinality(String) COMMENT 'Schema of the resource.',
    scope_name LowCardinality(String) COMMENT 'Instrumentation library.',
    scope_version LowCardinality(String) COMMENT 'Version of the instrumentation library.',
    scope_attrs LowCardinality(String) COMMENT 'Scope attributes as JSON.',
    scope_dropped_attrs UInt32 COMMENT 'Scope attributes the SDK dropped.',
    scope_schema_url LowCardinality(String) COMMENT 'Schema of the spans.',
    trace_state String COMMENT 'W3C tracestate.' CODEC(ZSTD(1)),
    span_flags UInt32 COMMENT 'OTLP flags.',
    events_time_unix_nano Array(UInt64) COMMENT 'Events: time as sent.' CODEC(ZSTD(1)),
    events_name Array(LowCardinality(String)) COMMENT 'Events: name.',
    events_attrs Array(String) COMMENT 'Events: attributes as JSON.' CODEC(ZSTD(1)),
    events_dropped_attrs Array(UInt32) COMMENT 'Events: attributes the SDK dropped.',
    links_trace_id Array(String) COMMENT 'Links: trace id in hexadecimal, of any length.' CODEC(ZSTD(1)),
    links_span_id Array(String) COMMENT 'Links: span id in hexadecimal, of any length.' CODEC(ZSTD(1)),
    links_trace_state Array(String) COMMENT 'Links: W3C tracestate.' CODEC(ZSTD(1)),
    links_attrs Array(String) COMMENT 'Links: attributes as JSON.' CODEC(ZSTD(1)),
    links_dropped_attrs Array(UInt32) COMMENT 'Links: attributes the SDK dropped.',
    links_flags Array(UInt32) COMMENT 'Links: OTLP flags.',
    mended UInt8 COMMENT 'What decoding mended: 1 invalid UTF-8 is now U+FFFD, 2 a value nested too deep is kept as bytes.',
    received_at DateTime64(3, 'UTC') COMMENT 'When the gateway received the span: the time of its record.' CODEC(Delta, ZSTD(1)),
    part_day Date COMMENT 'Day that partition and retention go by: the start''s, or the day of receipt if that is absurd.',
    retention_days UInt16 COMMENT 'Days after part_day that the row is kept.',
    src_log LowCardinality(String) COMMENT 'Log the row comes from: topic id and incarnation.',
    src_partition Int32 COMMENT 'Partition of the topic.',
    src_offset Int64 COMMENT 'Offset of the record.' CODEC(Delta, ZSTD(1)),
    src_index UInt32 COMMENT 'Ordinal of the span in its record.' CODEC(Delta, ZSTD(1)),
    origin String COMMENT 'topic/partition/offset/index of a re-driven dead letter''s first life, else empty.',
    INDEX by_trace_id trace_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_start_time start_time TYPE minmax GRANULARITY 1,
    INDEX by_src_offset src_offset TYPE minmax GRANULARITY 1
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY part_day
ORDER BY (tenant, experiment_id, service_name, intDiv(start_unix_nano, 300000000000), trace_id, start_unix_nano)
TTL part_day + toIntervalDay(retention_days)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800, ttl_only_drop_parts = 0,
    min_bytes_for_wide_part = 134217728, merge_selector_base = 10
COMMENT 'One row for each span.'

-- 0002_trace_parts
CREATE TABLE IF NOT EXISTS spanmill_local.trace_parts ON CLUSTER 'prod'
(
    tenant LowCardinality(String) COMMENT 'Who the trace belongs to.',
    experiment_id LowCardinality(String) COMMENT 'Experiment; 0 is the default one.',
    service_name LowCardinality(String) COMMENT 'Service of the root span, else of the first span seen.',
    trace_id String COMMENT '32 lower-case hexadecimal digits.' CODEC(ZSTD(1)),
    has_root Bool COMMENT 'The trace''s root span is in this part.',
    root_span_id String COMMENT 'Root span''s id; empty: not in this part.' CODEC(ZSTD(1)),
    root_name LowCardinality(String) COMMENT 'Root span''s name.',
    root_status Enum8('UNSET' = 0, 'OK' = 1, 'ERROR' = 2) COMMENT 'Root span''s status.',
    root_start_unix_nano UInt64 COMMENT 'Root span''s start as sent.' CODEC(Delta, ZSTD(1)),
    root_end_unix_nano UInt64 COMMENT 'Root span''s end as sent.' CODEC(Delta, ZSTD(1)),
    start_time DateTime64(9, 'UTC') COMMENT 'Least start, clamped to what the type holds.' CODEC(Delta, ZSTD(1)),
    end_time DateTime64(9, 'UTC') COMMENT 'Greatest end, clamped to what the type holds.' CODEC(Delta, ZSTD(1)),
    start_unix_nano UInt64 COMMENT 'Least start as sent.' CODEC(Delta, ZSTD(1)),
    end_unix_nano UInt64 COMMENT 'Greatest end as sent.' CODEC(Delta, ZSTD(1)),
    spans UInt32 COMMENT 'Spans in this part.' CODEC(ZSTD(1)),
    errors UInt32 COMMENT 'Spans with status ERROR in this part.' CODEC(ZSTD(1)),
    llm_calls UInt32 COMMENT 'Spans of kind LLM in this part.' CODEC(ZSTD(1)),
    input_tokens UInt64 COMMENT 'Input tokens of billable spans in this part.' CODEC(ZSTD(1)),
    output_tokens UInt64 COMMENT 'Output tokens of billable spans in this part.' CODEC(ZSTD(1)),
    session_id String COMMENT 'Session: the first by span start, the root''s preferred.' CODEC(ZSTD(1)),
    user_id String COMMENT 'User: the first by span start, the root''s preferred.' CODEC(ZSTD(1)),
    input_preview String COMMENT 'Beginning of the root''s input.' CODEC(ZSTD(1)),
    output_preview String COMMENT 'Beginning of the root''s output.' CODEC(ZSTD(1)),
    received_at DateTime64(3, 'UTC') COMMENT 'Latest time of receipt of the part''s spans.' CODEC(Delta, ZSTD(1)),
    part_day Date COMMENT 'Day that partition and retention go by: the least of the part''s spans.',
    retention_days UInt16 COMMENT 'Days after part_day that the row is kept.',
    src_log LowCardinality(String) COMMENT 'Log the row comes from: topic id and incarnation.',
    src_partition Int32 COMMENT 'Partition of the topic.',
    src_first_offset Int64 COMMENT 'First offset of the batch the part was summed over.' CODEC(Delta, ZSTD(1)),
    src_offset Int64 COMMENT 'Last offset of that batch.' CODEC(Delta, ZSTD(1)),
    INDEX by_trace_id trace_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_start_time start_time TYPE minmax GRANULARITY 1,
    INDEX by_src_offset src_offset TYPE minmax GRANULARITY 1
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY part_day
ORDER BY (tenant, experiment_id, intDiv(start_unix_nano, 300000000000), trace_id, start_unix_nano)
TTL part_day + toIntervalDay(retention_days)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800, ttl_only_drop_parts = 0,
    min_bytes_for_wide_part = 134217728, merge_selector_base = 10
COMMENT 'One row for each trace and batch: sums over the spans of the trace in that batch. A trace is all its parts.'

-- 0003_trace_info
CREATE TABLE IF NOT EXISTS spanmill_local.trace_info ON CLUSTER 'prod'
(
    tenant LowCardinality(String) COMMENT 'Who the trace belongs to.',
    experiment_id LowCardinality(String) COMMENT 'Experiment; empty: not said.',
    trace_id String COMMENT '32 lower-case hexadecimal digits for MLflow''s tr-... ids, any other id as it was given.' CODEC(ZSTD(1)),
    client_request_id String COMMENT 'The client''s own id of the request; empty: not said.' CODEC(ZSTD(1)),
    request_ms Int64 COMMENT 'When the request began, in Unix milliseconds; 0: not said.' CODEC(Delta, ZSTD(1)),
    duration_ms Nullable(UInt64) COMMENT 'How long it took; NULL: not said.' CODEC(ZSTD(1)),
    state LowCardinality(String) COMMENT 'OK, ERROR, IN_PROGRESS or STATE_UNSPECIFIED; empty: not said.',
    request_preview String COMMENT 'Beginning of the request, as the client made it; empty: not said.' CODEC(ZSTD(1)),
    response_preview String COMMENT 'Beginning of the response, as the client made it; empty: not said.' CODEC(ZSTD(1)),
    metadata Map(LowCardinality(String), String) COMMENT 'Trace metadata that this event sets.' CODEC(ZSTD(1)),
    tags Map(LowCardinality(String), String) COMMENT 'Tags that this event sets; trace_tags has those that were set or deleted one by one.' CODEC(ZSTD(1)),
    version UInt128 COMMENT 'Place in the log as one number, to be compared within a trace: incarnation, offset, index. The greater one wins.' CODEC(ZSTD(1)),
    received_at DateTime64(3, 'UTC') COMMENT 'When the gateway received the event: the time of its record.' CODEC(Delta, ZSTD(1)),
    part_day Date COMMENT 'Day that partition and retention go by: the request''s, or the day of receipt if that is absurd.',
    retention_days UInt16 COMMENT 'Days after part_day that the row is kept.',
    src_log LowCardinality(String) COMMENT 'Log the row comes from: topic id and incarnation.',
    src_partition Int32 COMMENT 'Partition of the topic.',
    src_offset Int64 COMMENT 'Offset of the record.' CODEC(Delta, ZSTD(1)),
    src_index UInt32 COMMENT 'Ordinal of the event in its record.' CODEC(Delta, ZSTD(1)),
    origin String COMMENT 'topic/partition/offset/index of a re-driven dead letter''s first life, which version tells too; else empty.',
    INDEX by_trace_id trace_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_request request_ms TYPE minmax GRANULARITY 1,
    INDEX by_src_offset src_offset TYPE minmax GRANULARITY 1
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY part_day
ORDER BY (tenant, experiment_id, intDiv(request_ms, 300000), trace_id, version)
TTL part_day + toIntervalDay(retention_days)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800, ttl_only_drop_parts = 0
COMMENT 'One row for each trace info that was sent. A trace''s info is all its rows by (tenant, trace_id): of each plain field the value of the greatest version that says it (argMaxIf), of metadata and tags each key from the greatest version that has it; for tags together with the rows of trace_tags. Rows of a deleted trace (see trace_deletions) do not count.'

-- 0004_trace_tags
CREATE TABLE IF NOT EXISTS spanmill_local.trace_tags ON CLUSTER 'prod'
(
    tenant LowCardinality(String) COMMENT 'Who the trace belongs to.',
    trace_id String COMMENT 'Trace, as in trace_info.' CODEC(ZSTD(1)),
    key LowCardinality(String) COMMENT 'Tag.',
    value String COMMENT 'Its value.' CODEC(ZSTD(1)),
    deleted Bool COMMENT 'The tag was deleted; value does not count.',
    version UInt128 COMMENT 'Place in the log as one number, to be compared within a trace: incarnation, offset, index. The greater one wins.' CODEC(ZSTD(1)),
    received_at DateTime64(3, 'UTC') COMMENT 'When the gateway received the event: the time of its record.' CODEC(Delta, ZSTD(1)),
    part_day Date COMMENT 'Day of receipt: what partition and retention go by.',
    retention_days UInt16 COMMENT 'Days after part_day that the row is kept.',
    src_log LowCardinality(String) COMMENT 'Log the row comes from: topic id and incarnation.',
    src_partition Int32 COMMENT 'Partition of the topic.',
    src_offset Int64 COMMENT 'Offset of the record.' CODEC(Delta, ZSTD(1)),
    src_index UInt32 COMMENT 'Ordinal of the event in its record.' CODEC(Delta, ZSTD(1)),
    origin String COMMENT 'topic/partition/offset/index of a re-driven dead letter''s first life, which version tells too; else empty.',
    INDEX by_key key TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_src_offset src_offset TYPE minmax GRANULARITY 1
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY part_day
ORDER BY (tenant, trace_id, key, version)
TTL part_day + toIntervalDay(retention_days)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800, ttl_only_drop_parts = 0
COMMENT 'One row each time that one tag of a trace was set or deleted. Of a tag the row of the greatest version counts, among those of trace_info too. Rows of a deleted trace (see trace_deletions) do not count.'

-- 0005_assessments
CREATE TABLE IF NOT EXISTS spanmill_local.assessments ON CLUSTER 'prod'
(
    tenant LowCardinality(String) COMMENT 'Who the trace belongs to.',
    trace_id String COMMENT 'Trace, as in trace_info.' CODEC(ZSTD(1)),
    assessment_id String COMMENT 'Assessment.' CODEC(ZSTD(1)),
    mask UInt32 COMMENT 'Fields that this event sets: 1 name, 2 source, 4 value (type, value, serialized and error), 8 rationale, 16 metadata, 32 span_id, 64 overrides, 128 valid, 256 create_ms.',
    deleted Bool COMMENT 'The assessment is gone, whatever other rows say.',
    name LowCardinality(String) COMMENT 'What was judged.',
    source_type LowCardinality(String) COMMENT 'HUMAN, LLM_JUDGE or CODE.',
    source_id String COMMENT 'Who judged.' CODEC(ZSTD(1)),
    create_ms Int64 COMMENT 'When it was made, in Unix milliseconds.' CODEC(ZSTD(1)),
    update_ms Int64 COMMENT 'When this event changed it, in Unix milliseconds.' CODEC(ZSTD(1)),
    type LowCardinality(String) COMMENT 'feedback, expectation or issue.',
    value String COMMENT 'The value as JSON; empty: none.' CODEC(ZSTD(1)),
    serialized Bool COMMENT 'An expectation that was sent as serialized_value.',
    has_error Bool COMMENT 'The judge gave no value; the error fields say why.',
    error_code LowCardinality(String) COMMENT 'Class of the error.',
    error_message String COMMENT 'Text of the error.' CODEC(ZSTD(1)),
    error_stack String COMMENT 'Stack trace of the error.' CODEC(ZSTD(1)),
    rationale String COMMENT 'Why.' CODEC(ZSTD(1)),
    metadata Map(LowCardinality(String), String) COMMENT 'Metadata, whole: it replaces what was there.' CODEC(ZSTD(1)),
    span_id String COMMENT 'Span that is judged; empty: the trace.' CODEC(ZSTD(1)),
    overrides String COMMENT 'Assessment that this one replaces.' CODEC(ZSTD(1)),
    valid Bool COMMENT 'False: another one replaced it.',
    version UInt128 COMMENT 'Place in the log as one number, to be compared within a trace: incarnation, offset, index. The greater one wins.' CODEC(ZSTD(1)),
    received_at DateTime64(3, 'UTC') COMMENT 'When the gateway received the event: the time of its record.' CODEC(Delta, ZSTD(1)),
    part_day Date COMMENT 'Day of receipt: what partition and retention go by.',
    retention_days UInt16 COMMENT 'Days after part_day that the row is kept.',
    src_log LowCardinality(String) COMMENT 'Log the row comes from: topic id and incarnation.',
    src_partition Int32 COMMENT 'Partition of the topic.',
    src_offset Int64 COMMENT 'Offset of the record.' CODEC(Delta, ZSTD(1)),
    src_index UInt32 COMMENT 'Ordinal of the event in its record.' CODEC(Delta, ZSTD(1)),
    origin String COMMENT 'topic/partition/offset/index of a re-driven dead letter''s first life, which version tells too; else empty.',
    INDEX by_name name TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_src_offset src_offset TYPE minmax GRANULARITY 1
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY part_day
ORDER BY (tenant, trace_id, assessment_id, version)
TTL part_day + toIntervalDay(retention_days)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800, ttl_only_drop_parts = 0
COMMENT 'One row each time that an assessment was made, changed or deleted. An assessment is all its rows by (tenant, trace_id, assessment_id): of each field the value of the greatest version whose mask has it (argMaxIf with bitAnd), update_ms of the greatest version; gone if any row says deleted, and not there as long as no row has its name. Rows of a deleted trace (see trace_deletions) do not count.'

-- 0006_trace_deletions
CREATE TABLE IF NOT EXISTS spanmill_local.trace_deletions ON CLUSTER 'prod'
(
    tenant LowCardinality(String) COMMENT 'Who the trace belongs to.',
    trace_id String COMMENT 'Trace, as in trace_info.' CODEC(ZSTD(1)),
    version UInt128 COMMENT 'Place in the log as one number, to be compared within a trace: incarnation, offset, index. The greater one wins.' CODEC(ZSTD(1)),
    received_at DateTime64(3, 'UTC') COMMENT 'When the gateway received the event: the time of its record.' CODEC(Delta, ZSTD(1)),
    part_day Date COMMENT 'Day of receipt: what partition and retention go by; retention_days is more than a year longer than that of other rows, so that nothing comes back.',
    retention_days UInt16 COMMENT 'Days after part_day that the row is kept.',
    src_log LowCardinality(String) COMMENT 'Log the row comes from: topic id and incarnation.',
    src_partition Int32 COMMENT 'Partition of the topic.',
    src_offset Int64 COMMENT 'Offset of the record.' CODEC(Delta, ZSTD(1)),
    src_index UInt32 COMMENT 'Ordinal of the event in its record.' CODEC(Delta, ZSTD(1)),
    origin String COMMENT 'topic/partition/offset/index of a re-driven dead letter''s first life, which version tells too; else empty.',
    INDEX by_received_at received_at TYPE minmax GRANULARITY 1,
    INDEX by_src_offset src_offset TYPE minmax GRANULARITY 1
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY part_day
ORDER BY (tenant, trace_id, received_at)
TTL part_day + toIntervalDay(retention_days)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800, ttl_only_drop_parts = 0
COMMENT 'One row for each deletion of a trace. A row of any table about the trace counts only if its received_at is greater than every received_at here of (tenant, trace_id). Whoever reads leaves the others out, for instance by LEFT ANY JOIN (SELECT trace_id, max(received_at) AS deleted_at FROM trace_deletions WHERE tenant = T GROUP BY trace_id) USING trace_id WHERE received_at > deleted_at; writers delete them in the background.'

-- 0007_experiments
CREATE TABLE IF NOT EXISTS spanmill_local.experiments ON CLUSTER 'prod'
(
    tenant LowCardinality(String) COMMENT 'Who the experiment belongs to.',
    experiment_id String COMMENT 'Experiment, as other tables have it; 0, the default one, has a row only once it was changed.',
    name String COMMENT 'Its name.',
    artifact_location String COMMENT 'Where its artifacts are.',
    stage LowCardinality(String) COMMENT 'active or deleted.',
    create_ms Int64 COMMENT 'When it was made, in Unix milliseconds.',
    update_ms Int64 COMMENT 'When it was changed last, in Unix milliseconds.',
    tags Map(LowCardinality(String), String) COMMENT 'Its tags.',
    version UInt128 COMMENT 'Place in the log as one number: incarnation, offset.',
    received_at DateTime64(3, 'UTC') COMMENT 'When the gateway received it: the time of its record.',
    src_log LowCardinality(String) COMMENT 'Log the row comes from: topic id and incarnation.',
    src_partition Int32 COMMENT 'Partition of the topic.',
    src_offset Int64 COMMENT 'Offset of the record.'
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', version)
ORDER BY (tenant, experiment_id)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800
COMMENT 'The experiments as topic experiments has them. The row of the greatest version counts: merges remove the others, argMax or FINAL leave them out until then.'

-- 0010_spans_call
ALTER TABLE spanmill_local.spans ON CLUSTER 'prod'
    ADD COLUMN IF NOT EXISTS cache_write_1h_tokens Nullable(UInt64) COMMENT 'Of cache_write_tokens, those kept for an hour; the others are kept for five minutes.' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS audio_input_tokens Nullable(UInt64) COMMENT 'Of input_tokens, those that were audio.' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS audio_output_tokens Nullable(UInt64) COMMENT 'Of output_tokens, those that were audio.' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS usage_flags UInt8 COMMENT 'What the sent counts left out and ours have: 1 cached input, 2 reasoning.',
    ADD COLUMN IF NOT EXISTS content_flags UInt8 COMMENT 'What is odd about input and output: 1 JSON that ends early, 2 put together from several attributes or events.',
    ADD COLUMN IF NOT EXISTS service_tier LowCardinality(String) COMMENT 'Tier that served the call, else the one asked for: default, flex, priority, ...',
    ADD COLUMN IF NOT EXISTS is_batch Bool COMMENT 'The call was part of a batch.',
    ADD COLUMN IF NOT EXISTS is_stream Bool COMMENT 'The answer was streamed.',
    ADD COLUMN IF NOT EXISTS ttft_ns Nullable(UInt64) COMMENT 'Time to the first token, nanoseconds from the start; NULL: not reported.' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS finish_reasons Array(LowCardinality(String)) COMMENT 'Why the model stopped, one for each choice: stop, length, tool_calls, ...',
    ADD COLUMN IF NOT EXISTS response_id String COMMENT 'The provider''s id of the answer.' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS response_status LowCardinality(String) COMMENT 'State of the answer: completed, incomplete, failed, ...',
    ADD COLUMN IF NOT EXISTS temperature Nullable(Float64) COMMENT 'Temperature asked for.' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS top_p Nullable(Float64) COMMENT 'Nucleus sampling asked for.' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS max_tokens Nullable(UInt64) COMMENT 'Most output tokens asked for.' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS choice_count Nullable(UInt64) COMMENT 'Answers asked for.' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS reasoning_level LowCardinality(String) COMMENT 'How much reasoning was asked for: low, medium, high, ...',
    ADD COLUMN IF NOT EXISTS output_type LowCardinality(String) COMMENT 'Kind of answer asked for: text, json, image, speech, ...',
    ADD COLUMN IF NOT EXISTS release LowCardinality(String) COMMENT 'Release of the application.',
    ADD COLUMN IF NOT EXISTS app_version LowCardinality(String) COMMENT 'Version of the application.',
    ADD COLUMN IF NOT EXISTS trace_name LowCardinality(String) COMMENT 'Name that the application gave the trace, if it did.',
    ADD COLUMN IF NOT EXISTS level LowCardinality(String) COMMENT 'Importance: DEBUG, DEFAULT, INFO, WARNING, ERROR, CRITICAL; ERROR for a failed span that says none.',
    ADD COLUMN IF NOT EXISTS tags Array(LowCardinality(String)) COMMENT 'Tags of the trace that the span carries; MLflow''s as name=value.',
    ADD COLUMN IF NOT EXISTS display_name LowCardinality(String) COMMENT 'What the application calls the span, if not its name.',
    ADD COLUMN IF NOT EXISTS agent_id LowCardinality(String) COMMENT 'The agent''s id.',
    ADD COLUMN IF NOT EXISTS agent_version LowCardinality(String) COMMENT 'The agent''s version.',
    ADD COLUMN IF NOT EXISTS workflow_name LowCardinality(String) COMMENT 'Workflow.',
    ADD COLUMN IF NOT EXISTS tool_call_id String COMMENT 'The model''s id of the tool call.' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS tool_type LowCardinality(String) COMMENT 'Kind of tool: function, extension, datastore.',
    ADD COLUMN IF NOT EXISTS prompt_name LowCardinality(String) COMMENT 'Prompt in a registry.',
    ADD COLUMN IF NOT EXISTS prompt_version LowCardinality(String) COMMENT 'Its version.',
    ADD COLUMN IF NOT EXISTS data_source_id LowCardinality(String) COMMENT 'Data source that was searched.',
    ADD COLUMN IF NOT EXISTS server_address LowCardinality(String) COMMENT 'Host that was called.'

-- 0020_span_prices
ALTER TABLE spanmill_local.spans ON CLUSTER 'prod'
    MODIFY COLUMN cost COMMENT 'US dollars: what counts of cost_computed and cost_reported, as cost_source says; 0 when that is none.',
    ADD COLUMN IF NOT EXISTS cost_computed Nullable(Decimal(18, 9)) COMMENT 'US dollars by the price books; NULL: no price, or the usage is not the span''s own.' CODEC(ZSTD(1)) AFTER cost_source,
    ADD COLUMN IF NOT EXISTS cost_reported Nullable(Decimal(18, 9)) COMMENT 'US dollars that the span reports; NULL: none.' CODEC(ZSTD(1)) AFTER cost_computed,
    ADD COLUMN IF NOT EXISTS cost_itemised Bool COMMENT 'The span reports the parts of cost_reported.' AFTER cost_reported,
    ADD COLUMN IF NOT EXISTS price_version LowCardinality(String) COMMENT 'Price book that cost_computed was computed by.' AFTER cost_itemised

-- 0021_trace_part_cost
ALTER TABLE spanmill_local.trace_parts ON CLUSTER 'prod'
    ADD COLUMN IF NOT EXISTS cost Decimal(18, 9) COMMENT 'US dollars: the spans'' cost in this part.' CODEC(ZSTD(1)) AFTER output_tokens

-- 0022_reprice_days
CREATE TABLE IF NOT EXISTS spanmill_local.reprice_days ON CLUSTER 'prod'
(
    reprice_id String COMMENT 'One repricing of one day.',
    part_day Date COMMENT 'The day.',
    tenant String COMMENT 'Whose spans; empty: everybody''s.',
    step Enum8('begun' = 1, 'computed' = 2, 'spans' = 3, 'done' = 4) COMMENT 'The last step that is finished.',
    statements Array(String) COMMENT 'At computed: what changes the spans, so that it can be finished whatever the books say then.',
    at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When.'
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
ORDER BY (part_day, reprice_id, step)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800
COMMENT 'How far each spanmill reprice came.'

-- 0023_reprice_spans
CREATE TABLE IF NOT EXISTS spanmill_local.reprice_spans ON CLUSTER 'prod'
(
    reprice_id String COMMENT 'One repricing of one day.',
    tenant LowCardinality(String) COMMENT 'Whose the span is.',
    experiment_id LowCardinality(String) COMMENT 'Its experiment.',
    service_name LowCardinality(String) COMMENT 'Its service.',
    trace_id String COMMENT 'Its trace.',
    span_id String COMMENT 'The span.',
    provider LowCardinality(String) COMMENT 'Its provider.',
    model LowCardinality(String) COMMENT 'Its model.',
    start_time DateTime64(9, 'UTC') COMMENT 'Its start.',
    end_time DateTime64(9, 'UTC') COMMENT 'Its end.',
    start_unix_nano UInt64 COMMENT 'Its start as sent.',
    end_unix_nano UInt64 COMMENT 'Its end as sent.',
    received_at DateTime64(3, 'UTC') COMMENT 'When it was received.',
    part_day Date COMMENT 'Its day.',
    retention_days UInt16 COMMENT 'Days that its row is kept.',
    old_cost Decimal(18, 9) COMMENT 'US dollars before.',
    new_cost Decimal(18, 9) COMMENT 'US dollars after.'
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY reprice_id
ORDER BY (tenant, trace_id, span_id)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800
COMMENT 'Spans whose cost a running spanmill reprice changes; empty when none runs.'

-- 0030_rollups
CREATE TABLE IF NOT EXISTS spanmill_local.rollups ON CLUSTER 'prod'
(
    tenant LowCardinality(String) COMMENT 'Who the series belongs to.',
    view LowCardinality(String) COMMENT 'Which kind of series: tenant, service, model, tool, ...',
    metric LowCardinality(String) COMMENT 'What is measured: trace_latency, cost, input_tokens, ...',
    is_eval Bool COMMENT 'Of evaluations, not of production.',
    labels Map(LowCardinality(String), String) COMMENT 'The series: the view''s dimensions and their values.' CODEC(ZSTD(1)),
    pane DateTime('UTC') COMMENT 'Start of ten seconds of event time: the ends of spans.' CODEC(Delta, ZSTD(1)),
    count Int64 COMMENT 'Observations to add; add those of all rows.' CODEC(T64, ZSTD(1)),
    sum Int64 COMMENT 'What they add up to, in the metric''s unit; corrections may be negative.' CODEC(ZSTD(1)),
    weight Int64 COMMENT 'What the observations stand for if their spans were sampled, in millionths.' CODEC(ZSTD(1)),
    estimated Int64 COMMENT 'The sum over all that they stand for.' CODEC(ZSTD(1)),
    min Int64 COMMENT 'Least observation; the greatest Int64 if there is none.' CODEC(ZSTD(1)),
    max Int64 COMMENT 'Greatest observation; the least Int64 if there is none.' CODEC(ZSTD(1)),
    buckets Map(Int16, UInt64) COMMENT 'Exponential histogram, 32 buckets an octave: merge with sumMap.' CODEC(ZSTD(1)),
    registers Map(UInt16, UInt8) COMMENT 'Distinct values, 4096 registers: merge with maxMap.' CODEC(ZSTD(1)),
    received_at DateTime64(3, 'UTC') COMMENT 'When the aggregator sent the row: the time of its record.' CODEC(Delta, ZSTD(1)),
    part_day Date COMMENT 'Day of the pane, which partition and retention go by.',
    retention_days UInt16 COMMENT 'Days after part_day that the row is kept.',
    src_log LowCardinality(String) COMMENT 'Log the row comes from: topic id and incarnation.',
    src_partition Int32 COMMENT 'Partition of the topic.',
    src_offset Int64 COMMENT 'Offset of the record.' CODEC(Delta, ZSTD(1)),
    src_index UInt32 COMMENT 'Ordinal of the metric in its record.' CODEC(Delta, ZSTD(1)),
    INDEX by_src_offset src_offset TYPE minmax GRANULARITY 1
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY part_day
ORDER BY (tenant, view, metric, is_eval, pane)
TTL part_day + toIntervalDay(retention_days)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800, ttl_only_drop_parts = 0,
    min_bytes_for_wide_part = 134217728, merge_selector_base = 10
COMMENT 'What was added to metrics: a row for each metric of a series in a pane and flush. A metric is the sum of its rows.'

-- spanmill
CREATE DATABASE IF NOT EXISTS spanmill ON CLUSTER 'prod'

-- spans
CREATE OR REPLACE TABLE spanmill.spans ON CLUSTER 'prod' AS spanmill_local.spans
ENGINE = Distributed('prod', 'spanmill_local', 'spans', cityHash64(trace_id))

-- trace_parts
CREATE OR REPLACE TABLE spanmill.trace_parts ON CLUSTER 'prod' AS spanmill_local.trace_parts
ENGINE = Distributed('prod', 'spanmill_local', 'trace_parts', cityHash64(trace_id))

-- reprice_days
CREATE OR REPLACE TABLE spanmill.reprice_days ON CLUSTER 'prod' AS spanmill_local.reprice_days
ENGINE = Distributed('prod', 'spanmill_local', 'reprice_days', cityHash64(reprice_id))

-- reprice_spans
CREATE OR REPLACE TABLE spanmill.reprice_spans ON CLUSTER 'prod' AS spanmill_local.reprice_spans
ENGINE = Distributed('prod', 'spanmill_local', 'reprice_spans', cityHash64(trace_id))

-- trace_info
CREATE OR REPLACE TABLE spanmill.trace_info ON CLUSTER 'prod' AS spanmill_local.trace_info
ENGINE = Distributed('prod', 'spanmill_local', 'trace_info', cityHash64(trace_id))

-- trace_tags
CREATE OR REPLACE TABLE spanmill.trace_tags ON CLUSTER 'prod' AS spanmill_local.trace_tags
ENGINE = Distributed('prod', 'spanmill_local', 'trace_tags', cityHash64(trace_id))

-- assessments
CREATE OR REPLACE TABLE spanmill.assessments ON CLUSTER 'prod' AS spanmill_local.assessments
ENGINE = Distributed('prod', 'spanmill_local', 'assessments', cityHash64(trace_id))

-- trace_deletions
CREATE OR REPLACE TABLE spanmill.trace_deletions ON CLUSTER 'prod' AS spanmill_local.trace_deletions
ENGINE = Distributed('prod', 'spanmill_local', 'trace_deletions', cityHash64(trace_id))

-- experiments
CREATE OR REPLACE TABLE spanmill.experiments ON CLUSTER 'prod' AS spanmill_local.experiments
ENGINE = Distributed('prod', 'spanmill_local', 'experiments', cityHash64(experiment_id))

-- rollups
CREATE OR REPLACE TABLE spanmill.rollups ON CLUSTER 'prod' AS spanmill_local.rollups
ENGINE = Distributed('prod', 'spanmill_local', 'rollups', cityHash64(tenant, view, metric))

