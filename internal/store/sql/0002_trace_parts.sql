CREATE TABLE IF NOT EXISTS {{.Database}}.trace_parts{{.OnCluster}}
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
ENGINE = {{.MergeTree}}
PARTITION BY part_day
ORDER BY (tenant, experiment_id, intDiv(start_unix_nano, 300000000000), trace_id, start_unix_nano)
TTL part_day + toIntervalDay(retention_days)
SETTINGS {{.Window}}, ttl_only_drop_parts = 0,
    min_bytes_for_wide_part = 134217728, merge_selector_base = 10
COMMENT 'One row for each trace and batch: sums over the spans of the trace in that batch. A trace is all its parts.'
