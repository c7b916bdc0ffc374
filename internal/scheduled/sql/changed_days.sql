SELECT toUInt16(day) FROM user_days
WHERE tenant = {tenant:String} AND day BETWEEN {day:Date} - 1 AND {day:Date} + 1 AND version > {done:UInt64} GROUP BY day ORDER BY day
