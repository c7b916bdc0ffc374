SELECT count(), toUnixTimestamp64Milli(min(started_at)), toUnixTimestamp64Milli(max(started_at)) + 1, toUInt16(min(day)), toUInt16(max(day)) FROM session_facts
WHERE tenant = {tenant:String} AND day BETWEEN {day:Date} - 9 AND {day:Date} + 9 AND version = {run:UInt64}
