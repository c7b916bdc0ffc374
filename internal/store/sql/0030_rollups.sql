CREATE TABLE IF NOT EXISTS {{.Database}}.rollups{{.OnCluster}}
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
ENGINE = {{.MergeTree}}
PARTITION BY part_day
ORDER BY (tenant, view, metric, is_eval, pane)
TTL part_day + toIntervalDay(retention_days)
SETTINGS {{.Window}}, ttl_only_drop_parts = 0,
    min_bytes_for_wide_part = 134217728, merge_selector_base = 10
COMMENT 'What was added to metrics: a row for each metric of a series in a pane and flush. A metric is the sum of its rows.'
