CREATE TABLE IF NOT EXISTS {{.Database}}.scheduled_runs{{.OnCluster}}
(
    run UInt64 COMMENT 'The run: Unix milliseconds at its start, by the server''s clock. It is the version of the rows that it made.' CODEC(Delta, ZSTD(1)),
    runner String COMMENT 'Process that ran it.' CODEC(ZSTD(1)),
    done Bool COMMENT 'It came to its end; a row without says that it began.',
    positions String COMMENT 'How far into each table it has read, by log and partition, as JSON.' CODEC(ZSTD(1)),
    settings String COMMENT 'Digest of the assumptions that it went by.' CODEC(ZSTD(1)),
    time DateTime64(3, 'UTC') COMMENT 'When the row was written.' CODEC(Delta, ZSTD(1))
)
ENGINE = {{.MergeTree}}
ORDER BY (run, done)
TTL toDateTime(time) + INTERVAL 7 DAY
SETTINGS {{.Window}}
COMMENT 'Runs of the SQL on a schedule: each begins where the last one that is done has ended.'
