SELECT toUInt16(min(day)), toUInt16(max(day)), count() FROM scheduled_work
WHERE run = {run:UInt64} AND tenant = {tenant:String} AND kind = 'minute'
