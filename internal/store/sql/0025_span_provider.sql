ALTER TABLE {{.Database}}.spans{{.OnCluster}}
    ADD COLUMN IF NOT EXISTS provider_inferred Bool COMMENT 'The span does not say who answered: provider is whose SDK was called.' AFTER provider
