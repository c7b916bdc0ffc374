CREATE OR REPLACE VIEW {{.Database}}.users{{.OnCluster}}
(
    tenant LowCardinality(String) COMMENT 'Who the user belongs to. Filter by it: the primary key begins with it.',
    user_id String COMMENT 'User. The primary key has it second.',
    first_day Date COMMENT 'First day on which they were active, in the tenant''s time zone.',
    last_day Date COMMENT 'Last day.',
    active_days UInt64 COMMENT 'Days on which they were active.',
    traces UInt64 COMMENT 'Traces.',
    turns UInt64 COMMENT 'Those with a root: what they asked.',
    cost Decimal(38, 9) COMMENT 'US dollars.'
)
AS
SELECT
    tenant, user_id, min(d.day) AS first_day, max(d.day) AS last_day, count() AS active_days, sum(d.traces) AS traces, sum(d.turns) AS turns,
    toDecimal128(sum(d.cost_nano), 9) / 1000000000 AS cost
FROM (SELECT * FROM {{.Database}}.user_days FINAL WHERE traces > 0) AS d
GROUP BY tenant, user_id
COMMENT 'Users: a row each, over all days that user_days has. Filter by tenant, and by user_id for one of them.'
