CREATE TABLE IF NOT EXISTS {{.Database}}.rollups_1m{{.OnCluster}}
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
ENGINE = {{.MergeTree}}
PARTITION BY part_day
ORDER BY (tenant, view, metric, is_eval, time)
TTL part_day + toIntervalDay(retention_days)
SETTINGS {{.Window}}, ttl_only_drop_parts = 0
COMMENT 'Days of table rollups to which nothing more is added, added up: a row for each metric of a series and minute. Views metrics_1m and metrics_1h have them and the newer days.'
