CREATE TABLE IF NOT EXISTS {{.Database}}.business_1m{{.OnCluster}}
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
ENGINE = {{.ReplacingMergeTree "version"}}
PARTITION BY part_day
ORDER BY (tenant, view, metric, time, series)
TTL part_day + toIntervalDay(retention_days)
SETTINGS {{.Window}}, ttl_only_drop_parts = 0
COMMENT 'Metrics that are made by SQL on a schedule: a row for each metric of a series and minute or day. Made anew when what they are made of changes: the row of the greatest version counts (FINAL). Views metrics_1m and metrics_1h have them beside the streamed ones.'
