CREATE OR REPLACE VIEW {{.Database}}.metrics_1h{{.OnCluster}}
(
    tenant LowCardinality(String) COMMENT 'Who the series belongs to. Filter by it: the primary key begins with it.',
    view LowCardinality(String) COMMENT 'Which kind of series: tenant, service, model, tool, ... The primary key has it second.',
    metric LowCardinality(String) COMMENT 'What is measured: trace_latency, cost, input_tokens, ... The primary key has it third.',
    is_eval Bool COMMENT 'Of evaluations, not of production.',
    labels Map(LowCardinality(String), String) COMMENT 'The series: the view''s dimensions and their values.',
    time DateTime('UTC') COMMENT 'Start of the hour of event time: the ends of spans.',
    count Int64 COMMENT 'Observations.',
    sum Int64 COMMENT 'What they add up to, in the metric''s unit: nanoseconds, tokens, 1e-9 dollars.',
    mean Nullable(Float64) COMMENT 'The sum by the count. Never average means: divide sums by counts.',
    low Nullable(Float64) COMMENT 'Of shares: what the share behind the mean is at least, with a confidence of 95 % (Wilson). Of several rows: work it out of their sums.',
    high Nullable(Float64) COMMENT 'Of shares: what it is at most, likewise. NULL: the metric is no share.',
    p50 Nullable(Float64) COMMENT 'Median, within 1.1 % of the exact one; NULL: the metric has no distribution.',
    p95 Nullable(Float64) COMMENT 'The quantile 0.95. Never average quantiles: merge buckets with sumMap.',
    p99 Nullable(Float64) COMMENT 'The quantile 0.99.',
    distinct_values Float64 COMMENT 'Different values, with a standard error of 1.6 %; 0 for metrics that do not count them.',
    weight Int64 COMMENT 'What the observations stand for if their spans were sampled, in millionths.',
    estimated Int64 COMMENT 'The sum over all that they stand for.',
    min Nullable(Int64) COMMENT 'Least observation.',
    max Nullable(Int64) COMMENT 'Greatest observation.',
    buckets Map(Int16, UInt64) COMMENT 'Exponential histogram, 32 buckets an octave: merge with sumMap.',
    registers Map(UInt16, UInt8) COMMENT 'Distinct values, 4096 registers: merge with maxMap.',
    day Date COMMENT 'Day (UTC). Filter by it or by time.'
)
AS
SELECT
    tenant, view, metric, is_eval, labels, time, count, sum,
    if(count > 0, sum / count, NULL) AS mean,
    if(share, greatest(0., (part + 1.920729410347062 / count - 1.959963984540054 * sqrt(part * (1 - part) / count + 0.960364705173531 / count / count)) / (1 + 3.841458820694124 / count)), NULL) AS low,
    if(share, least(1., (part + 1.920729410347062 / count + 1.959963984540054 * sqrt(part * (1 - part) / count + 0.960364705173531 / count / count)) / (1 + 3.841458820694124 / count)), NULL) AS high,
    if(empty(buckets), NULL, arrayMap(k -> if(k = -1, 0., exp2(k / 32) * 2 / (1 + exp2(-1 / 32))), [arrayFirst((k, n) -> n >= greatest(1, ceil(0.5 * arraySum(mapValues(buckets)))), mapKeys(buckets), arrayCumSum(mapValues(buckets)))])[1]) AS p50,
    if(empty(buckets), NULL, arrayMap(k -> if(k = -1, 0., exp2(k / 32) * 2 / (1 + exp2(-1 / 32))), [arrayFirst((k, n) -> n >= greatest(1, ceil(0.95 * arraySum(mapValues(buckets)))), mapKeys(buckets), arrayCumSum(mapValues(buckets)))])[1]) AS p95,
    if(empty(buckets), NULL, arrayMap(k -> if(k = -1, 0., exp2(k / 32) * 2 / (1 + exp2(-1 / 32))), [arrayFirst((k, n) -> n >= greatest(1, ceil(0.99 * arraySum(mapValues(buckets)))), mapKeys(buckets), arrayCumSum(mapValues(buckets)))])[1]) AS p99,
    if(empty(registers), 0., 4096 * 4096 / (2 * log(2) * (arraySum(r -> exp2(-r), mapValues(registers))
        + 4096 * arraySum(e -> e + arraySum(k -> pow(e, exp2(k)) * exp2(k - 1), range(1, 30)), [(4096 - length(registers)) / 4096])))) AS distinct_values,
    weight, estimated,
    if(least > greatest, NULL, least) AS min, if(least > greatest, NULL, greatest) AS max,
    buckets, registers, day
FROM
(
    SELECT
        tenant, view, metric, is_eval, labels, time, day, sum(n) AS count, sum(s) AS sum, sum(w) AS weight, sum(e) AS estimated,
        min(low) AS least, max(high) AS greatest, sumMap(b) AS buckets, maxMap(r) AS registers,
        count > 0 AND metric IN (
            'assessment_errors', 'passed', 'agreement', 'safety_violation', 'pii_found', 'thumbs_up',
            'csat_satisfied', 'task_success', 'engagement_rate', 'bounce_rate', 'single_turn_rate', 'completion_rate',
            'completion_rate_told', 'abandonment_rate', 'abandonment_rate_strict', 'escalation_rate', 'deflection_rate', 'containment_rate',
            'resolution_rate', 'recontact_rate', 'conversion_rate', 'conversion_rate_users', 'funnel_step_rate', 'tasks_completed_rate',
            'automation_rate', 'stickiness', 'new_users', 'returning_users', 'retention_d1_classic', 'retention_d1_rolling',
            'retention_d1_range', 'retention_d7_classic', 'retention_d7_rolling', 'retention_d7_range', 'retention_d30_classic', 'retention_d30_rolling',
            'retention_d30_range'
        ) AS share,
        if(count > 0, least(1., greatest(0., sum / count)), 0.) AS part
    FROM
    (
        SELECT
            tenant, view, metric, is_eval, labels, toStartOfHour(pane) AS time, part_day AS day,
            count AS n, sum AS s, weight AS w, estimated AS e, min AS low, max AS high, buckets AS b, registers AS r
        FROM {{.Database}}.rollups
        WHERE part_day NOT IN (SELECT part_day FROM {{.Database}}.rollups_1h)
        UNION ALL
        SELECT
            tenant, view, metric, is_eval, labels, time, part_day AS day,
            count AS n, sum AS s, weight AS w, estimated AS e, min AS low, max AS high, buckets AS b, registers AS r
        FROM {{.Database}}.rollups_1h
        UNION ALL
        SELECT
            tenant, view, metric, false, labels, toStartOfHour(time) AS time, part_day AS day,
            count AS n, sum AS s, count * 1000000 AS w, sum AS e, min AS low, max AS high, buckets AS b, map() AS r
        FROM {{.Database}}.business_1m FINAL
        WHERE count != 0 OR sum != 0
    )
    GROUP BY tenant, view, metric, is_eval, labels, time, day
)
COMMENT 'Metrics by the hour: of days that are added up in rollups_1h, and of newer ones; and what is made by SQL on a schedule, from business_1m. Filter by tenant, view, metric and time. docs/metrics.md says what each metric is.'
