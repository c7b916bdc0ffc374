INSERT INTO business_1m (tenant, view, metric, series, labels, time, count, sum, min, max, buckets, part_day, retention_days, version)
WITH
    toDateTime({at:Date}, {zone:String}) AS began,
    people AS
    (
        SELECT user_id, minIf(day, first) AS born, groupArray(day) AS days FROM user_days FINAL
        WHERE tenant = {tenant:String} AND day BETWEEN {at:Date} - 57 AND {at:Date} AND traces > 0
        GROUP BY user_id HAVING countIf(first) > 0
    )
SELECT {tenant:String}, 'retention', r.1, 'day', map(), began, sum(1), sum(r.2), 9223372036854775807, -9223372036854775808, map(), toDate(began, 'UTC'), {{.Kept}}, {run:UInt64}
FROM
(
    SELECT arrayJoin(arrayFlatten(arrayMap(n -> if(born BETWEEN {at:Date} - n - 27 AND {at:Date} - n,
    [
        ('retention_d' || toString(n) || '_classic', has(days, born + n)),
        ('retention_d' || toString(n) || '_rolling', arrayExists(d -> d >= born + n, days)),
        ('retention_d' || toString(n) || '_range', arrayExists(d -> d > born AND d <= born + n, days))
    ]::Array(Tuple(String, Int64)), []), [1, 7, 30]))) AS r
    FROM people
)
WHERE {{.Mine}}
GROUP BY r.1
