ALTER TABLE {{.Database}}.reprice_days{{.OnCluster}}
    MODIFY COLUMN step Enum8('begun' = 1, 'computed' = 2, 'spans' = 3, 'done' = 4, 'metrics' = 5) COMMENT 'The last step that is finished. Metrics comes after computed and before spans.'
