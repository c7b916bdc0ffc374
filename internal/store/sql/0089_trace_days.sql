CREATE TABLE IF NOT EXISTS {{.Database}}.trace_days{{.OnCluster}}
(
    tenant LowCardinality(String) COMMENT 'Who the trace belongs to.',
    trace_hash UInt64 COMMENT 'cityHash64 of the trace''s id.' CODEC(NONE),
    day Date COMMENT 'A part_day of its rows.' CODEC(ZSTD(1)),
    retention_days UInt16 COMMENT 'Days after day that the row is kept.' CODEC(ZSTD(1))
)
ENGINE = {{.ReplacingMergeTree "retention_days"}}
PARTITION BY toYYYYMM(day)
ORDER BY (tenant, trace_hash, day)
TTL day + toIntervalDay(retention_days)
SETTINGS {{.Window}}, ttl_only_drop_parts = 0, index_granularity = 256
COMMENT 'On which days the traces lie that scheduled runs have seen: how a run finds the trace that an assessment, an event or a deletion of today is about, without looking through all days.'
