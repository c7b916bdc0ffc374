ALTER TABLE {{.Database}}.assessments{{.OnCluster}}
    ADD COLUMN IF NOT EXISTS insert_by DateTime64(3, 'UTC') DEFAULT toDateTime64('2299-12-31 00:00:00', 3, 'UTC') COMMENT 'Until when the server would take the block that the row came with.' CODEC(Delta, ZSTD(1)),
    ADD CONSTRAINT IF NOT EXISTS in_time CHECK nowInBlock64(3) <= insert_by
