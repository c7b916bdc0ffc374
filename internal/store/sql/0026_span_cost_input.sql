ALTER TABLE {{.Database}}.spans{{.OnCluster}}
    ADD COLUMN IF NOT EXISTS cost_input Decimal(18, 9) COMMENT 'US dollars of cost_computed that are for input, and for the call as such; the others are for output.' CODEC(ZSTD(1)) AFTER cost_computed
