ALTER TABLE {{.Database}}.trace_parts{{.OnCluster}}
    ADD COLUMN IF NOT EXISTS cost Decimal(18, 9) COMMENT 'US dollars: the spans'' cost in this part.' CODEC(ZSTD(1)) AFTER output_tokens
