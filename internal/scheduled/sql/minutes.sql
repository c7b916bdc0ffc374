SELECT toUInt16(min(day)), toUInt16(max(day)), count() FROM
(
    SELECT DISTINCT toStartOfMinute(closes_at) AS minute, toDate(minute) AS day FROM session_facts
    WHERE tenant = {tenant:String} AND {{.Due}} AND closes_at <= fromUnixTimestamp64Milli({now:Int64}, 'UTC')
)
