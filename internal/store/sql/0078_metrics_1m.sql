CREATE OR REPLACE VIEW {{.Database}}.metrics_1m{{.OnCluster}}
(
    tenant LowCardinality(String) COMMENT 'Who the series belongs to. Filter by it: the primary key begins with it.',
    view LowCardinality(String) COMMENT 'Which kind of series: tenant, service, model, tool, ... The primary key has it second.',
    metric LowCardinality(String) COMMENT 'What is measured: trace_latency, cost, input_tokens, ... The primary key has it third.',
    is_eval Bool COMMENT 'Of evaluations, not of production.',
    labels Map(LowCardinality(String), String) COMMENT 'The series: the view''s dimensions and their values.',
    time DateTime('UTC') COMMENT 'Start of the minute of event time: the ends of spans.',
    count Int64 COMMENT 'Observations.',
    sum Int64 COMMENT 'What they add up to, in the metric''s unit: nanoseconds, tokens, 1e-9 dollars.',
    mean Nullable(Float64) COMMENT 'The sum by the count. Never average means: divide sums by counts.',
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
        min(low) AS least, max(high) AS greatest, sumMap(b) AS buckets, maxMap(r) AS registers
    FROM
    (
        SELECT
            tenant, view, metric, is_eval, labels, toStartOfMinute(pane) AS time, part_day AS day,
            count AS n, sum AS s, weight AS w, estimated AS e, min AS low, max AS high, buckets AS b, registers AS r
        FROM {{.Database}}.rollups
        WHERE part_day NOT IN (SELECT part_day FROM {{.Database}}.rollups_1m)
        UNION ALL
        SELECT
            tenant, view, metric, is_eval, labels, time, part_day AS day,
            count AS n, sum AS s, weight AS w, estimated AS e, min AS low, max AS high, buckets AS b, registers AS r
        FROM {{.Database}}.rollups_1m
        UNION ALL
        SELECT
            tenant, view, metric, false, labels, toStartOfMinute(time) AS time, part_day AS day,
            count AS n, sum AS s, count * 1000000 AS w, sum AS e, min AS low, max AS high, buckets AS b, map() AS r
        FROM {{.Database}}.business_1m FINAL
        WHERE count != 0 OR sum != 0
    )
    GROUP BY tenant, view, metric, is_eval, labels, time, day
)
COMMENT 'Metrics by the minute: of days that are added up in rollups_1m, and of newer ones; and what is made by SQL on a schedule, from business_1m. Filter by tenant, view, metric and time. docs/metrics.md says what each metric is.'
