CREATE TABLE IF NOT EXISTS {{.Database}}.experiments{{.OnCluster}}
(
    tenant LowCardinality(String) COMMENT 'Who the experiment belongs to.',
    experiment_id String COMMENT 'Experiment, as other tables have it; 0, the default one, has a row only once it was changed.',
    name String COMMENT 'Its name.',
    artifact_location String COMMENT 'Where its artifacts are.',
    stage LowCardinality(String) COMMENT 'active or deleted.',
    create_ms Int64 COMMENT 'When it was made, in Unix milliseconds.',
    update_ms Int64 COMMENT 'When it was changed last, in Unix milliseconds.',
    tags Map(LowCardinality(String), String) COMMENT 'Its tags.',
    version UInt128 COMMENT 'Place in the log as one number: incarnation, offset.',
    received_at DateTime64(3, 'UTC') COMMENT 'When the gateway received it: the time of its record.',
    src_log LowCardinality(String) COMMENT 'Log the row comes from: topic id and incarnation.',
    src_partition Int32 COMMENT 'Partition of the topic.',
    src_offset Int64 COMMENT 'Offset of the record.'
)
ENGINE = {{.ReplacingMergeTree "version"}}
ORDER BY (tenant, experiment_id)
SETTINGS {{.Window}}
COMMENT 'The experiments as topic experiments has them. The row of the greatest version counts: merges remove the others, argMax or FINAL leave them out until then.'
