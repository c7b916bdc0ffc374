ALTER TABLE {{.Database}}.spans{{.OnCluster}}
    MODIFY COLUMN cost COMMENT 'US dollars: what counts of cost_computed and cost_reported, as cost_source says; 0 when that is none.',
    ADD COLUMN IF NOT EXISTS cost_computed Nullable(Decimal(18, 9)) COMMENT 'US dollars by the price books; NULL: no price, or the usage is not the span''s own.' CODEC(ZSTD(1)) AFTER cost_source,
    ADD COLUMN IF NOT EXISTS cost_reported Nullable(Decimal(18, 9)) COMMENT 'US dollars that the span reports; NULL: none.' CODEC(ZSTD(1)) AFTER cost_computed,
    ADD COLUMN IF NOT EXISTS cost_itemised Bool COMMENT 'The span reports the parts of cost_reported.' AFTER cost_reported,
    ADD COLUMN IF NOT EXISTS price_version LowCardinality(String) COMMENT 'Price book that cost_computed was computed by.' AFTER cost_itemised
