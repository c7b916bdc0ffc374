SELECT toUInt16(day), count() FROM scheduled_work
WHERE run = {run:UInt64} AND tenant = {tenant:String} AND kind != 'told' AND id != '' GROUP BY day ORDER BY day
