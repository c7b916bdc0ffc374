ALTER TABLE {{.Database}}.spans{{.OnCluster}}
    ADD COLUMN IF NOT EXISTS is_eval Bool DEFAULT attr_bool['spanmill.eval'] OR attr_str['spanmill.eval'] = 'true'
        OR arrayExists(key -> attr_str[key] NOT IN ('', '""'), ['mlflow.sourceRun', 'mlflow.trace.sourceScorer', 'langfuse.experiment.id', 'langfuse.experiment.run.id'])
        COMMENT 'The span belongs to an evaluation, not to production, as its attributes or its resource''s say.' AFTER time_flags,
    ADD COLUMN IF NOT EXISTS weight Int64 DEFAULT 1000000 COMMENT 'How many spans it stands for if its sender samples, in millionths.' CODEC(ZSTD(1)) AFTER is_eval
