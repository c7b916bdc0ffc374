CREATE TABLE IF NOT EXISTS {{.Database}}.trace_parts
(
    tenant LowCardinality(String) COMMENT 'Who the trace belongs to.',
    experiment_id LowCardinality(String) COMMENT 'Experiment; 0 is the default one.',
    service_name LowCardinality(String) COMMENT 'Service of the root span, else of the first span seen.',
    trace_id String CODEC(ZSTD(1)) COMMENT '32 lower-case hexadecimal digits.',
    has_root Bool COMMENT 'The trace's root span is in this part.',
    root_span_id String CODEC(ZSTD(1)) COMMENT 'Root span's id; empty: not in this part.',
    root_name LowCardinality(String) COMMENT 'Root span's name.',
    root_status Enum8('UNSET' = 0, 'OK' = 1, 'ERROR' = 2) COMMENT 'Root span's status.',
    root_start_unix_nano UInt64 CODEC(Delta, ZSTD(1)) COMMENT 'Root span's start as sent.',
    root_end_unix_nano UInt64 CODEC(Delta, ZSTD(1)) COMMENT 'Root span's end as sent.',
    start_time DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'Least start, clamped to what the type holds.',
    end_time DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'Greatest end, clamped to what the type holds.',
    start_unix_nano UInt64 CODEC(Delta, ZSTD(1)) COMMENT 'Least start as sent.',
    end_unix_nano UInt64 CODEC(Delta, ZSTD(1)) COMMENT 'Greatest end as sent.',
    spans UInt32 CODEC(ZSTD(1)) COMMENT 'Spans in this part.',
    errors UInt32 CODEC(ZSTD(1)) COMMENT 'Spans with status ERROR in this part.',
    llm_calls UInt32 CODEC(ZSTD(1)) COMMENT 'Spans of kind LLM in this part.',
    input_tokens UInt64 CODEC(ZSTD(1)) COMMENT 'Input tokens of billable spans in this part.',
    output_tokens UInt64 CODEC(ZSTD(1)) COMMENT 'Output tokens of billable spans in this part.',
    session_id String CODEC(ZSTD(1)) COMMENT 'Session: the first by span start, the root's preferred.',
    user_id String CODEC(ZSTD(1)) COMMENT 'User: the first by span start, the root's preferred.',
    input_preview String CODEC(ZSTD(1)) COMMENT 'Beginning of the root's input.',
    output_preview String CODEC(ZSTD(1)) COMMENT 'Beginning of the root's output.',
    received_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'Latest time of receipt of the part's spans.',
    part_day Date COMMENT 'Day that partition and retention go by: the least of the part's spans.',
    retention_days UInt16 COMMENT 'Days after part_day that the row is kept.',
    src_log LowCardinality(String) COMMENT 'Log the row comes from: topic id and incarnation.',
    src_partition Int32 COMMENT 'Partition of the topic.',
    src_first_offset Int64 CODEC(Delta, ZSTD(1)) COMMENT 'First offset of the batch the part was summed over.',
    src_offset Int64 CODEC(Delta, ZSTD(1)) COMMENT 'Last offset of that batch.',
    INDEX by_trace_id trace_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_start_time start_time TYPE minmax GRANULARITY 1,
    INDEX by_src_offset src_offset TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY part_day
ORDER BY (tenant, experiment_id, intDiv(start_unix_nano, 300000000000), trace_id, start_unix_nano)
TTL part_day + toIntervalDay(retention_days)
SETTINGS non_replicated_deduplication_window = {{.DedupWindow}}, ttl_only_drop_parts = 0
COMMENT 'One row for each trace and batch: sums over the spans of the trace in that batch. A trace is all its parts.'
