CREATE TABLE IF NOT EXISTS {{.Database}}.scheduled_traces{{.OnCluster}}
(
    run UInt64 COMMENT 'Version of the rows that it is for: ten thousand times the run, and a number.',
    tenant LowCardinality(String) COMMENT 'Tenant.',
    trace_id String COMMENT 'Trace.',
    session_id String COMMENT 'Session: as its trace info says, else the root''s, else the first by span start.',
    user_id String COMMENT 'User: likewise.',
    experiment_id LowCardinality(String) COMMENT 'Experiment: likewise.',
    service_name LowCardinality(String) COMMENT 'Service of its root, else of its first span.',
    started_at DateTime64(9, 'UTC') COMMENT 'Least start.',
    ended_at DateTime64(9, 'UTC') COMMENT 'Newest end.',
    rooted Bool COMMENT 'Its root is there.',
    failed Bool COMMENT 'The root failed.',
    unanswered Bool COMMENT 'The root has an input and no output.',
    spans UInt64 COMMENT 'Spans.',
    errors UInt64 COMMENT 'Spans with status ERROR.',
    llm_calls UInt64 COMMENT 'Spans of kind LLM.',
    input_tokens UInt64 COMMENT 'Input tokens.',
    output_tokens UInt64 COMMENT 'Output tokens.',
    cost_nano Int64 COMMENT 'Cost, in 1e-9 US dollars.',
    retention_days UInt16 COMMENT 'Days that its rows are kept.',
    noted DateTime('UTC') DEFAULT now() COMMENT 'When the row was written.'
)
ENGINE = {{.MergeTree}}
PARTITION BY intDiv(run, 10000)
ORDER BY (tenant, session_id, trace_id)
TTL noted + INTERVAL 1 DAY
SETTINGS {{.Window}}
COMMENT 'The traces that a scheduled run looks at, resolved. Dropped at the run''s end.'
