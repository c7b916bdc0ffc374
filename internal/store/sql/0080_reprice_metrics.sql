ALTER TABLE {{.Database}}.reprice_spans{{.OnCluster}}
    ADD COLUMN IF NOT EXISTS is_eval Bool COMMENT 'The span belongs to an evaluation.' AFTER service_name,
    ADD COLUMN IF NOT EXISTS weight Int64 COMMENT 'How many spans it stands for, in millionths.' AFTER is_eval,
    ADD COLUMN IF NOT EXISTS old_priced Bool COMMENT 'It had a cost.' AFTER old_cost,
    ADD COLUMN IF NOT EXISTS new_priced Bool COMMENT 'It has one now.' AFTER new_cost
