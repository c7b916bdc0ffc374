CREATE TABLE IF NOT EXISTS {{.Database}}.reprice_spans{{.OnCluster}}
(
    reprice_id String COMMENT 'One repricing of one day.',
    tenant LowCardinality(String) COMMENT 'Whose the span is.',
    experiment_id LowCardinality(String) COMMENT 'Its experiment.',
    service_name LowCardinality(String) COMMENT 'Its service.',
    trace_id String COMMENT 'Its trace.',
    span_id String COMMENT 'The span.',
    provider LowCardinality(String) COMMENT 'Its provider.',
    model LowCardinality(String) COMMENT 'Its model.',
    start_time DateTime64(9, 'UTC') COMMENT 'Its start.',
    end_time DateTime64(9, 'UTC') COMMENT 'Its end.',
    start_unix_nano UInt64 COMMENT 'Its start as sent.',
    end_unix_nano UInt64 COMMENT 'Its end as sent.',
    received_at DateTime64(3, 'UTC') COMMENT 'When it was received.',
    part_day Date COMMENT 'Its day.',
    retention_days UInt16 COMMENT 'Days that its row is kept.',
    old_cost Decimal(18, 9) COMMENT 'US dollars before.',
    new_cost Decimal(18, 9) COMMENT 'US dollars after.'
)
ENGINE = {{.MergeTree}}
PARTITION BY reprice_id
ORDER BY (tenant, trace_id, span_id)
SETTINGS {{.Window}}
COMMENT 'Spans whose cost a running spanmill reprice changes; empty when none runs.'
