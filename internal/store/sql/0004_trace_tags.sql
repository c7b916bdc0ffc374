CREATE TABLE IF NOT EXISTS {{.Database}}.trace_tags{{.OnCluster}}
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
ENGINE = {{.MergeTree}}
PARTITION BY part_day
ORDER BY (tenant, trace_id, key, version)
TTL part_day + toIntervalDay(retention_days)
SETTINGS {{.Window}}, ttl_only_drop_parts = 0,
    min_bytes_for_wide_part = 134217728, merge_selector_base = 10
COMMENT 'One row each time that one tag of a trace was set or deleted. Of a tag the row of the greatest version counts, among those of trace_info too. Rows of a deleted trace (see trace_deletions) do not count.'
