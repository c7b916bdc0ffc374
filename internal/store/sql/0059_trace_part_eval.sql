ALTER TABLE {{.Database}}.trace_parts{{.OnCluster}}
    ADD COLUMN IF NOT EXISTS is_eval Bool COMMENT 'Some span of this part belongs to an evaluation, not to production.' AFTER trace_id
