CREATE TABLE IF NOT EXISTS {{.Database}}.scheduled_work{{.OnCluster}}
(
    run UInt64 COMMENT 'Version of the rows that it is for: ten thousand times the run, and a number.',
    tenant LowCardinality(String) COMMENT 'Tenant.',
    kind LowCardinality(String) COMMENT 'touched and trace: a trace; session; user.',
    id String COMMENT 'Its id.',
    day Date COMMENT 'Day of a touched trace.',
    noted DateTime('UTC') DEFAULT now() COMMENT 'When the row was written.'
)
ENGINE = {{.MergeTree}}
PARTITION BY intDiv(run, 10000)
ORDER BY (tenant, kind, id)
TTL noted + INTERVAL 1 DAY
SETTINGS {{.Window}}
COMMENT 'What a scheduled run looks at: traces that have changed, and the sessions and users to be made anew. Dropped at the run''s end.'
