CREATE TABLE IF NOT EXISTS {{.Database}}.trace_info{{.OnCluster}}
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
ENGINE = {{.MergeTree}}
PARTITION BY part_day
ORDER BY (tenant, experiment_id, intDiv(request_ms, 300000), trace_id, version)
TTL part_day + toIntervalDay(retention_days)
SETTINGS {{.Window}}, ttl_only_drop_parts = 0,
    min_bytes_for_wide_part = 134217728, merge_selector_base = 10
COMMENT 'One row for each trace info that was sent. A trace''s info is all its rows by (tenant, trace_id): of each plain field the value of the greatest version that says it (argMaxIf), of metadata and tags each key from the greatest version that has it; for tags together with the rows of trace_tags. Rows of a deleted trace (see trace_deletions) do not count.'
