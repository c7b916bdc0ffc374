ALTER TABLE {{.Database}}.reprice_spans{{.OnCluster}}
    ADD COLUMN IF NOT EXISTS old_input Decimal(18, 9) COMMENT 'US dollars for input before.' AFTER new_cost,
    ADD COLUMN IF NOT EXISTS new_input Decimal(18, 9) COMMENT 'US dollars for input after.' AFTER old_input
