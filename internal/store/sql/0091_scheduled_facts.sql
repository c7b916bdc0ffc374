CREATE TABLE IF NOT EXISTS {{.Database}}.scheduled_facts{{.OnCluster}} AS {{.Database}}.session_facts
ENGINE = {{.MergeTree}}
PARTITION BY intDiv(version, 10000)
ORDER BY (tenant, session_id)
TTL closes_at::DateTime + INTERVAL 500 DAY
SETTINGS {{.Window}}
COMMENT 'Sessions as a scheduled run has made them: those that differ from what was known go to session_facts. Dropped at the run''s end.'
