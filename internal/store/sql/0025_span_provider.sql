ALTER TABLE {{.Database}}.spans{{.OnCluster}}
    ADD COLUMN IF NOT EXISTS provider_inferred Bool COMMENT 'The span does not say who answered: provider is what the model''s name begins with, or whose SDK was called.' AFTER provider
