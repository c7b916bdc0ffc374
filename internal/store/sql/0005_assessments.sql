CREATE TABLE IF NOT EXISTS {{.Database}}.assessments{{.OnCluster}}
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
ENGINE = {{.MergeTree}}
PARTITION BY part_day
ORDER BY (tenant, trace_id, assessment_id, version)
TTL part_day + toIntervalDay(retention_days)
SETTINGS {{.Window}}, ttl_only_drop_parts = 0,
    min_bytes_for_wide_part = 134217728, merge_selector_base = 10
COMMENT 'One row each time that an assessment was made, changed or deleted. An assessment is all its rows by (tenant, trace_id, assessment_id): of each field the value of the greatest version whose mask has it (argMaxIf with bitAnd), update_ms of the greatest version in which it is not 0; gone if any row says deleted, and not there as long as no row has its name. Rows of a deleted trace (see trace_deletions) do not count.'
