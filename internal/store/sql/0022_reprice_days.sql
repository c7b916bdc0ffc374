CREATE TABLE IF NOT EXISTS {{.Database}}.reprice_days{{.OnCluster}}
(
    reprice_id String COMMENT 'One repricing of one day.',
    part_day Date COMMENT 'The day.',
    tenant String COMMENT 'Whose spans; empty: everybody''s.',
    step Enum8('begun' = 1, 'computed' = 2, 'spans' = 3, 'done' = 4) COMMENT 'The last step that is finished.',
    statements Array(String) COMMENT 'At computed: what changes the spans, so that it can be finished whatever the books say then.',
    at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When.'
)
ENGINE = {{.MergeTree}}
ORDER BY (part_day, reprice_id, step)
SETTINGS {{.Window}}
COMMENT 'How far each spanmill reprice came.'
