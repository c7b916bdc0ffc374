CREATE TABLE IF NOT EXISTS {{.Database}}.user_days{{.OnCluster}}
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
ENGINE = {{.ReplacingMergeTree "version"}}
PARTITION BY toYYYYMM(day)
ORDER BY (tenant, user_id, day)
TTL day + toIntervalDay(retention_days)
SETTINGS {{.Window}}, ttl_only_drop_parts = 0, index_granularity = 1024
COMMENT 'One row for each user and day on which they were active, in the tenant''s time zone, made by the scheduled runs. Of a user and day the row of the greatest version counts (FINAL), unless it has no traces. Retention, active and new users come from it.'
