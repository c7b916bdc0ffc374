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
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800, ttl_only_drop_parts = 0,
    min_bytes_for_wide_part = 134217728, merge_selector_base = 10
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
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800, ttl_only_drop_parts = 0,
    min_bytes_for_wide_part = 134217728, merge_selector_base = 10
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
    update_ms Int64 COMMENT 'When this event changed it, in Unix milliseconds; 0: it does not say.' CODEC(ZSTD(1)),
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
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800, ttl_only_drop_parts = 0,
    min_bytes_for_wide_part = 134217728, merge_selector_base = 10
COMMENT 'One row each time that an assessment was made, changed or deleted. An assessment is all its rows by (tenant, trace_id, assessment_id): of each field the value of the greatest version whose mask has it (argMaxIf with bitAnd), update_ms of the greatest version in which it is not 0; gone if any row says deleted, and not there as long as no row has its name. Rows of a deleted trace (see trace_deletions) do not count.'

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

-- 0008_span_content
CREATE TABLE IF NOT EXISTS spanmill_local.span_content ON CLUSTER 'prod'
(
    tenant LowCardinality(String) COMMENT 'Who the trace belongs to.',
    trace_id String COMMENT 'Trace, as in spans.' CODEC(ZSTD(1)),
    span_id String COMMENT 'Span that took it in or gave it out: 16 lower-case hexadecimal digits.' CODEC(ZSTD(1)),
    event_name LowCardinality(String) COMMENT 'Name of the log record: gen_ai.user.message, gen_ai.choice, ...',
    time_unix_nano UInt64 COMMENT 'Time of the log record as sent.' CODEC(Delta, ZSTD(1)),
    output Bool COMMENT 'The span gave it out; false: it took it in.',
    ordinal Int32 COMMENT 'Which of several answers it is, from 0.' CODEC(ZSTD(1)),
    role LowCardinality(String) COMMENT 'Who speaks: system, user, assistant or tool; empty: body says it, or is a list of messages.',
    body String COMMENT 'A message or a list of messages, as JSON.' CODEC(ZSTD(1)),
    attrs Map(LowCardinality(String), String) COMMENT 'What else the log record says; of several rows of one record the first has it.' CODEC(ZSTD(1)),
    session_id String COMMENT 'Session or conversation.' CODEC(ZSTD(1)),
    version UInt128 COMMENT 'Place in the log as one number, to be compared within a trace: incarnation, offset, index.' CODEC(ZSTD(1)),
    received_at DateTime64(3, 'UTC') COMMENT 'When the gateway received the event: the time of its record.' CODEC(Delta, ZSTD(1)),
    part_day Date COMMENT 'Day that partition and retention go by: that of time_unix_nano, or the day of receipt if that is absurd.',
    retention_days UInt16 COMMENT 'Days after part_day that the row is kept.',
    src_log LowCardinality(String) COMMENT 'Log the row comes from: topic id and incarnation.',
    src_partition Int32 COMMENT 'Partition of the topic.',
    src_offset Int64 COMMENT 'Offset of the record.' CODEC(Delta, ZSTD(1)),
    src_index UInt32 COMMENT 'Ordinal of the event in its record.' CODEC(Delta, ZSTD(1)),
    origin String COMMENT 'topic/partition/offset/index of a re-driven dead letter''s first life, which version tells too; else empty.',
    INDEX by_src_offset src_offset TYPE minmax GRANULARITY 1
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY part_day
ORDER BY (tenant, trace_id, span_id, version)
TTL part_day + toIntervalDay(retention_days)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800, ttl_only_drop_parts = 0
COMMENT 'One row for each piece of content of a span that came as a log record instead of an attribute. A record that was sent twice is here twice: rows of the same (tenant, trace_id, span_id, event_name, time_unix_nano, output, ordinal, body) count once. Their order is that of time, ordinal and version. View llm_calls shows them with their spans. Rows of a deleted trace (see trace_deletions) do not count.'

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

-- 0025_span_provider
ALTER TABLE spanmill_local.spans ON CLUSTER 'prod'
    ADD COLUMN IF NOT EXISTS provider_inferred Bool COMMENT 'The span does not say who answered: provider is what the model''s name begins with, or whose SDK was called.' AFTER provider

-- 0026_span_cost_input
ALTER TABLE spanmill_local.spans ON CLUSTER 'prod'
    ADD COLUMN IF NOT EXISTS cost_input Decimal(18, 9) COMMENT 'US dollars of cost_computed that are for input, and for the call as such; the others are for output.' CODEC(ZSTD(1)) AFTER cost_computed

-- 0027_trace_part_tells
ALTER TABLE spanmill_local.trace_parts ON CLUSTER 'prod'
    ADD COLUMN IF NOT EXISTS cost_input Decimal(18, 9) COMMENT 'US dollars: the spans'' cost_input in this part.' CODEC(ZSTD(1)) AFTER cost,
    ADD COLUMN IF NOT EXISTS resources Array(LowCardinality(String)) COMMENT 'Resource attributes of the part''s spans as JSON, each that there is, in order of its last span.' AFTER user_id,
    ADD COLUMN IF NOT EXISTS tells UInt8 DEFAULT 255 COMMENT 'What the part''s spans say: 1 token usage, 2 a cost of their own, 4 tags of the trace, 8 a session, 16 a user, 32 the root''s input, 64 the root''s output, 128 calls that were priced.' AFTER resources

-- 0028_reprice_input
ALTER TABLE spanmill_local.reprice_spans ON CLUSTER 'prod'
    ADD COLUMN IF NOT EXISTS old_input Decimal(18, 9) COMMENT 'US dollars for input before.' AFTER new_cost,
    ADD COLUMN IF NOT EXISTS new_input Decimal(18, 9) COMMENT 'US dollars for input after.' AFTER old_input

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

-- 0031_rollups_1m
CREATE TABLE IF NOT EXISTS spanmill_local.rollups_1m ON CLUSTER 'prod'
(
    tenant LowCardinality(String) COMMENT 'Who the series belongs to.',
    view LowCardinality(String) COMMENT 'Which kind of series: tenant, service, model, tool, ...',
    metric LowCardinality(String) COMMENT 'What is measured: trace_latency, cost, input_tokens, ...',
    is_eval Bool COMMENT 'Of evaluations, not of production.',
    labels Map(LowCardinality(String), String) COMMENT 'The series: the view''s dimensions and their values.' CODEC(ZSTD(1)),
    time DateTime('UTC') COMMENT 'Start of the minute of event time: the ends of spans.' CODEC(Delta, ZSTD(1)),
    count Int64 COMMENT 'Observations.' CODEC(T64, ZSTD(1)),
    sum Int64 COMMENT 'What they add up to, in the metric''s unit.' CODEC(ZSTD(1)),
    weight Int64 COMMENT 'What the observations stand for if their spans were sampled, in millionths.' CODEC(ZSTD(1)),
    estimated Int64 COMMENT 'The sum over all that they stand for.' CODEC(ZSTD(1)),
    min Int64 COMMENT 'Least observation; the greatest Int64 if there is none.' CODEC(ZSTD(1)),
    max Int64 COMMENT 'Greatest observation; the least Int64 if there is none.' CODEC(ZSTD(1)),
    buckets Map(Int16, UInt64) COMMENT 'Exponential histogram, 32 buckets an octave: merge with sumMap.' CODEC(ZSTD(1)),
    registers Map(UInt16, UInt8) COMMENT 'Distinct values, 4096 registers: merge with maxMap.' CODEC(ZSTD(1)),
    part_day Date COMMENT 'Day of the minute, which partition and retention go by.',
    retention_days UInt16 COMMENT 'Days after part_day that the row is kept.',
    source_rows UInt64 COMMENT 'How many rows of rollups it is the sum of.' CODEC(T64, ZSTD(1))
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY part_day
ORDER BY (tenant, view, metric, is_eval, time)
TTL part_day + toIntervalDay(retention_days)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800, ttl_only_drop_parts = 0
COMMENT 'Days of table rollups to which nothing more is added, added up: a row for each metric of a series and minute. Views metrics_1m and metrics_1h have them and the newer days.'

-- 0032_rollups_1h
CREATE TABLE IF NOT EXISTS spanmill_local.rollups_1h ON CLUSTER 'prod'
(
    tenant LowCardinality(String) COMMENT 'Who the series belongs to.',
    view LowCardinality(String) COMMENT 'Which kind of series: tenant, service, model, tool, ...',
    metric LowCardinality(String) COMMENT 'What is measured: trace_latency, cost, input_tokens, ...',
    is_eval Bool COMMENT 'Of evaluations, not of production.',
    labels Map(LowCardinality(String), String) COMMENT 'The series: the view''s dimensions and their values.' CODEC(ZSTD(1)),
    time DateTime('UTC') COMMENT 'Start of the hour of event time: the ends of spans.' CODEC(Delta, ZSTD(1)),
    count Int64 COMMENT 'Observations.' CODEC(T64, ZSTD(1)),
    sum Int64 COMMENT 'What they add up to, in the metric''s unit.' CODEC(ZSTD(1)),
    weight Int64 COMMENT 'What the observations stand for if their spans were sampled, in millionths.' CODEC(ZSTD(1)),
    estimated Int64 COMMENT 'The sum over all that they stand for.' CODEC(ZSTD(1)),
    min Int64 COMMENT 'Least observation; the greatest Int64 if there is none.' CODEC(ZSTD(1)),
    max Int64 COMMENT 'Greatest observation; the least Int64 if there is none.' CODEC(ZSTD(1)),
    buckets Map(Int16, UInt64) COMMENT 'Exponential histogram, 32 buckets an octave: merge with sumMap.' CODEC(ZSTD(1)),
    registers Map(UInt16, UInt8) COMMENT 'Distinct values, 4096 registers: merge with maxMap.' CODEC(ZSTD(1)),
    part_day Date COMMENT 'Day of the hour, which partition and retention go by.',
    retention_days UInt16 COMMENT 'Days after part_day that the row is kept.',
    source_rows UInt64 COMMENT 'How many rows of rollups it is the sum of.' CODEC(T64, ZSTD(1))
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY part_day
ORDER BY (tenant, view, metric, is_eval, time)
TTL part_day + toIntervalDay(retention_days)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800, ttl_only_drop_parts = 0
COMMENT 'Days of table rollups to which nothing more is added, added up: a row for each metric of a series and hour. Views metrics_1m and metrics_1h have them and the newer days.'

-- 0055_assessments_latest
CREATE OR REPLACE VIEW spanmill_local.assessments_latest ON CLUSTER 'prod'
(
    tenant LowCardinality(String) COMMENT 'Who the trace belongs to. Filter by it: the primary key begins with it.',
    trace_id String COMMENT 'Trace, as in trace_info. The primary key has it second.',
    assessment_id String COMMENT 'Assessment.',
    name String COMMENT 'What was judged.',
    type String COMMENT 'feedback, expectation or issue.',
    value String COMMENT 'The value as JSON; empty: none.',
    score Nullable(Float64) COMMENT 'The value as a number: 1 for true, yes and pass, 0 for false, no and fail; NULL: it is neither.',
    rationale String COMMENT 'Why.',
    has_error Bool COMMENT 'The judge gave no value; the error fields say why.',
    error_code String COMMENT 'Class of the error.',
    error_message String COMMENT 'Text of the error.',
    source_type String COMMENT 'HUMAN, LLM_JUDGE or CODE.',
    source_id String COMMENT 'Who judged.',
    span_id String COMMENT 'Span that is judged; empty: the trace.',
    metadata Map(String, String) COMMENT 'Metadata.',
    overrides String COMMENT 'Assessment that this one replaced.',
    valid Bool COMMENT 'False: another one replaced it.',
    created_at DateTime64(3, 'UTC') COMMENT 'When it was made, as its maker says.',
    updated_at DateTime64(3, 'UTC') COMMENT 'When it was changed last.',
    day Date COMMENT 'Day it was made (UTC), by created_at.'
)
AS
SELECT
    tenant, trace_id, assessment_id, name, type, value,
    multiIf(value IN ('true', '"yes"', '"pass"'), 1., value IN ('false', '"no"', '"fail"'), 0., toFloat64OrNull(value)) AS score,
    rationale, has_error, error_code, error_message, source_type, source_id, span_id, metadata, overrides, valid,
    fromUnixTimestamp64Milli(create_ms, 'UTC') AS created_at, fromUnixTimestamp64Milli(update_ms, 'UTC') AS updated_at, toDate(created_at) AS day
FROM
(
    SELECT
        s.tenant AS tenant, s.trace_id AS trace_id, s.assessment_id AS assessment_id,
        argMaxIf(s.name, s.version, bitTest(s.mask, 0)) AS name,
        argMaxIf(s.source_type, s.version, bitTest(s.mask, 1)) AS source_type,
        argMaxIf(s.source_id, s.version, bitTest(s.mask, 1)) AS source_id,
        argMaxIf(s.type, s.version, bitTest(s.mask, 2)) AS type,
        argMaxIf(s.value, s.version, bitTest(s.mask, 2)) AS value,
        argMaxIf(s.has_error, s.version, bitTest(s.mask, 2)) AS has_error,
        argMaxIf(s.error_code, s.version, bitTest(s.mask, 2)) AS error_code,
        argMaxIf(s.error_message, s.version, bitTest(s.mask, 2)) AS error_message,
        argMaxIf(s.rationale, s.version, bitTest(s.mask, 3)) AS rationale,
        argMaxIf(s.metadata, s.version, bitTest(s.mask, 4)) AS metadata,
        argMaxIf(s.span_id, s.version, bitTest(s.mask, 5)) AS span_id,
        argMaxIf(s.overrides, s.version, bitTest(s.mask, 6)) AS overrides,
        argMaxIf(s.valid, s.version, bitTest(s.mask, 7)) AS valid,
        argMaxIf(s.create_ms, s.version, bitTest(s.mask, 8)) AS create_ms,
        argMaxIf(s.update_ms, s.version, s.update_ms != 0) AS update_ms,
        max(s.deleted) AS gone, max(bitTest(s.mask, 0)) AS named
    FROM spanmill_local.assessments AS s
    LEFT ANY JOIN
    (
        SELECT tenant, trace_id, max(received_at) AS deleted_at FROM spanmill_local.trace_deletions GROUP BY tenant, trace_id
    ) AS d ON d.tenant = s.tenant AND d.trace_id = s.trace_id
    WHERE s.received_at > d.deleted_at
    GROUP BY tenant, trace_id, assessment_id
)
WHERE NOT gone AND named
COMMENT 'Assessments as they are now: a row each, of all events in table assessments. Filter by tenant, or by tenant and trace_id. As an assessment may be changed at any time after, a filter by day or created_at bounds the answer, not the rows that are read: those are all of the tenant. Deleted assessments and those of deleted traces are not here.'

-- 0056_metrics_1m
CREATE OR REPLACE VIEW spanmill_local.metrics_1m ON CLUSTER 'prod'
(
    tenant LowCardinality(String) COMMENT 'Who the series belongs to. Filter by it: the primary key begins with it.',
    view LowCardinality(String) COMMENT 'Which kind of series: tenant, service, model, tool, ... The primary key has it second.',
    metric LowCardinality(String) COMMENT 'What is measured: trace_latency, cost, input_tokens, ... The primary key has it third.',
    is_eval Bool COMMENT 'Of evaluations, not of production.',
    labels Map(LowCardinality(String), String) COMMENT 'The series: the view''s dimensions and their values.',
    time DateTime('UTC') COMMENT 'Start of the minute of event time: the ends of spans.',
    count Int64 COMMENT 'Observations.',
    sum Int64 COMMENT 'What they add up to, in the metric''s unit: nanoseconds, tokens, 1e-9 dollars.',
    mean Nullable(Float64) COMMENT 'The sum by the count. Never average means: divide sums by counts.',
    p50 Nullable(Float64) COMMENT 'Median, within 1.1 % of the exact one; NULL: the metric has no distribution.',
    p95 Nullable(Float64) COMMENT 'The quantile 0.95. Never average quantiles: merge buckets with sumMap.',
    p99 Nullable(Float64) COMMENT 'The quantile 0.99.',
    distinct_values Float64 COMMENT 'Different values, with a standard error of 1.6 %; 0 for metrics that do not count them.',
    weight Int64 COMMENT 'What the observations stand for if their spans were sampled, in millionths.',
    estimated Int64 COMMENT 'The sum over all that they stand for.',
    min Nullable(Int64) COMMENT 'Least observation.',
    max Nullable(Int64) COMMENT 'Greatest observation.',
    buckets Map(Int16, UInt64) COMMENT 'Exponential histogram, 32 buckets an octave: merge with sumMap.',
    registers Map(UInt16, UInt8) COMMENT 'Distinct values, 4096 registers: merge with maxMap.',
    day Date COMMENT 'Day (UTC). Filter by it or by time.'
)
AS
SELECT
    tenant, view, metric, is_eval, labels, time, count, sum,
    if(count > 0, sum / count, NULL) AS mean,
    if(empty(buckets), NULL, arrayMap(k -> if(k = -1, 0., exp2(k / 32) * 2 / (1 + exp2(-1 / 32))), [arrayFirst((k, n) -> n >= greatest(1, ceil(0.5 * arraySum(mapValues(buckets)))), mapKeys(buckets), arrayCumSum(mapValues(buckets)))])[1]) AS p50,
    if(empty(buckets), NULL, arrayMap(k -> if(k = -1, 0., exp2(k / 32) * 2 / (1 + exp2(-1 / 32))), [arrayFirst((k, n) -> n >= greatest(1, ceil(0.95 * arraySum(mapValues(buckets)))), mapKeys(buckets), arrayCumSum(mapValues(buckets)))])[1]) AS p95,
    if(empty(buckets), NULL, arrayMap(k -> if(k = -1, 0., exp2(k / 32) * 2 / (1 + exp2(-1 / 32))), [arrayFirst((k, n) -> n >= greatest(1, ceil(0.99 * arraySum(mapValues(buckets)))), mapKeys(buckets), arrayCumSum(mapValues(buckets)))])[1]) AS p99,
    if(empty(registers), 0., 4096 * 4096 / (2 * log(2) * (arraySum(r -> exp2(-r), mapValues(registers))
        + 4096 * arraySum(e -> e + arraySum(k -> pow(e, exp2(k)) * exp2(k - 1), range(1, 30)), [(4096 - length(registers)) / 4096])))) AS distinct_values,
    weight, estimated,
    if(least > greatest, NULL, least) AS min, if(least > greatest, NULL, greatest) AS max,
    buckets, registers, day
FROM
(
    SELECT
        tenant, view, metric, is_eval, labels, time, day, sum(n) AS count, sum(s) AS sum, sum(w) AS weight, sum(e) AS estimated,
        min(low) AS least, max(high) AS greatest, sumMap(b) AS buckets, maxMap(r) AS registers
    FROM
    (
        SELECT
            tenant, view, metric, is_eval, labels, toStartOfMinute(pane) AS time, part_day AS day,
            count AS n, sum AS s, weight AS w, estimated AS e, min AS low, max AS high, buckets AS b, registers AS r
        FROM spanmill_local.rollups
        WHERE part_day NOT IN (SELECT part_day FROM spanmill_local.rollups_1m)
        UNION ALL
        SELECT
            tenant, view, metric, is_eval, labels, time, part_day AS day,
            count AS n, sum AS s, weight AS w, estimated AS e, min AS low, max AS high, buckets AS b, registers AS r
        FROM spanmill_local.rollups_1m
    )
    GROUP BY tenant, view, metric, is_eval, labels, time, day
)
COMMENT 'Metrics by the minute: of days that are added up in rollups_1m, and of newer ones. Filter by tenant, view, metric and time. docs/metrics.md says what each metric is.'

-- 0057_metrics_1h
CREATE OR REPLACE VIEW spanmill_local.metrics_1h ON CLUSTER 'prod'
(
    tenant LowCardinality(String) COMMENT 'Who the series belongs to. Filter by it: the primary key begins with it.',
    view LowCardinality(String) COMMENT 'Which kind of series: tenant, service, model, tool, ... The primary key has it second.',
    metric LowCardinality(String) COMMENT 'What is measured: trace_latency, cost, input_tokens, ... The primary key has it third.',
    is_eval Bool COMMENT 'Of evaluations, not of production.',
    labels Map(LowCardinality(String), String) COMMENT 'The series: the view''s dimensions and their values.',
    time DateTime('UTC') COMMENT 'Start of the hour of event time: the ends of spans.',
    count Int64 COMMENT 'Observations.',
    sum Int64 COMMENT 'What they add up to, in the metric''s unit: nanoseconds, tokens, 1e-9 dollars.',
    mean Nullable(Float64) COMMENT 'The sum by the count. Never average means: divide sums by counts.',
    p50 Nullable(Float64) COMMENT 'Median, within 1.1 % of the exact one; NULL: the metric has no distribution.',
    p95 Nullable(Float64) COMMENT 'The quantile 0.95. Never average quantiles: merge buckets with sumMap.',
    p99 Nullable(Float64) COMMENT 'The quantile 0.99.',
    distinct_values Float64 COMMENT 'Different values, with a standard error of 1.6 %; 0 for metrics that do not count them.',
    weight Int64 COMMENT 'What the observations stand for if their spans were sampled, in millionths.',
    estimated Int64 COMMENT 'The sum over all that they stand for.',
    min Nullable(Int64) COMMENT 'Least observation.',
    max Nullable(Int64) COMMENT 'Greatest observation.',
    buckets Map(Int16, UInt64) COMMENT 'Exponential histogram, 32 buckets an octave: merge with sumMap.',
    registers Map(UInt16, UInt8) COMMENT 'Distinct values, 4096 registers: merge with maxMap.',
    day Date COMMENT 'Day (UTC). Filter by it or by time.'
)
AS
SELECT
    tenant, view, metric, is_eval, labels, time, count, sum,
    if(count > 0, sum / count, NULL) AS mean,
    if(empty(buckets), NULL, arrayMap(k -> if(k = -1, 0., exp2(k / 32) * 2 / (1 + exp2(-1 / 32))), [arrayFirst((k, n) -> n >= greatest(1, ceil(0.5 * arraySum(mapValues(buckets)))), mapKeys(buckets), arrayCumSum(mapValues(buckets)))])[1]) AS p50,
    if(empty(buckets), NULL, arrayMap(k -> if(k = -1, 0., exp2(k / 32) * 2 / (1 + exp2(-1 / 32))), [arrayFirst((k, n) -> n >= greatest(1, ceil(0.95 * arraySum(mapValues(buckets)))), mapKeys(buckets), arrayCumSum(mapValues(buckets)))])[1]) AS p95,
    if(empty(buckets), NULL, arrayMap(k -> if(k = -1, 0., exp2(k / 32) * 2 / (1 + exp2(-1 / 32))), [arrayFirst((k, n) -> n >= greatest(1, ceil(0.99 * arraySum(mapValues(buckets)))), mapKeys(buckets), arrayCumSum(mapValues(buckets)))])[1]) AS p99,
    if(empty(registers), 0., 4096 * 4096 / (2 * log(2) * (arraySum(r -> exp2(-r), mapValues(registers))
        + 4096 * arraySum(e -> e + arraySum(k -> pow(e, exp2(k)) * exp2(k - 1), range(1, 30)), [(4096 - length(registers)) / 4096])))) AS distinct_values,
    weight, estimated,
    if(least > greatest, NULL, least) AS min, if(least > greatest, NULL, greatest) AS max,
    buckets, registers, day
FROM
(
    SELECT
        tenant, view, metric, is_eval, labels, time, day, sum(n) AS count, sum(s) AS sum, sum(w) AS weight, sum(e) AS estimated,
        min(low) AS least, max(high) AS greatest, sumMap(b) AS buckets, maxMap(r) AS registers
    FROM
    (
        SELECT
            tenant, view, metric, is_eval, labels, toStartOfHour(pane) AS time, part_day AS day,
            count AS n, sum AS s, weight AS w, estimated AS e, min AS low, max AS high, buckets AS b, registers AS r
        FROM spanmill_local.rollups
        WHERE part_day NOT IN (SELECT part_day FROM spanmill_local.rollups_1h)
        UNION ALL
        SELECT
            tenant, view, metric, is_eval, labels, time, part_day AS day,
            count AS n, sum AS s, weight AS w, estimated AS e, min AS low, max AS high, buckets AS b, registers AS r
        FROM spanmill_local.rollups_1h
    )
    GROUP BY tenant, view, metric, is_eval, labels, time, day
)
COMMENT 'Metrics by the hour: of days that are added up in rollups_1h, and of newer ones. Filter by tenant, view, metric and time. docs/metrics.md says what each metric is.'

-- 0058_span_eval
ALTER TABLE spanmill_local.spans ON CLUSTER 'prod'
    ADD COLUMN IF NOT EXISTS is_eval Bool DEFAULT attr_bool['spanmill.eval'] OR attr_str['spanmill.eval'] = 'true'
        OR arrayExists(key -> attr_str[key] NOT IN ('', '""'), ['mlflow.sourceRun', 'mlflow.trace.sourceScorer', 'langfuse.experiment.id', 'langfuse.experiment.run.id'])
        COMMENT 'The span belongs to an evaluation, not to production, as its attributes or its resource''s say.' AFTER time_flags,
    ADD COLUMN IF NOT EXISTS weight Int64 DEFAULT 1000000 COMMENT 'How many spans it stands for if its sender samples, in millionths.' CODEC(ZSTD(1)) AFTER is_eval

-- 0059_trace_part_eval
ALTER TABLE spanmill_local.trace_parts ON CLUSTER 'prod'
    ADD COLUMN IF NOT EXISTS is_eval Bool COMMENT 'Some span of this part belongs to an evaluation, not to production.' AFTER trace_id

-- 0060_business_events
CREATE TABLE IF NOT EXISTS spanmill_local.business_events ON CLUSTER 'prod'
(
    tenant LowCardinality(String) COMMENT 'Who the event belongs to.',
    trace_id String COMMENT 'Trace that it is about, as in spans; empty: none is named.' CODEC(ZSTD(1)),
    event_id String COMMENT 'Event: what was sent twice has the same id, and is here twice.' CODEC(ZSTD(1)),
    name LowCardinality(String) COMMENT 'What happened: feedback, session.outcome, handoff, goal, ticket, task, feature.use, or a name of your own.',
    time DateTime64(9, 'UTC') COMMENT 'When it happened, as sent.' CODEC(Delta, ZSTD(1)),
    session_id String COMMENT 'Session that it belongs to; empty: none is named.' CODEC(ZSTD(1)),
    user_id String COMMENT 'User whom it is about; empty: none is named.' CODEC(ZSTD(1)),
    value Nullable(Int64) COMMENT 'Value in millionths; NULL: none was sent. docs/events.md says what it is of each name.' CODEC(ZSTD(1)),
    attrs Map(LowCardinality(String), String) COMMENT 'Attributes: kind, outcome, state, ... as docs/events.md has them, and your own.' CODEC(ZSTD(1)),
    version UInt128 COMMENT 'Place in the log as one number, to be compared within a trace or session: incarnation, offset, index.' CODEC(ZSTD(1)),
    received_at DateTime64(3, 'UTC') COMMENT 'When the gateway received the event: the time of its record.' CODEC(Delta, ZSTD(1)),
    part_day Date COMMENT 'Day that partition and retention go by: that of time, or the day of receipt if that is absurd.',
    retention_days UInt16 COMMENT 'Days after part_day that the row is kept.',
    src_log LowCardinality(String) COMMENT 'Log the row comes from: topic id and incarnation.',
    src_partition Int32 COMMENT 'Partition of the topic.',
    src_offset Int64 COMMENT 'Offset of the record.' CODEC(Delta, ZSTD(1)),
    src_index UInt32 COMMENT 'Ordinal of the event in its record.' CODEC(Delta, ZSTD(1)),
    origin String COMMENT 'topic/partition/offset/index of a re-driven dead letter''s first life, which version tells too; else empty.',
    INDEX by_session_id session_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_trace_id trace_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_src_offset src_offset TYPE minmax GRANULARITY 1
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY part_day
ORDER BY (tenant, time, event_id, version)
TTL part_day + toIntervalDay(retention_days)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800, ttl_only_drop_parts = 0
COMMENT 'One row for each business event as it was sent: what happened around traces, sessions and users. One that was sent twice is here twice; view business_events_once has each once. Rows of a deleted trace (see trace_deletions) do not count.'

-- 0061_business_events_once
CREATE OR REPLACE VIEW spanmill_local.business_events_once ON CLUSTER 'prod'
(
    tenant LowCardinality(String) COMMENT 'Who the event belongs to. Filter by it: the primary key begins with it.',
    day Date COMMENT 'Day that partitions go by: that of time. Filter by it: other days are not read.',
    event_id String COMMENT 'Event.',
    name LowCardinality(String) COMMENT 'What happened: feedback, session.outcome, handoff, goal, ticket, task, feature.use, or a name of your own.',
    time DateTime64(9, 'UTC') COMMENT 'When it happened.',
    trace_id String COMMENT 'Trace that it is about; empty: none is named.',
    session_id String COMMENT 'Session that it belongs to; empty: none is named.',
    user_id String COMMENT 'User whom it is about; empty: none is named.',
    value Nullable(Int64) COMMENT 'Value in millionths; NULL: none was sent. docs/events.md says what it is of each name.',
    attrs Map(LowCardinality(String), String) COMMENT 'Attributes: kind, outcome, state, ... as docs/events.md has them, and your own.',
    received_at DateTime64(3, 'UTC') COMMENT 'When the gateway received it first.'
)
AS
SELECT
    tenant, day, event_id, first.1 AS name, first.2 AS time, first.3 AS trace_id, first.4 AS session_id, first.5 AS user_id,
    first.6 AS value, first.7 AS attrs, first.8 AS received_at
FROM
(
    SELECT
        s.tenant AS tenant, s.part_day AS day, s.event_id AS event_id,
        argMin((s.name, s.time, s.trace_id, s.session_id, s.user_id, s.value, s.attrs, s.received_at), (s.received_at, s.version)) AS first
    FROM spanmill_local.business_events AS s
    LEFT ANY JOIN
    (
        SELECT tenant, trace_id, max(received_at) AS deleted_at FROM spanmill_local.trace_deletions GROUP BY tenant, trace_id
    ) AS d ON d.tenant = s.tenant AND d.trace_id = s.trace_id
    WHERE s.received_at > d.deleted_at
    GROUP BY tenant, day, event_id
)
COMMENT 'Business events, each id once: as it was received first. Filter by tenant and day; a filter by time alone reads every day. docs/events.md says what the names mean. Those of deleted traces are not here.'

-- 0070_session_facts
CREATE TABLE IF NOT EXISTS spanmill_local.session_facts ON CLUSTER 'prod'
(
    tenant LowCardinality(String) COMMENT 'Who the session belongs to.',
    session_id String COMMENT 'Session.' CODEC(ZSTD(1)),
    day Date COMMENT 'Day (UTC) of closes_at, which partition and retention go by.',
    gone Bool COMMENT 'The session does not close at this instant any more: a later span moved it, or its traces were deleted.',
    closes_at DateTime64(9, 'UTC') COMMENT 'Newest end plus 30 minutes: when the session counts.' CODEC(Delta, ZSTD(1)),
    started_at DateTime64(9, 'UTC') COMMENT 'Least start of its spans.' CODEC(Delta, ZSTD(1)),
    ended_at DateTime64(9, 'UTC') COMMENT 'Newest end of its spans.' CODEC(Delta, ZSTD(1)),
    user_id String COMMENT 'User: of its first trace that has one.' CODEC(ZSTD(1)),
    experiment_id LowCardinality(String) COMMENT 'Experiment of its first trace.',
    service_name LowCardinality(String) COMMENT 'Service of its first trace.',
    traces UInt32 COMMENT 'Traces.' CODEC(ZSTD(1)),
    turns UInt32 COMMENT 'Traces with a root: what the user asked.' CODEC(ZSTD(1)),
    failed_turns UInt32 COMMENT 'Turns whose root failed.' CODEC(ZSTD(1)),
    last_turn_failed Bool COMMENT 'The last turn''s root failed.',
    last_turn_unanswered Bool COMMENT 'The last turn has an input and no output.',
    spans UInt64 COMMENT 'Spans.' CODEC(ZSTD(1)),
    errors UInt64 COMMENT 'Spans with status ERROR.' CODEC(ZSTD(1)),
    llm_calls UInt64 COMMENT 'Spans of kind LLM.' CODEC(ZSTD(1)),
    input_tokens UInt64 COMMENT 'Input tokens of billable spans.' CODEC(ZSTD(1)),
    output_tokens UInt64 COMMENT 'Output tokens of billable spans.' CODEC(ZSTD(1)),
    cost_nano Int64 COMMENT 'Cost, in 1e-9 US dollars.' CODEC(ZSTD(1)),
    busy_ns Int64 COMMENT 'Nanoseconds that its turns took, added up.' CODEC(ZSTD(1)),
    outcome LowCardinality(String) COMMENT 'What its last event session.outcome says, else its assessment of that name; empty: nothing.',
    turns_to_outcome UInt32 COMMENT 'Turns that had started when the outcome was told.' CODEC(ZSTD(1)),
    handoffs UInt32 COMMENT 'Events handoff.' CODEC(ZSTD(1)),
    positive UInt32 COMMENT 'Feedback of people that is good: thumbs up, 4 or 5 of 5, 9 or 10 of 10.' CODEC(ZSTD(1)),
    negative UInt32 COMMENT 'Feedback of people that is bad: thumbs down, 1 or 2 of 5, 0 to 6 of 10.' CODEC(ZSTD(1)),
    goals Map(String, UInt64) COMMENT 'Events goal, by goal.' CODEC(ZSTD(1)),
    value_micro Int64 COMMENT 'Value of those goals, in millionths.' CODEC(ZSTD(1)),
    tasks_started Map(String, UInt64) COMMENT 'Tasks that were started, by task.' CODEC(ZSTD(1)),
    tasks_completed Map(String, UInt64) COMMENT 'Tasks that were completed, by task.' CODEC(ZSTD(1)),
    tasks_untold Map(String, UInt64) COMMENT 'Those of them that do not say how many minutes they saved.' CODEC(ZSTD(1)),
    saved_micro Int64 COMMENT 'Minutes that the others say they saved, in millionths.' CODEC(ZSTD(1)),
    marks Array(Tuple(at DateTime64(9, 'UTC'), name String)) COMMENT 'Goals and used features in order of time: what funnels go through.' CODEC(ZSTD(1)),
    trace_hashes Array(UInt64) COMMENT 'cityHash64 of its traces'' ids.' CODEC(ZSTD(1)),
    retention_days UInt16 COMMENT 'Days after day that the row is kept: as its traces are.',
    version UInt64 COMMENT 'Run that made the row; the greatest one counts.' CODEC(Delta, ZSTD(1)),
    INDEX by_trace trace_hashes TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', version)
PARTITION BY day
ORDER BY (tenant, session_id, closes_at)
TTL day + toIntervalDay(retention_days)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800, ttl_only_drop_parts = 0, index_granularity = 1024
COMMENT 'One row for each session and instant at which it ever was to close, made by the scheduled runs from traces, business events and assessments. Of a session and instant the row of the greatest version counts (FINAL), unless it is gone. View sessions has them as people want them.'

-- 0071_user_days
CREATE TABLE IF NOT EXISTS spanmill_local.user_days ON CLUSTER 'prod'
(
    tenant LowCardinality(String) COMMENT 'Who the user belongs to.',
    user_id String COMMENT 'User.' CODEC(ZSTD(1)),
    day Date COMMENT 'Day, in the tenant''s time zone, on which traces of the user ended.' CODEC(Delta, ZSTD(1)),
    user_hash UInt64 MATERIALIZED sipHash64(user_id) COMMENT 'What users are counted by.' CODEC(NONE),
    first Bool COMMENT 'The first day that the user was seen.',
    traces UInt32 COMMENT 'Traces of the user that ended on the day; 0: none any more.' CODEC(ZSTD(1)),
    turns UInt32 COMMENT 'Those with a root.' CODEC(ZSTD(1)),
    sessions UInt32 COMMENT 'Different sessions among them.' CODEC(ZSTD(1)),
    cost_nano Int64 COMMENT 'Cost, in 1e-9 US dollars.' CODEC(ZSTD(1)),
    retention_days UInt16 COMMENT 'Days after day that the row is kept.',
    version UInt64 COMMENT 'Run that made the row; the greatest one counts.' CODEC(Delta, ZSTD(1))
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', version)
PARTITION BY toYYYYMM(day)
ORDER BY (tenant, user_id, day)
TTL day + toIntervalDay(retention_days)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800, ttl_only_drop_parts = 0, index_granularity = 1024
COMMENT 'One row for each user and day on which they were active, in the tenant''s time zone, made by the scheduled runs. Of a user and day the row of the greatest version counts (FINAL), unless it has no traces. Retention, active and new users come from it.'

-- 0072_business_1m
CREATE TABLE IF NOT EXISTS spanmill_local.business_1m ON CLUSTER 'prod'
(
    tenant LowCardinality(String) COMMENT 'Who the series belongs to.',
    view LowCardinality(String) COMMENT 'Which kind of series: session, session_goal, session_task, funnel, user, retention, ...',
    metric LowCardinality(String) COMMENT 'What is measured: bounce_rate, containment_rate, ...',
    series String COMMENT 'The labels as one text.' CODEC(ZSTD(1)),
    labels Map(LowCardinality(String), String) COMMENT 'The series: the view''s dimensions and their values.' CODEC(ZSTD(1)),
    time DateTime('UTC') COMMENT 'Start of the minute in which sessions closed; of metrics of a day, the day''s start in the tenant''s time zone.' CODEC(Delta, ZSTD(1)),
    count Int64 COMMENT 'What a rate or mean is of: its n.' CODEC(ZSTD(1)),
    sum Int64 COMMENT 'What it is the part or sum of, in the metric''s small unit. The rate is sum by count.' CODEC(ZSTD(1)),
    min Int64 COMMENT 'Least observation; the greatest Int64 if there is none.' CODEC(ZSTD(1)),
    max Int64 COMMENT 'Greatest observation; the least Int64 if there is none.' CODEC(ZSTD(1)),
    buckets Map(Int16, UInt64) COMMENT 'Exponential histogram, 32 buckets an octave: merge with sumMap.' CODEC(ZSTD(1)),
    part_day Date COMMENT 'Day (UTC) of time, which partition and retention go by.',
    retention_days UInt16 COMMENT 'Days after part_day that the row is kept.',
    version UInt64 COMMENT 'Run that made the row; the greatest one counts.' CODEC(Delta, ZSTD(1))
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', version)
PARTITION BY part_day
ORDER BY (tenant, view, metric, time, series)
TTL part_day + toIntervalDay(retention_days)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800, ttl_only_drop_parts = 0
COMMENT 'Metrics that are made by SQL on a schedule: a row for each metric of a series and minute or day. Made anew when what they are made of changes: the row of the greatest version counts (FINAL). Views metrics_1m and metrics_1h have them beside the streamed ones.'

-- 0073_scheduled_runs
CREATE TABLE IF NOT EXISTS spanmill_local.scheduled_runs ON CLUSTER 'prod'
(
    run UInt64 COMMENT 'The run: Unix milliseconds at its start, by the server''s clock. It is the version of the rows that it made.' CODEC(Delta, ZSTD(1)),
    runner String COMMENT 'Process that ran it.' CODEC(ZSTD(1)),
    done Bool COMMENT 'It came to its end; a row without says that it began.',
    positions String COMMENT 'How far into each table it has read, by log and partition, as JSON.' CODEC(ZSTD(1)),
    settings String COMMENT 'Digest of the assumptions that it went by.' CODEC(ZSTD(1)),
    time DateTime64(3, 'UTC') COMMENT 'When the row was written.' CODEC(Delta, ZSTD(1))
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
ORDER BY (run, done)
TTL toDateTime(time) + INTERVAL 7 DAY
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800
COMMENT 'Runs of the SQL on a schedule: each begins where the last one that is done has ended.'

-- 0074_scheduled_work
CREATE TABLE IF NOT EXISTS spanmill_local.scheduled_work ON CLUSTER 'prod'
(
    run UInt64 COMMENT 'Version of the rows that it is for: ten thousand times the run, and a number.',
    tenant LowCardinality(String) COMMENT 'Tenant.',
    kind LowCardinality(String) COMMENT 'touched and trace: a trace; session; user.',
    id String COMMENT 'Its id.',
    day Date COMMENT 'Day of a touched trace.',
    noted DateTime('UTC') DEFAULT now() COMMENT 'When the row was written.'
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY intDiv(run, 10000)
ORDER BY (tenant, kind, id)
TTL noted + INTERVAL 1 DAY
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800
COMMENT 'What a scheduled run looks at: traces that have changed, and the sessions and users to be made anew. Dropped at the run''s end.'

-- 0075_scheduled_traces
CREATE TABLE IF NOT EXISTS spanmill_local.scheduled_traces ON CLUSTER 'prod'
(
    run UInt64 COMMENT 'Version of the rows that it is for: ten thousand times the run, and a number.',
    tenant LowCardinality(String) COMMENT 'Tenant.',
    trace_id String COMMENT 'Trace.',
    session_id String COMMENT 'Session: as its trace info says, else the root''s, else the first by span start.',
    user_id String COMMENT 'User: likewise.',
    experiment_id LowCardinality(String) COMMENT 'Experiment: likewise.',
    service_name LowCardinality(String) COMMENT 'Service of its root, else of its first span.',
    started_at DateTime64(9, 'UTC') COMMENT 'Least start.',
    ended_at DateTime64(9, 'UTC') COMMENT 'Newest end.',
    rooted Bool COMMENT 'Its root is there.',
    failed Bool COMMENT 'The root failed.',
    unanswered Bool COMMENT 'The root has an input and no output.',
    spans UInt64 COMMENT 'Spans.',
    errors UInt64 COMMENT 'Spans with status ERROR.',
    llm_calls UInt64 COMMENT 'Spans of kind LLM.',
    input_tokens UInt64 COMMENT 'Input tokens.',
    output_tokens UInt64 COMMENT 'Output tokens.',
    cost_nano Int64 COMMENT 'Cost, in 1e-9 US dollars.',
    retention_days UInt16 COMMENT 'Days that its rows are kept.',
    noted DateTime('UTC') DEFAULT now() COMMENT 'When the row was written.'
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY intDiv(run, 10000)
ORDER BY (tenant, session_id, trace_id)
TTL noted + INTERVAL 1 DAY
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800
COMMENT 'The traces that a scheduled run looks at, resolved. Dropped at the run''s end.'

-- 0076_sessions
CREATE OR REPLACE VIEW spanmill_local.sessions ON CLUSTER 'prod'
(
    tenant LowCardinality(String) COMMENT 'Who the session belongs to. Filter by it: the primary key begins with it.',
    day Date COMMENT 'Day (UTC) on which it closed. Filter by it: other days are not read.',
    session_id String COMMENT 'Session.',
    user_id String COMMENT 'User: of its first trace that has one.',
    experiment_id String COMMENT 'Experiment of its first trace.',
    service_name String COMMENT 'Service of its first trace.',
    started_at DateTime64(9, 'UTC') COMMENT 'Least start of its spans.',
    ended_at DateTime64(9, 'UTC') COMMENT 'Newest end of its spans.',
    closes_at DateTime64(9, 'UTC') COMMENT 'Newest end plus 30 minutes: when the session counts. It may be yet to come.',
    seconds Float64 COMMENT 'Newest end minus least start.',
    turns UInt32 COMMENT 'Traces with a root: what the user asked.',
    failed_turns UInt32 COMMENT 'Turns whose root failed.',
    engaged Bool COMMENT 'More than ten seconds, or a goal, or two turns and more. The others bounced.',
    outcome String COMMENT 'resolved, completed, unresolved or abandoned, as it was told; empty: it was not.',
    completed Bool COMMENT 'Told completed or resolved; if nothing is told, the last turn was answered without an error and no feedback is bad.',
    abandoned Bool COMMENT 'Told abandoned; if nothing is told, nobody took over and the last turn failed or was not answered.',
    handoffs UInt32 COMMENT 'Handed over to a person, how often.',
    positive UInt32 COMMENT 'Feedback of people that is good.',
    negative UInt32 COMMENT 'Feedback of people that is bad.',
    goals Map(String, UInt64) COMMENT 'Goals that were reached, how often.',
    tasks_started Map(String, UInt64) COMMENT 'Tasks that were started.',
    tasks_completed Map(String, UInt64) COMMENT 'Tasks that were completed.',
    llm_calls UInt64 COMMENT 'Spans of kind LLM.',
    input_tokens UInt64 COMMENT 'Input tokens of billable spans.',
    output_tokens UInt64 COMMENT 'Output tokens of billable spans.',
    cost Decimal(38, 9) COMMENT 'US dollars.',
    told_completed Bool COMMENT 'Told completed or resolved.',
    abandoned_strict Bool COMMENT 'Not told completed or resolved, nobody took over, and no outcome is told or the last turn failed or was not answered.',
    duration_ns Int64 COMMENT 'Nanoseconds from the least start to the newest end.',
    busy_ns Int64 COMMENT 'Nanoseconds that its turns took, added up.',
    cost_nano Int64 COMMENT 'Cost, in 1e-9 US dollars.',
    goal_value_micro Int64 COMMENT 'Value of its goals, in millionths.',
    saved_micro Int64 COMMENT 'Minutes that its completed tasks say they saved, in millionths.',
    tasks_untold Map(String, UInt64) COMMENT 'Completed tasks that do not say how many minutes they saved.',
    turns_to_outcome UInt32 COMMENT 'Turns that had started when the outcome was told.',
    marks Array(Tuple(at DateTime64(9, 'UTC'), name String)) COMMENT 'Goals and used features in order of time: what funnels go through.'
)
AS
SELECT
    tenant, day, session_id, user_id, experiment_id, service_name, started_at, ended_at, closes_at,
    duration_ns / 1e9 AS seconds, turns, failed_turns,
    duration_ns > 10000000000 OR turns >= 2 OR notEmpty(goals) AS engaged, outcome,
    if(outcome != '', outcome IN ('completed', 'resolved'), turns > 0 AND NOT last_turn_failed AND NOT last_turn_unanswered AND negative = 0) AS completed,
    if(outcome != '', outcome = 'abandoned', handoffs = 0 AND (turns = 0 OR last_turn_failed OR last_turn_unanswered)) AS abandoned,
    handoffs, positive, negative, goals, tasks_started, tasks_completed, llm_calls, input_tokens, output_tokens,
    toDecimal128(cost_nano, 9) / 1000000000 AS cost,
    outcome IN ('completed', 'resolved') AS told_completed,
    NOT told_completed AND handoffs = 0 AND (outcome IN ('', 'abandoned') OR turns = 0 OR last_turn_failed OR last_turn_unanswered) AS abandoned_strict,
    toUnixTimestamp64Nano(ended_at) - toUnixTimestamp64Nano(started_at) AS duration_ns,
    busy_ns, cost_nano, value_micro AS goal_value_micro, saved_micro, tasks_untold, turns_to_outcome, marks
FROM spanmill_local.session_facts FINAL
WHERE NOT gone
COMMENT 'Sessions: a row each, within a quarter of a minute of what has changed. Filter by tenant and day: WHERE tenant = T AND day = D. Sessions of evaluations and deleted traces are not here.'

-- 0077_users
CREATE OR REPLACE VIEW spanmill_local.users ON CLUSTER 'prod'
(
    tenant LowCardinality(String) COMMENT 'Who the user belongs to. Filter by it: the primary key begins with it.',
    user_id String COMMENT 'User. The primary key has it second.',
    first_day Date COMMENT 'First day on which they were active, in the tenant''s time zone.',
    last_day Date COMMENT 'Last day.',
    active_days UInt64 COMMENT 'Days on which they were active.',
    traces UInt64 COMMENT 'Traces.',
    turns UInt64 COMMENT 'Those with a root: what they asked.',
    cost Decimal(38, 9) COMMENT 'US dollars.'
)
AS
SELECT
    tenant, user_id, min(d.day) AS first_day, max(d.day) AS last_day, count() AS active_days, sum(d.traces) AS traces, sum(d.turns) AS turns,
    toDecimal128(sum(d.cost_nano), 9) / 1000000000 AS cost
FROM (SELECT * FROM spanmill_local.user_days FINAL WHERE traces > 0) AS d
GROUP BY tenant, user_id
COMMENT 'Users: a row each, over all days that user_days has. Filter by tenant, and by user_id for one of them.'

-- 0078_metrics_1m
CREATE OR REPLACE VIEW spanmill_local.metrics_1m ON CLUSTER 'prod'
(
    tenant LowCardinality(String) COMMENT 'Who the series belongs to. Filter by it: the primary key begins with it.',
    view LowCardinality(String) COMMENT 'Which kind of series: tenant, service, model, tool, ... The primary key has it second.',
    metric LowCardinality(String) COMMENT 'What is measured: trace_latency, cost, input_tokens, ... The primary key has it third.',
    is_eval Bool COMMENT 'Of evaluations, not of production.',
    labels Map(LowCardinality(String), String) COMMENT 'The series: the view''s dimensions and their values.',
    time DateTime('UTC') COMMENT 'Start of the minute of event time: the ends of spans.',
    count Int64 COMMENT 'Observations.',
    sum Int64 COMMENT 'What they add up to, in the metric''s unit: nanoseconds, tokens, 1e-9 dollars.',
    mean Nullable(Float64) COMMENT 'The sum by the count. Never average means: divide sums by counts.',
    p50 Nullable(Float64) COMMENT 'Median, within 1.1 % of the exact one; NULL: the metric has no distribution.',
    p95 Nullable(Float64) COMMENT 'The quantile 0.95. Never average quantiles: merge buckets with sumMap.',
    p99 Nullable(Float64) COMMENT 'The quantile 0.99.',
    distinct_values Float64 COMMENT 'Different values, with a standard error of 1.6 %; 0 for metrics that do not count them.',
    weight Int64 COMMENT 'What the observations stand for if their spans were sampled, in millionths.',
    estimated Int64 COMMENT 'The sum over all that they stand for.',
    min Nullable(Int64) COMMENT 'Least observation.',
    max Nullable(Int64) COMMENT 'Greatest observation.',
    buckets Map(Int16, UInt64) COMMENT 'Exponential histogram, 32 buckets an octave: merge with sumMap.',
    registers Map(UInt16, UInt8) COMMENT 'Distinct values, 4096 registers: merge with maxMap.',
    day Date COMMENT 'Day (UTC). Filter by it or by time.'
)
AS
SELECT
    tenant, view, metric, is_eval, labels, time, count, sum,
    if(count > 0, sum / count, NULL) AS mean,
    if(empty(buckets), NULL, arrayMap(k -> if(k = -1, 0., exp2(k / 32) * 2 / (1 + exp2(-1 / 32))), [arrayFirst((k, n) -> n >= greatest(1, ceil(0.5 * arraySum(mapValues(buckets)))), mapKeys(buckets), arrayCumSum(mapValues(buckets)))])[1]) AS p50,
    if(empty(buckets), NULL, arrayMap(k -> if(k = -1, 0., exp2(k / 32) * 2 / (1 + exp2(-1 / 32))), [arrayFirst((k, n) -> n >= greatest(1, ceil(0.95 * arraySum(mapValues(buckets)))), mapKeys(buckets), arrayCumSum(mapValues(buckets)))])[1]) AS p95,
    if(empty(buckets), NULL, arrayMap(k -> if(k = -1, 0., exp2(k / 32) * 2 / (1 + exp2(-1 / 32))), [arrayFirst((k, n) -> n >= greatest(1, ceil(0.99 * arraySum(mapValues(buckets)))), mapKeys(buckets), arrayCumSum(mapValues(buckets)))])[1]) AS p99,
    if(empty(registers), 0., 4096 * 4096 / (2 * log(2) * (arraySum(r -> exp2(-r), mapValues(registers))
        + 4096 * arraySum(e -> e + arraySum(k -> pow(e, exp2(k)) * exp2(k - 1), range(1, 30)), [(4096 - length(registers)) / 4096])))) AS distinct_values,
    weight, estimated,
    if(least > greatest, NULL, least) AS min, if(least > greatest, NULL, greatest) AS max,
    buckets, registers, day
FROM
(
    SELECT
        tenant, view, metric, is_eval, labels, time, day, sum(n) AS count, sum(s) AS sum, sum(w) AS weight, sum(e) AS estimated,
        min(low) AS least, max(high) AS greatest, sumMap(b) AS buckets, maxMap(r) AS registers
    FROM
    (
        SELECT
            tenant, view, metric, is_eval, labels, toStartOfMinute(pane) AS time, part_day AS day,
            count AS n, sum AS s, weight AS w, estimated AS e, min AS low, max AS high, buckets AS b, registers AS r
        FROM spanmill_local.rollups
        WHERE part_day NOT IN (SELECT part_day FROM spanmill_local.rollups_1m)
        UNION ALL
        SELECT
            tenant, view, metric, is_eval, labels, time, part_day AS day,
            count AS n, sum AS s, weight AS w, estimated AS e, min AS low, max AS high, buckets AS b, registers AS r
        FROM spanmill_local.rollups_1m
        UNION ALL
        SELECT
            tenant, view, metric, false, labels, toStartOfMinute(time) AS time, part_day AS day,
            count AS n, sum AS s, count * 1000000 AS w, sum AS e, min AS low, max AS high, buckets AS b, map() AS r
        FROM spanmill_local.business_1m FINAL
        WHERE count != 0 OR sum != 0
    )
    GROUP BY tenant, view, metric, is_eval, labels, time, day
)
COMMENT 'Metrics by the minute: of days that are added up in rollups_1m, and of newer ones; and what is made by SQL on a schedule, from business_1m. Filter by tenant, view, metric and time. docs/metrics.md says what each metric is.'

-- 0079_metrics_1h
CREATE OR REPLACE VIEW spanmill_local.metrics_1h ON CLUSTER 'prod'
(
    tenant LowCardinality(String) COMMENT 'Who the series belongs to. Filter by it: the primary key begins with it.',
    view LowCardinality(String) COMMENT 'Which kind of series: tenant, service, model, tool, ... The primary key has it second.',
    metric LowCardinality(String) COMMENT 'What is measured: trace_latency, cost, input_tokens, ... The primary key has it third.',
    is_eval Bool COMMENT 'Of evaluations, not of production.',
    labels Map(LowCardinality(String), String) COMMENT 'The series: the view''s dimensions and their values.',
    time DateTime('UTC') COMMENT 'Start of the hour of event time: the ends of spans.',
    count Int64 COMMENT 'Observations.',
    sum Int64 COMMENT 'What they add up to, in the metric''s unit: nanoseconds, tokens, 1e-9 dollars.',
    mean Nullable(Float64) COMMENT 'The sum by the count. Never average means: divide sums by counts.',
    p50 Nullable(Float64) COMMENT 'Median, within 1.1 % of the exact one; NULL: the metric has no distribution.',
    p95 Nullable(Float64) COMMENT 'The quantile 0.95. Never average quantiles: merge buckets with sumMap.',
    p99 Nullable(Float64) COMMENT 'The quantile 0.99.',
    distinct_values Float64 COMMENT 'Different values, with a standard error of 1.6 %; 0 for metrics that do not count them.',
    weight Int64 COMMENT 'What the observations stand for if their spans were sampled, in millionths.',
    estimated Int64 COMMENT 'The sum over all that they stand for.',
    min Nullable(Int64) COMMENT 'Least observation.',
    max Nullable(Int64) COMMENT 'Greatest observation.',
    buckets Map(Int16, UInt64) COMMENT 'Exponential histogram, 32 buckets an octave: merge with sumMap.',
    registers Map(UInt16, UInt8) COMMENT 'Distinct values, 4096 registers: merge with maxMap.',
    day Date COMMENT 'Day (UTC). Filter by it or by time.'
)
AS
SELECT
    tenant, view, metric, is_eval, labels, time, count, sum,
    if(count > 0, sum / count, NULL) AS mean,
    if(empty(buckets), NULL, arrayMap(k -> if(k = -1, 0., exp2(k / 32) * 2 / (1 + exp2(-1 / 32))), [arrayFirst((k, n) -> n >= greatest(1, ceil(0.5 * arraySum(mapValues(buckets)))), mapKeys(buckets), arrayCumSum(mapValues(buckets)))])[1]) AS p50,
    if(empty(buckets), NULL, arrayMap(k -> if(k = -1, 0., exp2(k / 32) * 2 / (1 + exp2(-1 / 32))), [arrayFirst((k, n) -> n >= greatest(1, ceil(0.95 * arraySum(mapValues(buckets)))), mapKeys(buckets), arrayCumSum(mapValues(buckets)))])[1]) AS p95,
    if(empty(buckets), NULL, arrayMap(k -> if(k = -1, 0., exp2(k / 32) * 2 / (1 + exp2(-1 / 32))), [arrayFirst((k, n) -> n >= greatest(1, ceil(0.99 * arraySum(mapValues(buckets)))), mapKeys(buckets), arrayCumSum(mapValues(buckets)))])[1]) AS p99,
    if(empty(registers), 0., 4096 * 4096 / (2 * log(2) * (arraySum(r -> exp2(-r), mapValues(registers))
        + 4096 * arraySum(e -> e + arraySum(k -> pow(e, exp2(k)) * exp2(k - 1), range(1, 30)), [(4096 - length(registers)) / 4096])))) AS distinct_values,
    weight, estimated,
    if(least > greatest, NULL, least) AS min, if(least > greatest, NULL, greatest) AS max,
    buckets, registers, day
FROM
(
    SELECT
        tenant, view, metric, is_eval, labels, time, day, sum(n) AS count, sum(s) AS sum, sum(w) AS weight, sum(e) AS estimated,
        min(low) AS least, max(high) AS greatest, sumMap(b) AS buckets, maxMap(r) AS registers
    FROM
    (
        SELECT
            tenant, view, metric, is_eval, labels, toStartOfHour(pane) AS time, part_day AS day,
            count AS n, sum AS s, weight AS w, estimated AS e, min AS low, max AS high, buckets AS b, registers AS r
        FROM spanmill_local.rollups
        WHERE part_day NOT IN (SELECT part_day FROM spanmill_local.rollups_1h)
        UNION ALL
        SELECT
            tenant, view, metric, is_eval, labels, time, part_day AS day,
            count AS n, sum AS s, weight AS w, estimated AS e, min AS low, max AS high, buckets AS b, registers AS r
        FROM spanmill_local.rollups_1h
        UNION ALL
        SELECT
            tenant, view, metric, false, labels, toStartOfHour(time) AS time, part_day AS day,
            count AS n, sum AS s, count * 1000000 AS w, sum AS e, min AS low, max AS high, buckets AS b, map() AS r
        FROM spanmill_local.business_1m FINAL
        WHERE count != 0 OR sum != 0
    )
    GROUP BY tenant, view, metric, is_eval, labels, time, day
)
COMMENT 'Metrics by the hour: of days that are added up in rollups_1h, and of newer ones; and what is made by SQL on a schedule, from business_1m. Filter by tenant, view, metric and time. docs/metrics.md says what each metric is.'

-- 0080_reprice_metrics
ALTER TABLE spanmill_local.reprice_spans ON CLUSTER 'prod'
    ADD COLUMN IF NOT EXISTS is_eval Bool COMMENT 'The span belongs to an evaluation.' AFTER service_name,
    ADD COLUMN IF NOT EXISTS weight Int64 COMMENT 'How many spans it stands for, in millionths.' AFTER is_eval,
    ADD COLUMN IF NOT EXISTS old_priced Bool COMMENT 'It had a cost.' AFTER old_cost,
    ADD COLUMN IF NOT EXISTS new_priced Bool COMMENT 'It has one now.' AFTER new_cost

-- 0081_traces
CREATE OR REPLACE VIEW spanmill_local.traces ON CLUSTER 'prod'
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
        FROM spanmill_local.trace_parts
        UNION ALL
        SELECT tenant, trace_id, part_day, received_at, true, version, experiment_id, '', false, metadata['mlflow.trace.session'], metadata['mlflow.trace.user'],
            false, '', '', false, toDateTime64(0, 9, 'UTC'), 0, 0, 0, 0, 0, 0, 0, 0, request_preview, response_preview,
            request_ms, duration_ms, state, client_request_id,
            mapApply((key, value) -> (key, CAST((false, value), 'Tuple(deleted Bool, value String)')), tags)
        FROM spanmill_local.trace_info
        UNION ALL
        SELECT tenant, trace_id, part_day, received_at, true, version, '', '', false, '', '',
            false, '', '', false, toDateTime64(0, 9, 'UTC'), 0, 0, 0, 0, 0, 0, 0, 0, '', '',
            0, NULL, '', '',
            CAST(map(key, (deleted, value)), 'Map(String, Tuple(deleted Bool, value String))')
        FROM spanmill_local.trace_tags
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
        SELECT tenant, trace_id, max(received_at) AS deleted_at FROM spanmill_local.trace_deletions GROUP BY tenant, trace_id
    ) AS d ON d.tenant = r.tenant AND d.trace_id = r.trace_id
    WHERE r.received_at > d.deleted_at
    GROUP BY tenant, trace_id, day
)
WHERE day = first_day AND there
COMMENT 'Traces: a row each, from trace_parts, trace_info and trace_tags. Filter by tenant and day, then by start_time: WHERE tenant = T AND day = D. What belongs to a trace is looked for on its day and the next one: spans that start later, and tags, states or previews that are set later, are not in its row, and spans after a gap of more than a day make a row of their own. Deleted traces are not here.'

-- 0082_llm_calls
CREATE OR REPLACE VIEW spanmill_local.llm_calls ON CLUSTER 'prod'
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
FROM spanmill_local.spans AS s
LEFT ANY JOIN
(
    SELECT tenant, trace_id, max(received_at) AS deleted_at FROM spanmill_local.trace_deletions GROUP BY tenant, trace_id
) AS d ON d.tenant = s.tenant AND d.trace_id = s.trace_id
LEFT ANY JOIN
(
    SELECT tenant, trace_id, span_id, day, groupArrayIf(piece, NOT output) AS taken, groupArrayIf(piece, output) AS given
    FROM
    (
        SELECT tenant, trace_id, span_id, output, part_day AS day,
            tuple(time_unix_nano, ordinal, version, event_name, role, body, received_at)
            ::Tuple(time_unix_nano UInt64, ordinal Int32, version UInt128, event_name String, role String, body String, received_at DateTime64(3, 'UTC')) AS piece
        FROM spanmill_local.span_content
        UNION ALL
        SELECT tenant, trace_id, span_id, output, part_day - 1 AS day,
            tuple(time_unix_nano, ordinal, version, event_name, role, body, received_at)
            ::Tuple(time_unix_nano UInt64, ordinal Int32, version UInt128, event_name String, role String, body String, received_at DateTime64(3, 'UTC'))
        FROM spanmill_local.span_content
    )
    GROUP BY tenant, trace_id, span_id, day
) AS c ON c.tenant = s.tenant AND c.trace_id = s.trace_id AND c.span_id = s.span_id AND c.day = s.part_day
WHERE s.kind = 'LLM' AND s.received_at > d.deleted_at
COMMENT 'Calls of language models: the spans of kind LLM, with their content also where that came as logs (span_content of the same day or the next). Filter by tenant and day, then by start_time: WHERE tenant = T AND day = D AND start_time > S. Deleted traces are not here.'

-- 0083_tool_calls
CREATE OR REPLACE VIEW spanmill_local.tool_calls ON CLUSTER 'prod'
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
    status Enum8('UNSET' = 0, 'OK' = 1, 'ERROR' = 2) COMMENT 'OTLP status code.',
    error_type LowCardinality(String) COMMENT 'Class of the error; empty: none.',
    status_message String COMMENT 'OTLP status message.',
    tool_name LowCardinality(String) COMMENT 'Tool.',
    tool_type LowCardinality(String) COMMENT 'Kind of tool: function, extension, datastore.',
    tool_call_id String COMMENT 'The model''s id of the call.',
    agent_name LowCardinality(String) COMMENT 'Agent.',
    session_id String COMMENT 'Session or conversation.',
    user_id String COMMENT 'End user.',
    release LowCardinality(String) COMMENT 'Release of the application.',
    input String COMMENT 'Arguments.',
    output String COMMENT 'Result.'
)
AS
SELECT
    s.tenant AS tenant, part_day AS day, experiment_id, service_name, environment, is_eval,
    s.trace_id AS trace_id, span_id, parent_span_id, name, start_time, duration_ns / 1e9 AS seconds, status, error_type, status_message,
    tool_name, tool_type, tool_call_id, agent_name, session_id, user_id, release, input, output
FROM spanmill_local.spans AS s
LEFT ANY JOIN
(
    SELECT tenant, trace_id, max(received_at) AS deleted_at FROM spanmill_local.trace_deletions GROUP BY tenant, trace_id
) AS d ON d.tenant = s.tenant AND d.trace_id = s.trace_id
WHERE kind = 'TOOL' AND received_at > deleted_at
COMMENT 'Tools that were used: the spans of kind TOOL. Filter by tenant and day, then by start_time. Deleted traces are not here.'

-- 0084_retrievals
CREATE OR REPLACE VIEW spanmill_local.retrievals ON CLUSTER 'prod'
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
    status Enum8('UNSET' = 0, 'OK' = 1, 'ERROR' = 2) COMMENT 'OTLP status code.',
    error_type LowCardinality(String) COMMENT 'Class of the error; empty: none.',
    status_message String COMMENT 'OTLP status message.',
    data_source_id LowCardinality(String) COMMENT 'Data source that was searched.',
    documents Nullable(UInt64) COMMENT 'How many documents came back; NULL: output is no list.',
    agent_name LowCardinality(String) COMMENT 'Agent.',
    session_id String COMMENT 'Session or conversation.',
    user_id String COMMENT 'End user.',
    release LowCardinality(String) COMMENT 'Release of the application.',
    input String COMMENT 'Query.',
    output String COMMENT 'Documents.'
)
AS
SELECT
    s.tenant AS tenant, part_day AS day, experiment_id, service_name, environment, is_eval,
    s.trace_id AS trace_id, span_id, parent_span_id, name, start_time, duration_ns / 1e9 AS seconds, status, error_type, status_message,
    data_source_id, if(startsWith(output, '['), toNullable(JSONLength(output)), NULL) AS documents,
    agent_name, session_id, user_id, release, input, output
FROM spanmill_local.spans AS s
LEFT ANY JOIN
(
    SELECT tenant, trace_id, max(received_at) AS deleted_at FROM spanmill_local.trace_deletions GROUP BY tenant, trace_id
) AS d ON d.tenant = s.tenant AND d.trace_id = s.trace_id
WHERE kind = 'RETRIEVER' AND received_at > deleted_at
COMMENT 'Searches for documents: the spans of kind RETRIEVER. Filter by tenant and day, then by start_time. Deleted traces are not here.'

-- 0085_errors
CREATE OR REPLACE VIEW spanmill_local.errors ON CLUSTER 'prod'
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
    kind LowCardinality(String) COMMENT 'What the span does: LLM, TOOL, AGENT, RETRIEVER, ... or UNKNOWN.',
    error String COMMENT 'Class of the error, the one of the exception where the span says none; (not said): neither does.',
    message String COMMENT 'Status message, else that of the exception.',
    exception_type String COMMENT 'Class of the first exception event; empty: none.',
    exception_message String COMMENT 'Its message.',
    stacktrace String COMMENT 'Its stack trace.',
    operation LowCardinality(String) COMMENT 'GenAI operation: chat, execute_tool, ...',
    provider LowCardinality(String) COMMENT 'GenAI provider: openai, anthropic, ...',
    model LowCardinality(String) COMMENT 'Model that is priced: the response''s, else the request''s.',
    tool_name LowCardinality(String) COMMENT 'Tool.',
    agent_name LowCardinality(String) COMMENT 'Agent.',
    session_id String COMMENT 'Session or conversation.',
    user_id String COMMENT 'End user.',
    release LowCardinality(String) COMMENT 'Release of the application.',
    input String COMMENT 'What went in.'
)
AS
WITH
    events_attrs[indexOf(events_name, 'exception')] AS exception,
    JSONExtractString(exception, 'exception.type') AS exception_type,
    JSONExtractString(exception, 'exception.message') AS exception_message
SELECT
    s.tenant AS tenant, part_day AS day, experiment_id, service_name, environment, is_eval,
    s.trace_id AS trace_id, span_id, parent_span_id, name, start_time, duration_ns / 1e9 AS seconds, kind,
    multiIf(error_type != '', error_type, exception_type != '', exception_type, '(not said)') AS error,
    if(status_message != '', status_message, exception_message) AS message,
    exception_type, exception_message, JSONExtractString(exception, 'exception.stacktrace') AS stacktrace,
    operation, provider, model, tool_name, agent_name, session_id, user_id, release, input
FROM spanmill_local.spans AS s
LEFT ANY JOIN
(
    SELECT tenant, trace_id, max(received_at) AS deleted_at FROM spanmill_local.trace_deletions GROUP BY tenant, trace_id
) AS d ON d.tenant = s.tenant AND d.trace_id = s.trace_id
WHERE (status = 'ERROR' OR error_type != '') AND received_at > deleted_at
COMMENT 'What failed: the spans with status ERROR or an error type. Filter by tenant and day, then by start_time. Deleted traces are not here.'

-- 0086_reprice_days_metrics
ALTER TABLE spanmill_local.reprice_days ON CLUSTER 'prod'
    MODIFY COLUMN step Enum8('begun' = 1, 'computed' = 2, 'spans' = 3, 'done' = 4, 'metrics' = 5) COMMENT 'The last step that is finished. Metrics comes after computed and before spans.'

-- 0087_metrics_1m
CREATE OR REPLACE VIEW spanmill_local.metrics_1m ON CLUSTER 'prod'
(
    tenant LowCardinality(String) COMMENT 'Who the series belongs to. Filter by it: the primary key begins with it.',
    view LowCardinality(String) COMMENT 'Which kind of series: tenant, service, model, tool, ... The primary key has it second.',
    metric LowCardinality(String) COMMENT 'What is measured: trace_latency, cost, input_tokens, ... The primary key has it third.',
    is_eval Bool COMMENT 'Of evaluations, not of production.',
    labels Map(LowCardinality(String), String) COMMENT 'The series: the view''s dimensions and their values.',
    time DateTime('UTC') COMMENT 'Start of the minute of event time: the ends of spans.',
    count Int64 COMMENT 'Observations.',
    sum Int64 COMMENT 'What they add up to, in the metric''s unit: nanoseconds, tokens, 1e-9 dollars.',
    mean Nullable(Float64) COMMENT 'The sum by the count. Never average means: divide sums by counts.',
    low Nullable(Float64) COMMENT 'Of shares: what the share behind the mean is at least, with a confidence of 95 % (Wilson). Of several rows: work it out of their sums.',
    high Nullable(Float64) COMMENT 'Of shares: what it is at most, likewise. NULL: the metric is no share.',
    p50 Nullable(Float64) COMMENT 'Median, within 1.1 % of the exact one; NULL: the metric has no distribution.',
    p95 Nullable(Float64) COMMENT 'The quantile 0.95. Never average quantiles: merge buckets with sumMap.',
    p99 Nullable(Float64) COMMENT 'The quantile 0.99.',
    distinct_values Float64 COMMENT 'Different values, with a standard error of 1.6 %; 0 for metrics that do not count them.',
    weight Int64 COMMENT 'What the observations stand for if their spans were sampled, in millionths.',
    estimated Int64 COMMENT 'The sum over all that they stand for.',
    min Nullable(Int64) COMMENT 'Least observation.',
    max Nullable(Int64) COMMENT 'Greatest observation.',
    buckets Map(Int16, UInt64) COMMENT 'Exponential histogram, 32 buckets an octave: merge with sumMap.',
    registers Map(UInt16, UInt8) COMMENT 'Distinct values, 4096 registers: merge with maxMap.',
    day Date COMMENT 'Day (UTC). Filter by it or by time.'
)
AS
SELECT
    tenant, view, metric, is_eval, labels, time, count, sum,
    if(count > 0, sum / count, NULL) AS mean,
    if(share, greatest(0., (part + 1.920729410347062 / count - 1.959963984540054 * sqrt(part * (1 - part) / count + 0.960364705173531 / count / count)) / (1 + 3.841458820694124 / count)), NULL) AS low,
    if(share, least(1., (part + 1.920729410347062 / count + 1.959963984540054 * sqrt(part * (1 - part) / count + 0.960364705173531 / count / count)) / (1 + 3.841458820694124 / count)), NULL) AS high,
    if(empty(buckets), NULL, arrayMap(k -> if(k = -1, 0., exp2(k / 32) * 2 / (1 + exp2(-1 / 32))), [arrayFirst((k, n) -> n >= greatest(1, ceil(0.5 * arraySum(mapValues(buckets)))), mapKeys(buckets), arrayCumSum(mapValues(buckets)))])[1]) AS p50,
    if(empty(buckets), NULL, arrayMap(k -> if(k = -1, 0., exp2(k / 32) * 2 / (1 + exp2(-1 / 32))), [arrayFirst((k, n) -> n >= greatest(1, ceil(0.95 * arraySum(mapValues(buckets)))), mapKeys(buckets), arrayCumSum(mapValues(buckets)))])[1]) AS p95,
    if(empty(buckets), NULL, arrayMap(k -> if(k = -1, 0., exp2(k / 32) * 2 / (1 + exp2(-1 / 32))), [arrayFirst((k, n) -> n >= greatest(1, ceil(0.99 * arraySum(mapValues(buckets)))), mapKeys(buckets), arrayCumSum(mapValues(buckets)))])[1]) AS p99,
    if(empty(registers), 0., 4096 * 4096 / (2 * log(2) * (arraySum(r -> exp2(-r), mapValues(registers))
        + 4096 * arraySum(e -> e + arraySum(k -> pow(e, exp2(k)) * exp2(k - 1), range(1, 30)), [(4096 - length(registers)) / 4096])))) AS distinct_values,
    weight, estimated,
    if(least > greatest, NULL, least) AS min, if(least > greatest, NULL, greatest) AS max,
    buckets, registers, day
FROM
(
    SELECT
        tenant, view, metric, is_eval, labels, time, day, sum(n) AS count, sum(s) AS sum, sum(w) AS weight, sum(e) AS estimated,
        min(low) AS least, max(high) AS greatest, sumMap(b) AS buckets, maxMap(r) AS registers,
        count > 0 AND metric IN (
            'assessment_errors', 'passed', 'agreement', 'safety_violation', 'pii_found', 'thumbs_up',
            'csat_satisfied', 'task_success', 'engagement_rate', 'bounce_rate', 'single_turn_rate', 'completion_rate',
            'completion_rate_told', 'abandonment_rate', 'abandonment_rate_strict', 'escalation_rate', 'deflection_rate', 'containment_rate',
            'resolution_rate', 'recontact_rate', 'conversion_rate', 'conversion_rate_users', 'funnel_step_rate', 'tasks_completed_rate',
            'automation_rate', 'stickiness', 'new_users', 'returning_users', 'retention_d1_classic', 'retention_d1_rolling',
            'retention_d1_range', 'retention_d7_classic', 'retention_d7_rolling', 'retention_d7_range', 'retention_d30_classic', 'retention_d30_rolling',
            'retention_d30_range'
        ) AS share,
        if(count > 0, least(1., greatest(0., sum / count)), 0.) AS part
    FROM
    (
        SELECT
            tenant, view, metric, is_eval, labels, toStartOfMinute(pane) AS time, part_day AS day,
            count AS n, sum AS s, weight AS w, estimated AS e, min AS low, max AS high, buckets AS b, registers AS r
        FROM spanmill_local.rollups
        WHERE part_day NOT IN (SELECT part_day FROM spanmill_local.rollups_1m)
        UNION ALL
        SELECT
            tenant, view, metric, is_eval, labels, time, part_day AS day,
            count AS n, sum AS s, weight AS w, estimated AS e, min AS low, max AS high, buckets AS b, registers AS r
        FROM spanmill_local.rollups_1m
        UNION ALL
        SELECT
            tenant, view, metric, false, labels, toStartOfMinute(time) AS time, part_day AS day,
            count AS n, sum AS s, count * 1000000 AS w, sum AS e, min AS low, max AS high, buckets AS b, map() AS r
        FROM spanmill_local.business_1m FINAL
        WHERE count != 0 OR sum != 0
    )
    GROUP BY tenant, view, metric, is_eval, labels, time, day
)
COMMENT 'Metrics by the minute: of days that are added up in rollups_1m, and of newer ones; and what is made by SQL on a schedule, from business_1m. Filter by tenant, view, metric and time. docs/metrics.md says what each metric is.'

-- 0088_metrics_1h
CREATE OR REPLACE VIEW spanmill_local.metrics_1h ON CLUSTER 'prod'
(
    tenant LowCardinality(String) COMMENT 'Who the series belongs to. Filter by it: the primary key begins with it.',
    view LowCardinality(String) COMMENT 'Which kind of series: tenant, service, model, tool, ... The primary key has it second.',
    metric LowCardinality(String) COMMENT 'What is measured: trace_latency, cost, input_tokens, ... The primary key has it third.',
    is_eval Bool COMMENT 'Of evaluations, not of production.',
    labels Map(LowCardinality(String), String) COMMENT 'The series: the view''s dimensions and their values.',
    time DateTime('UTC') COMMENT 'Start of the hour of event time: the ends of spans.',
    count Int64 COMMENT 'Observations.',
    sum Int64 COMMENT 'What they add up to, in the metric''s unit: nanoseconds, tokens, 1e-9 dollars.',
    mean Nullable(Float64) COMMENT 'The sum by the count. Never average means: divide sums by counts.',
    low Nullable(Float64) COMMENT 'Of shares: what the share behind the mean is at least, with a confidence of 95 % (Wilson). Of several rows: work it out of their sums.',
    high Nullable(Float64) COMMENT 'Of shares: what it is at most, likewise. NULL: the metric is no share.',
    p50 Nullable(Float64) COMMENT 'Median, within 1.1 % of the exact one; NULL: the metric has no distribution.',
    p95 Nullable(Float64) COMMENT 'The quantile 0.95. Never average quantiles: merge buckets with sumMap.',
    p99 Nullable(Float64) COMMENT 'The quantile 0.99.',
    distinct_values Float64 COMMENT 'Different values, with a standard error of 1.6 %; 0 for metrics that do not count them.',
    weight Int64 COMMENT 'What the observations stand for if their spans were sampled, in millionths.',
    estimated Int64 COMMENT 'The sum over all that they stand for.',
    min Nullable(Int64) COMMENT 'Least observation.',
    max Nullable(Int64) COMMENT 'Greatest observation.',
    buckets Map(Int16, UInt64) COMMENT 'Exponential histogram, 32 buckets an octave: merge with sumMap.',
    registers Map(UInt16, UInt8) COMMENT 'Distinct values, 4096 registers: merge with maxMap.',
    day Date COMMENT 'Day (UTC). Filter by it or by time.'
)
AS
SELECT
    tenant, view, metric, is_eval, labels, time, count, sum,
    if(count > 0, sum / count, NULL) AS mean,
    if(share, greatest(0., (part + 1.920729410347062 / count - 1.959963984540054 * sqrt(part * (1 - part) / count + 0.960364705173531 / count / count)) / (1 + 3.841458820694124 / count)), NULL) AS low,
    if(share, least(1., (part + 1.920729410347062 / count + 1.959963984540054 * sqrt(part * (1 - part) / count + 0.960364705173531 / count / count)) / (1 + 3.841458820694124 / count)), NULL) AS high,
    if(empty(buckets), NULL, arrayMap(k -> if(k = -1, 0., exp2(k / 32) * 2 / (1 + exp2(-1 / 32))), [arrayFirst((k, n) -> n >= greatest(1, ceil(0.5 * arraySum(mapValues(buckets)))), mapKeys(buckets), arrayCumSum(mapValues(buckets)))])[1]) AS p50,
    if(empty(buckets), NULL, arrayMap(k -> if(k = -1, 0., exp2(k / 32) * 2 / (1 + exp2(-1 / 32))), [arrayFirst((k, n) -> n >= greatest(1, ceil(0.95 * arraySum(mapValues(buckets)))), mapKeys(buckets), arrayCumSum(mapValues(buckets)))])[1]) AS p95,
    if(empty(buckets), NULL, arrayMap(k -> if(k = -1, 0., exp2(k / 32) * 2 / (1 + exp2(-1 / 32))), [arrayFirst((k, n) -> n >= greatest(1, ceil(0.99 * arraySum(mapValues(buckets)))), mapKeys(buckets), arrayCumSum(mapValues(buckets)))])[1]) AS p99,
    if(empty(registers), 0., 4096 * 4096 / (2 * log(2) * (arraySum(r -> exp2(-r), mapValues(registers))
        + 4096 * arraySum(e -> e + arraySum(k -> pow(e, exp2(k)) * exp2(k - 1), range(1, 30)), [(4096 - length(registers)) / 4096])))) AS distinct_values,
    weight, estimated,
    if(least > greatest, NULL, least) AS min, if(least > greatest, NULL, greatest) AS max,
    buckets, registers, day
FROM
(
    SELECT
        tenant, view, metric, is_eval, labels, time, day, sum(n) AS count, sum(s) AS sum, sum(w) AS weight, sum(e) AS estimated,
        min(low) AS least, max(high) AS greatest, sumMap(b) AS buckets, maxMap(r) AS registers,
        count > 0 AND metric IN (
            'assessment_errors', 'passed', 'agreement', 'safety_violation', 'pii_found', 'thumbs_up',
            'csat_satisfied', 'task_success', 'engagement_rate', 'bounce_rate', 'single_turn_rate', 'completion_rate',
            'completion_rate_told', 'abandonment_rate', 'abandonment_rate_strict', 'escalation_rate', 'deflection_rate', 'containment_rate',
            'resolution_rate', 'recontact_rate', 'conversion_rate', 'conversion_rate_users', 'funnel_step_rate', 'tasks_completed_rate',
            'automation_rate', 'stickiness', 'new_users', 'returning_users', 'retention_d1_classic', 'retention_d1_rolling',
            'retention_d1_range', 'retention_d7_classic', 'retention_d7_rolling', 'retention_d7_range', 'retention_d30_classic', 'retention_d30_rolling',
            'retention_d30_range'
        ) AS share,
        if(count > 0, least(1., greatest(0., sum / count)), 0.) AS part
    FROM
    (
        SELECT
            tenant, view, metric, is_eval, labels, toStartOfHour(pane) AS time, part_day AS day,
            count AS n, sum AS s, weight AS w, estimated AS e, min AS low, max AS high, buckets AS b, registers AS r
        FROM spanmill_local.rollups
        WHERE part_day NOT IN (SELECT part_day FROM spanmill_local.rollups_1h)
        UNION ALL
        SELECT
            tenant, view, metric, is_eval, labels, time, part_day AS day,
            count AS n, sum AS s, weight AS w, estimated AS e, min AS low, max AS high, buckets AS b, registers AS r
        FROM spanmill_local.rollups_1h
        UNION ALL
        SELECT
            tenant, view, metric, false, labels, toStartOfHour(time) AS time, part_day AS day,
            count AS n, sum AS s, count * 1000000 AS w, sum AS e, min AS low, max AS high, buckets AS b, map() AS r
        FROM spanmill_local.business_1m FINAL
        WHERE count != 0 OR sum != 0
    )
    GROUP BY tenant, view, metric, is_eval, labels, time, day
)
COMMENT 'Metrics by the hour: of days that are added up in rollups_1h, and of newer ones; and what is made by SQL on a schedule, from business_1m. Filter by tenant, view, metric and time. docs/metrics.md says what each metric is.'

-- 0089_trace_days
CREATE TABLE IF NOT EXISTS spanmill_local.trace_days ON CLUSTER 'prod'
(
    tenant LowCardinality(String) COMMENT 'Who the trace belongs to.',
    trace_hash UInt64 COMMENT 'cityHash64 of the trace''s id.' CODEC(NONE),
    day Date COMMENT 'A part_day of its rows.' CODEC(ZSTD(1)),
    retention_days UInt16 COMMENT 'Days after day that the row is kept.' CODEC(ZSTD(1))
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', retention_days)
PARTITION BY toYYYYMM(day)
ORDER BY (tenant, trace_hash, day)
TTL day + toIntervalDay(retention_days)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800, ttl_only_drop_parts = 0, index_granularity = 256
COMMENT 'On which days the traces lie that scheduled runs have seen: how a run finds the trace that an assessment, an event or a deletion of today is about, without looking through all days.'

-- 0090_session_content
ALTER TABLE spanmill_local.session_facts ON CLUSTER 'prod'
    ADD COLUMN IF NOT EXISTS content UInt64 MATERIALIZED cityHash64(started_at, ended_at, user_id, experiment_id, service_name, traces, turns, failed_turns,
        last_turn_failed, last_turn_unanswered, spans, errors, llm_calls, input_tokens, output_tokens, cost_nano, busy_ns,
        outcome, turns_to_outcome, handoffs, positive, negative, goals, value_micro, tasks_started, tasks_completed, tasks_untold, saved_micro,
        marks, trace_hashes, retention_days) COMMENT 'Hash of what the row says: a run writes no row that says what the last one did.' CODEC(NONE)

-- 0091_scheduled_facts
CREATE TABLE IF NOT EXISTS spanmill_local.scheduled_facts ON CLUSTER 'prod' AS spanmill_local.session_facts
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY intDiv(version, 10000)
ORDER BY (tenant, session_id)
TTL closes_at::DateTime + INTERVAL 500 DAY
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800
COMMENT 'Sessions as a scheduled run has made them: those that differ from what was known go to session_facts. Dropped at the run''s end.'

-- 0092_sessions
CREATE OR REPLACE VIEW spanmill_local.sessions ON CLUSTER 'prod'
(
    tenant LowCardinality(String) COMMENT 'Who the session belongs to. Filter by it: the primary key begins with it.',
    day Date COMMENT 'Day (UTC) on which it closed. Filter by it: other days are not read.',
    session_id String COMMENT 'Session.',
    user_id String COMMENT 'User: of its first trace that has one.',
    experiment_id String COMMENT 'Experiment of its first trace.',
    service_name String COMMENT 'Service of its first trace.',
    started_at DateTime64(9, 'UTC') COMMENT 'Least start of its spans.',
    ended_at DateTime64(9, 'UTC') COMMENT 'Newest end of its spans.',
    closes_at DateTime64(9, 'UTC') COMMENT 'Newest end plus 30 minutes: when the session counts. It may be yet to come.',
    seconds Float64 COMMENT 'Newest end minus least start.',
    turns UInt32 COMMENT 'Traces with a root: what the user asked.',
    failed_turns UInt32 COMMENT 'Turns whose root failed.',
    engaged Bool COMMENT 'More than ten seconds, or a goal, or two turns and more. The others bounced.',
    outcome String COMMENT 'resolved, completed, unresolved or abandoned, as it was told; empty: it was not.',
    completed Bool COMMENT 'Told completed or resolved; if nothing is told, the last turn was answered without an error and no feedback is bad.',
    abandoned Bool COMMENT 'Told abandoned; if nothing is told, nobody took over and the last turn failed or was not answered.',
    handoffs UInt32 COMMENT 'Handed over to a person, how often.',
    positive UInt32 COMMENT 'Feedback of people that is good.',
    negative UInt32 COMMENT 'Feedback of people that is bad.',
    goals Map(String, UInt64) COMMENT 'Goals that were reached, how often.',
    tasks_started Map(String, UInt64) COMMENT 'Tasks that were started.',
    tasks_completed Map(String, UInt64) COMMENT 'Tasks that were completed.',
    llm_calls UInt64 COMMENT 'Spans of kind LLM.',
    input_tokens UInt64 COMMENT 'Input tokens of billable spans.',
    output_tokens UInt64 COMMENT 'Output tokens of billable spans.',
    cost Decimal(38, 9) COMMENT 'US dollars.',
    told_completed Bool COMMENT 'Told completed or resolved.',
    abandoned_strict Bool COMMENT 'Not told completed or resolved, nobody took over, and no outcome is told or the last turn failed or was not answered.',
    duration_ns Int64 COMMENT 'Nanoseconds from the least start to the newest end.',
    busy_ns Int64 COMMENT 'Nanoseconds that its turns took, added up.',
    cost_nano Int64 COMMENT 'Cost, in 1e-9 US dollars.',
    goal_value_micro Int64 COMMENT 'Value of its goals, in millionths.',
    saved_micro Int64 COMMENT 'Minutes that its completed tasks say they saved, in millionths.',
    tasks_untold Map(String, UInt64) COMMENT 'Completed tasks that do not say how many minutes they saved.',
    turns_to_outcome UInt32 COMMENT 'Turns that had started when the outcome was told.',
    marks Array(Tuple(at DateTime64(9, 'UTC'), name String)) COMMENT 'Goals and used features in order of time: what funnels go through.'
)
AS
SELECT
    tenant, day, session_id, user_id, experiment_id, service_name, started_at, ended_at, closes_at,
    duration_ns / 1e9 AS seconds, turns, failed_turns,
    duration_ns > 10000000000 OR turns >= 2 OR notEmpty(goals) AS engaged, outcome,
    if(outcome != '', outcome IN ('completed', 'resolved'), turns > 0 AND NOT last_turn_failed AND NOT last_turn_unanswered AND negative = 0) AS completed,
    if(outcome != '', outcome = 'abandoned', handoffs = 0 AND (turns = 0 OR last_turn_failed OR last_turn_unanswered)) AS abandoned,
    handoffs, positive, negative, goals, tasks_started, tasks_completed, llm_calls, input_tokens, output_tokens,
    toDecimal128(cost_nano, 9) / 1000000000 AS cost,
    outcome IN ('completed', 'resolved') AS told_completed,
    NOT told_completed AND handoffs = 0 AND (outcome IN ('', 'abandoned') OR turns = 0 OR last_turn_failed OR last_turn_unanswered) AS abandoned_strict,
    toUnixTimestamp64Nano(ended_at) - toUnixTimestamp64Nano(started_at) AS duration_ns,
    busy_ns, cost_nano, value_micro AS goal_value_micro, saved_micro, tasks_untold, turns_to_outcome, marks
FROM spanmill_local.session_facts FINAL
WHERE NOT gone
SETTINGS do_not_merge_across_partitions_select_final = 1
COMMENT 'Sessions: a row each, within a quarter of a minute of what has changed. Filter by tenant and day: WHERE tenant = T AND day = D. Sessions of evaluations and deleted traces are not here.'

-- 0093_spans_in_time
ALTER TABLE spanmill_local.spans ON CLUSTER 'prod'
    ADD COLUMN IF NOT EXISTS insert_by DateTime64(3, 'UTC') DEFAULT toDateTime64('2299-12-31 00:00:00', 3, 'UTC') COMMENT 'Until when the server would take the block that the row came with.' CODEC(Delta, ZSTD(1)),
    ADD CONSTRAINT IF NOT EXISTS in_time CHECK nowInBlock64(3) <= insert_by

-- 0094_trace_parts_in_time
ALTER TABLE spanmill_local.trace_parts ON CLUSTER 'prod'
    ADD COLUMN IF NOT EXISTS insert_by DateTime64(3, 'UTC') DEFAULT toDateTime64('2299-12-31 00:00:00', 3, 'UTC') COMMENT 'Until when the server would take the block that the row came with.' CODEC(Delta, ZSTD(1)),
    ADD CONSTRAINT IF NOT EXISTS in_time CHECK nowInBlock64(3) <= insert_by

-- 0095_trace_info_in_time
ALTER TABLE spanmill_local.trace_info ON CLUSTER 'prod'
    ADD COLUMN IF NOT EXISTS insert_by DateTime64(3, 'UTC') DEFAULT toDateTime64('2299-12-31 00:00:00', 3, 'UTC') COMMENT 'Until when the server would take the block that the row came with.' CODEC(Delta, ZSTD(1)),
    ADD CONSTRAINT IF NOT EXISTS in_time CHECK nowInBlock64(3) <= insert_by

-- 0096_trace_tags_in_time
ALTER TABLE spanmill_local.trace_tags ON CLUSTER 'prod'
    ADD COLUMN IF NOT EXISTS insert_by DateTime64(3, 'UTC') DEFAULT toDateTime64('2299-12-31 00:00:00', 3, 'UTC') COMMENT 'Until when the server would take the block that the row came with.' CODEC(Delta, ZSTD(1)),
    ADD CONSTRAINT IF NOT EXISTS in_time CHECK nowInBlock64(3) <= insert_by

-- 0097_assessments_in_time
ALTER TABLE spanmill_local.assessments ON CLUSTER 'prod'
    ADD COLUMN IF NOT EXISTS insert_by DateTime64(3, 'UTC') DEFAULT toDateTime64('2299-12-31 00:00:00', 3, 'UTC') COMMENT 'Until when the server would take the block that the row came with.' CODEC(Delta, ZSTD(1)),
    ADD CONSTRAINT IF NOT EXISTS in_time CHECK nowInBlock64(3) <= insert_by

-- 0098_trace_deletions_in_time
ALTER TABLE spanmill_local.trace_deletions ON CLUSTER 'prod'
    ADD COLUMN IF NOT EXISTS insert_by DateTime64(3, 'UTC') DEFAULT toDateTime64('2299-12-31 00:00:00', 3, 'UTC') COMMENT 'Until when the server would take the block that the row came with.' CODEC(Delta, ZSTD(1)),
    ADD CONSTRAINT IF NOT EXISTS in_time CHECK nowInBlock64(3) <= insert_by

-- 0099_span_content_in_time
ALTER TABLE spanmill_local.span_content ON CLUSTER 'prod'
    ADD COLUMN IF NOT EXISTS insert_by DateTime64(3, 'UTC') DEFAULT toDateTime64('2299-12-31 00:00:00', 3, 'UTC') COMMENT 'Until when the server would take the block that the row came with.' CODEC(Delta, ZSTD(1)),
    ADD CONSTRAINT IF NOT EXISTS in_time CHECK nowInBlock64(3) <= insert_by

-- 0100_business_events_in_time
ALTER TABLE spanmill_local.business_events ON CLUSTER 'prod'
    ADD COLUMN IF NOT EXISTS insert_by DateTime64(3, 'UTC') DEFAULT toDateTime64('2299-12-31 00:00:00', 3, 'UTC') COMMENT 'Until when the server would take the block that the row came with.' CODEC(Delta, ZSTD(1)),
    ADD CONSTRAINT IF NOT EXISTS in_time CHECK nowInBlock64(3) <= insert_by

-- 0101_experiments_in_time
ALTER TABLE spanmill_local.experiments ON CLUSTER 'prod'
    ADD COLUMN IF NOT EXISTS insert_by DateTime64(3, 'UTC') DEFAULT toDateTime64('2299-12-31 00:00:00', 3, 'UTC') COMMENT 'Until when the server would take the block that the row came with.' CODEC(Delta, ZSTD(1)),
    ADD CONSTRAINT IF NOT EXISTS in_time CHECK nowInBlock64(3) <= insert_by

-- 0102_rollups_in_time
ALTER TABLE spanmill_local.rollups ON CLUSTER 'prod'
    ADD COLUMN IF NOT EXISTS insert_by DateTime64(3, 'UTC') DEFAULT toDateTime64('2299-12-31 00:00:00', 3, 'UTC') COMMENT 'Until when the server would take the block that the row came with.' CODEC(Delta, ZSTD(1)),
    ADD CONSTRAINT IF NOT EXISTS in_time CHECK nowInBlock64(3) <= insert_by

-- spanmill
CREATE DATABASE IF NOT EXISTS spanmill ON CLUSTER 'prod'

-- spans
CREATE OR REPLACE TABLE spanmill.spans ON CLUSTER 'prod' AS spanmill_local.spans
ENGINE = Distributed('prod', 'spanmill_local', 'spans', cityHash64(trace_id))
COMMENT 'spans of all shards: see the comment of spanmill_local.spans.'

-- trace_parts
CREATE OR REPLACE TABLE spanmill.trace_parts ON CLUSTER 'prod' AS spanmill_local.trace_parts
ENGINE = Distributed('prod', 'spanmill_local', 'trace_parts', cityHash64(trace_id))
COMMENT 'trace_parts of all shards: see the comment of spanmill_local.trace_parts.'

-- reprice_days
CREATE OR REPLACE TABLE spanmill.reprice_days ON CLUSTER 'prod' AS spanmill_local.reprice_days
ENGINE = Distributed('prod', 'spanmill_local', 'reprice_days', cityHash64(reprice_id))
COMMENT 'reprice_days of all shards: see the comment of spanmill_local.reprice_days.'

-- reprice_spans
CREATE OR REPLACE TABLE spanmill.reprice_spans ON CLUSTER 'prod' AS spanmill_local.reprice_spans
ENGINE = Distributed('prod', 'spanmill_local', 'reprice_spans', cityHash64(trace_id))
COMMENT 'reprice_spans of all shards: see the comment of spanmill_local.reprice_spans.'

-- trace_info
CREATE OR REPLACE TABLE spanmill.trace_info ON CLUSTER 'prod' AS spanmill_local.trace_info
ENGINE = Distributed('prod', 'spanmill_local', 'trace_info', cityHash64(trace_id))
COMMENT 'trace_info of all shards: see the comment of spanmill_local.trace_info.'

-- trace_tags
CREATE OR REPLACE TABLE spanmill.trace_tags ON CLUSTER 'prod' AS spanmill_local.trace_tags
ENGINE = Distributed('prod', 'spanmill_local', 'trace_tags', cityHash64(trace_id))
COMMENT 'trace_tags of all shards: see the comment of spanmill_local.trace_tags.'

-- assessments
CREATE OR REPLACE TABLE spanmill.assessments ON CLUSTER 'prod' AS spanmill_local.assessments
ENGINE = Distributed('prod', 'spanmill_local', 'assessments', cityHash64(trace_id))
COMMENT 'assessments of all shards: see the comment of spanmill_local.assessments.'

-- trace_deletions
CREATE OR REPLACE TABLE spanmill.trace_deletions ON CLUSTER 'prod' AS spanmill_local.trace_deletions
ENGINE = Distributed('prod', 'spanmill_local', 'trace_deletions', cityHash64(trace_id))
COMMENT 'trace_deletions of all shards: see the comment of spanmill_local.trace_deletions.'

-- span_content
CREATE OR REPLACE TABLE spanmill.span_content ON CLUSTER 'prod' AS spanmill_local.span_content
ENGINE = Distributed('prod', 'spanmill_local', 'span_content', cityHash64(trace_id))
COMMENT 'span_content of all shards: see the comment of spanmill_local.span_content.'

-- business_events
CREATE OR REPLACE TABLE spanmill.business_events ON CLUSTER 'prod' AS spanmill_local.business_events
ENGINE = Distributed('prod', 'spanmill_local', 'business_events', cityHash64(if(trace_id != '', trace_id, event_id)))
COMMENT 'business_events of all shards: see the comment of spanmill_local.business_events.'

-- experiments
CREATE OR REPLACE TABLE spanmill.experiments ON CLUSTER 'prod' AS spanmill_local.experiments
ENGINE = Distributed('prod', 'spanmill_local', 'experiments', cityHash64(experiment_id))
COMMENT 'experiments of all shards: see the comment of spanmill_local.experiments.'

-- rollups
CREATE OR REPLACE TABLE spanmill.rollups ON CLUSTER 'prod' AS spanmill_local.rollups
ENGINE = Distributed('prod', 'spanmill_local', 'rollups', cityHash64(tenant, view, metric))
COMMENT 'rollups of all shards: see the comment of spanmill_local.rollups.'

-- rollups_1m
CREATE OR REPLACE TABLE spanmill.rollups_1m ON CLUSTER 'prod' AS spanmill_local.rollups_1m
ENGINE = Distributed('prod', 'spanmill_local', 'rollups_1m', cityHash64(tenant, view, metric))
COMMENT 'rollups_1m of all shards: see the comment of spanmill_local.rollups_1m.'

-- rollups_1h
CREATE OR REPLACE TABLE spanmill.rollups_1h ON CLUSTER 'prod' AS spanmill_local.rollups_1h
ENGINE = Distributed('prod', 'spanmill_local', 'rollups_1h', cityHash64(tenant, view, metric))
COMMENT 'rollups_1h of all shards: see the comment of spanmill_local.rollups_1h.'

-- session_facts
CREATE OR REPLACE TABLE spanmill.session_facts ON CLUSTER 'prod' AS spanmill_local.session_facts
ENGINE = Distributed('prod', 'spanmill_local', 'session_facts', cityHash64(session_id))
COMMENT 'session_facts of all shards: see the comment of spanmill_local.session_facts.'

-- user_days
CREATE OR REPLACE TABLE spanmill.user_days ON CLUSTER 'prod' AS spanmill_local.user_days
ENGINE = Distributed('prod', 'spanmill_local', 'user_days', cityHash64(user_id))
COMMENT 'user_days of all shards: see the comment of spanmill_local.user_days.'

-- trace_days
CREATE OR REPLACE TABLE spanmill.trace_days ON CLUSTER 'prod' AS spanmill_local.trace_days
ENGINE = Distributed('prod', 'spanmill_local', 'trace_days', trace_hash)
COMMENT 'trace_days of all shards: see the comment of spanmill_local.trace_days.'

-- business_1m
CREATE OR REPLACE TABLE spanmill.business_1m ON CLUSTER 'prod' AS spanmill_local.business_1m
ENGINE = Distributed('prod', 'spanmill_local', 'business_1m', cityHash64(tenant, view, metric))
COMMENT 'business_1m of all shards: see the comment of spanmill_local.business_1m.'

-- scheduled_runs
CREATE OR REPLACE TABLE spanmill.scheduled_runs ON CLUSTER 'prod' AS spanmill_local.scheduled_runs
ENGINE = Distributed('prod', 'spanmill_local', 'scheduled_runs', run)
COMMENT 'scheduled_runs of all shards: see the comment of spanmill_local.scheduled_runs.'

-- scheduled_work
CREATE OR REPLACE TABLE spanmill.scheduled_work ON CLUSTER 'prod' AS spanmill_local.scheduled_work
ENGINE = Distributed('prod', 'spanmill_local', 'scheduled_work', cityHash64(id))
COMMENT 'scheduled_work of all shards: see the comment of spanmill_local.scheduled_work.'

-- scheduled_traces
CREATE OR REPLACE TABLE spanmill.scheduled_traces ON CLUSTER 'prod' AS spanmill_local.scheduled_traces
ENGINE = Distributed('prod', 'spanmill_local', 'scheduled_traces', cityHash64(session_id))
COMMENT 'scheduled_traces of all shards: see the comment of spanmill_local.scheduled_traces.'

-- scheduled_facts
CREATE OR REPLACE TABLE spanmill.scheduled_facts ON CLUSTER 'prod' AS spanmill_local.scheduled_facts
ENGINE = Distributed('prod', 'spanmill_local', 'scheduled_facts', cityHash64(session_id))
COMMENT 'scheduled_facts of all shards: see the comment of spanmill_local.scheduled_facts.'

-- traces
CREATE OR REPLACE TABLE spanmill.traces ON CLUSTER 'prod' AS spanmill_local.traces
ENGINE = Distributed('prod', 'spanmill_local', 'traces')
COMMENT 'traces of all shards: see the comment of spanmill_local.traces.'

-- llm_calls
CREATE OR REPLACE TABLE spanmill.llm_calls ON CLUSTER 'prod' AS spanmill_local.llm_calls
ENGINE = Distributed('prod', 'spanmill_local', 'llm_calls')
COMMENT 'llm_calls of all shards: see the comment of spanmill_local.llm_calls.'

-- tool_calls
CREATE OR REPLACE TABLE spanmill.tool_calls ON CLUSTER 'prod' AS spanmill_local.tool_calls
ENGINE = Distributed('prod', 'spanmill_local', 'tool_calls')
COMMENT 'tool_calls of all shards: see the comment of spanmill_local.tool_calls.'

-- retrievals
CREATE OR REPLACE TABLE spanmill.retrievals ON CLUSTER 'prod' AS spanmill_local.retrievals
ENGINE = Distributed('prod', 'spanmill_local', 'retrievals')
COMMENT 'retrievals of all shards: see the comment of spanmill_local.retrievals.'

-- errors
CREATE OR REPLACE TABLE spanmill.errors ON CLUSTER 'prod' AS spanmill_local.errors
ENGINE = Distributed('prod', 'spanmill_local', 'errors')
COMMENT 'errors of all shards: see the comment of spanmill_local.errors.'

-- assessments_latest
CREATE OR REPLACE TABLE spanmill.assessments_latest ON CLUSTER 'prod' AS spanmill_local.assessments_latest
ENGINE = Distributed('prod', 'spanmill_local', 'assessments_latest')
COMMENT 'assessments_latest of all shards: see the comment of spanmill_local.assessments_latest.'

-- business_events_once
CREATE OR REPLACE TABLE spanmill.business_events_once ON CLUSTER 'prod' AS spanmill_local.business_events_once
ENGINE = Distributed('prod', 'spanmill_local', 'business_events_once')
COMMENT 'business_events_once of all shards: see the comment of spanmill_local.business_events_once.'

-- metrics_1m
CREATE OR REPLACE TABLE spanmill.metrics_1m ON CLUSTER 'prod' AS spanmill_local.metrics_1m
ENGINE = Distributed('prod', 'spanmill_local', 'metrics_1m')
COMMENT 'metrics_1m of all shards: see the comment of spanmill_local.metrics_1m.'

-- metrics_1h
CREATE OR REPLACE TABLE spanmill.metrics_1h ON CLUSTER 'prod' AS spanmill_local.metrics_1h
ENGINE = Distributed('prod', 'spanmill_local', 'metrics_1h')
COMMENT 'metrics_1h of all shards: see the comment of spanmill_local.metrics_1h.'

-- sessions
CREATE OR REPLACE TABLE spanmill.sessions ON CLUSTER 'prod' AS spanmill_local.sessions
ENGINE = Distributed('prod', 'spanmill_local', 'sessions')
COMMENT 'sessions of all shards: see the comment of spanmill_local.sessions.'

-- users
CREATE OR REPLACE TABLE spanmill.users ON CLUSTER 'prod' AS spanmill_local.users
ENGINE = Distributed('prod', 'spanmill_local', 'users')
COMMENT 'users of all shards: see the comment of spanmill_local.users.'

