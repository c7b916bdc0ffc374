CREATE TABLE IF NOT EXISTS {{.Database}}.span_content{{.OnCluster}}
(
    tenant LowCardinality(String) COMMENT 'Who the trace belongs to.',
    trace_id String COMMENT 'Trace, as in spans.' CODEC(ZSTD(1)),
    span_id String COMMENT 'Span that took it in or gave it out: 16 lower-case hexadecimal digits.' CODEC(ZSTD(1)),
    event_name LowCardinality(String) COMMENT 'Name of the log record: gen_ai.user.message, gen_ai.choice, ...',
    time_unix_nano UInt64 COMMENT 'Time of the log record as sent.' CODEC(Delta, ZSTD(1)),
    output Bool COMMENT 'The span gave it out; false: it took it in.',
    ordinal Int32 COMMENT 'Which of several answers it is, from 0.' CODEC(ZSTD(1)),
    role LowCardinality(String) COMMENT 'Who speaks: system, user, assistant or tool; empty: body says it, or is a list of messages.',
    body String COMMENT 'A message or a list of messages, as JSON.' CODEC(ZSTD(1)),
    attrs Map(LowCardinality(String), String) COMMENT 'What else the log record says; of several rows of one record the first has it.' CODEC(ZSTD(1)),
    session_id String COMMENT 'Session or conversation.' CODEC(ZSTD(1)),
    version UInt128 COMMENT 'Place in the log as one number, to be compared within a trace: incarnation, offset, index.' CODEC(ZSTD(1)),
    received_at DateTime64(3, 'UTC') COMMENT 'When the gateway received the event: the time of its record.' CODEC(Delta, ZSTD(1)),
    part_day Date COMMENT 'Day that partition and retention go by: that of time_unix_nano, or the day of receipt if that is absurd.',
    retention_days UInt16 COMMENT 'Days after part_day that the row is kept.',
    src_log LowCardinality(String) COMMENT 'Log the row comes from: topic id and incarnation.',
    src_partition Int32 COMMENT 'Partition of the topic.',
    src_offset Int64 COMMENT 'Offset of the record.' CODEC(Delta, ZSTD(1)),
    src_index UInt32 COMMENT 'Ordinal of the event in its record.' CODEC(Delta, ZSTD(1)),
    origin String COMMENT 'topic/partition/offset/index of a re-driven dead letter''s first life, which version tells too; else empty.',
    INDEX by_src_offset src_offset TYPE minmax GRANULARITY 1
)
ENGINE = {{.MergeTree}}
PARTITION BY part_day
ORDER BY (tenant, trace_id, span_id, version)
TTL part_day + toIntervalDay(retention_days)
SETTINGS {{.Window}}, ttl_only_drop_parts = 0
COMMENT 'One row for each piece of content of a span that came as a log record instead of an attribute. A record that was sent twice is here twice: rows of the same (tenant, trace_id, span_id, event_name, time_unix_nano, output, ordinal, body) count once. Their order is that of time, ordinal and version. View llm_calls shows them with their spans. Rows of a deleted trace (see trace_deletions) do not count.'
