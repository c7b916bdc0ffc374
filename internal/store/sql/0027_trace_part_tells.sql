ALTER TABLE {{.Database}}.trace_parts{{.OnCluster}}
    ADD COLUMN IF NOT EXISTS cost_input Decimal(18, 9) COMMENT 'US dollars: the spans'' cost_input in this part.' CODEC(ZSTD(1)) AFTER cost,
    ADD COLUMN IF NOT EXISTS resources Array(LowCardinality(String)) COMMENT 'Resource attributes of the part''s spans as JSON, each that there is, in order of its last span.' AFTER user_id,
    ADD COLUMN IF NOT EXISTS tells UInt8 DEFAULT 255 COMMENT 'What the part''s spans say: 1 token usage, 2 a cost of their own, 4 tags of the trace, 8 a session, 16 a user, 32 the root''s input, 64 the root''s output, 128 calls that were priced.' AFTER resources
