INSERT INTO trace_days (tenant, trace_hash, day, retention_days)
SELECT tenant, cityHash64(id), day, {{.Kept}} FROM scheduled_work WHERE run = {run:UInt64} AND kind = 'touched'
