INSERT INTO scheduled_work (run, tenant, kind, id, day)
SELECT DISTINCT {run:UInt64}, {tenant:String}, 'minute', toString(toUnixTimestamp(toStartOfMinute(closes_at))), toDate(closes_at) FROM session_facts
WHERE tenant = {tenant:String} AND {{.Due}} AND closes_at <= fromUnixTimestamp64Milli({now:Int64}, 'UTC')
