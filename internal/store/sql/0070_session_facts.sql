CREATE TABLE IF NOT EXISTS {{.Database}}.session_facts{{.OnCluster}}
(
    tenant LowCardinality(String) COMMENT 'Who the session belongs to.',
    session_id String COMMENT 'Session.' CODEC(ZSTD(1)),
    day Date COMMENT 'Day (UTC) of closes_at, which partition and retention go by.',
    gone Bool COMMENT 'The session does not close at this instant any more: a later span moved it, or its traces were deleted.',
    closes_at DateTime64(9, 'UTC') COMMENT 'Newest end plus 30 minutes: when the session counts.' CODEC(Delta, ZSTD(1)),
    started_at DateTime64(9, 'UTC') COMMENT 'Least start of its spans.' CODEC(Delta, ZSTD(1)),
    ended_at DateTime64(9, 'UTC') COMMENT 'Newest end of its spans.' CODEC(Delta, ZSTD(1)),
    user_id String COMMENT 'User: of its first trace that has one.' CODEC(ZSTD(1)),
    experiment_id LowCardinality(String) COMMENT 'Experiment of its first trace.',
    service_name LowCardinality(String) COMMENT 'Service of its first trace.',
    traces UInt32 COMMENT 'Traces.' CODEC(ZSTD(1)),
    turns UInt32 COMMENT 'Traces with a root: what the user asked.' CODEC(ZSTD(1)),
    failed_turns UInt32 COMMENT 'Turns whose root failed.' CODEC(ZSTD(1)),
    last_turn_failed Bool COMMENT 'The last turn''s root failed.',
    last_turn_unanswered Bool COMMENT 'The last turn has an input and no output.',
    spans UInt64 COMMENT 'Spans.' CODEC(ZSTD(1)),
    errors UInt64 COMMENT 'Spans with status ERROR.' CODEC(ZSTD(1)),
    llm_calls UInt64 COMMENT 'Spans of kind LLM.' CODEC(ZSTD(1)),
    input_tokens UInt64 COMMENT 'Input tokens of billable spans.' CODEC(ZSTD(1)),
    output_tokens UInt64 COMMENT 'Output tokens of billable spans.' CODEC(ZSTD(1)),
    cost_nano Int64 COMMENT 'Cost, in 1e-9 US dollars.' CODEC(ZSTD(1)),
    busy_ns Int64 COMMENT 'Nanoseconds that its turns took, added up.' CODEC(ZSTD(1)),
    outcome LowCardinality(String) COMMENT 'What its last event session.outcome says, else its assessment of that name; empty: nothing.',
    turns_to_outcome UInt32 COMMENT 'Turns that had started when the outcome was told.' CODEC(ZSTD(1)),
    handoffs UInt32 COMMENT 'Events handoff.' CODEC(ZSTD(1)),
    positive UInt32 COMMENT 'Feedback of people that is good: thumbs up, 4 or 5 of 5, 9 or 10 of 10.' CODEC(ZSTD(1)),
    negative UInt32 COMMENT 'Feedback of people that is bad: thumbs down, 1 or 2 of 5, 0 to 6 of 10.' CODEC(ZSTD(1)),
    goals Map(String, UInt64) COMMENT 'Events goal, by goal.' CODEC(ZSTD(1)),
    value_micro Int64 COMMENT 'Value of those goals, in millionths.' CODEC(ZSTD(1)),
    tasks_started Map(String, UInt64) COMMENT 'Tasks that were started, by task.' CODEC(ZSTD(1)),
    tasks_completed Map(String, UInt64) COMMENT 'Tasks that were completed, by task.' CODEC(ZSTD(1)),
    tasks_untold Map(String, UInt64) COMMENT 'Those of them that do not say how many minutes they saved.' CODEC(ZSTD(1)),
    saved_micro Int64 COMMENT 'Minutes that the others say they saved, in millionths.' CODEC(ZSTD(1)),
    marks Array(Tuple(at DateTime64(9, 'UTC'), name String)) COMMENT 'Goals and used features in order of time: what funnels go through.' CODEC(ZSTD(1)),
    trace_hashes Array(UInt64) COMMENT 'cityHash64 of its traces'' ids.' CODEC(ZSTD(1)),
    retention_days UInt16 COMMENT 'Days after day that the row is kept: as its traces are.',
    version UInt64 COMMENT 'Run that made the row; the greatest one counts.' CODEC(Delta, ZSTD(1)),
    INDEX by_trace trace_hashes TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = {{.ReplacingMergeTree "version"}}
PARTITION BY day
ORDER BY (tenant, session_id, closes_at)
TTL day + toIntervalDay(retention_days)
SETTINGS {{.Window}}, ttl_only_drop_parts = 0, index_granularity = 1024
COMMENT 'One row for each session and instant at which it ever was to close, made by the scheduled runs from traces, business events and assessments. Of a session and instant the row of the greatest version counts (FINAL), unless it is gone. View sessions has them as people want them.'
