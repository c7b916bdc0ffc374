CREATE TABLE IF NOT EXISTS {{.Database}}.business_events{{.OnCluster}}
(
    tenant LowCardinality(String) COMMENT 'Who the event belongs to.',
    trace_id String COMMENT 'Trace that it is about, as in spans; empty: none is named.' CODEC(ZSTD(1)),
    event_id String COMMENT 'Event: what was sent twice has the same id, and is here twice.' CODEC(ZSTD(1)),
    name LowCardinality(String) COMMENT 'What happened: feedback, session.outcome, handoff, goal, ticket, task, feature.use, or a name of your own.',
    time DateTime64(9, 'UTC') COMMENT 'When it happened, as sent.' CODEC(Delta, ZSTD(1)),
    session_id String COMMENT 'Session that it belongs to; empty: none is named.' CODEC(ZSTD(1)),
    user_id String COMMENT 'User whom it is about; empty: none is named.' CODEC(ZSTD(1)),
    value Nullable(Int64) COMMENT 'Value in millionths; NULL: none was sent. docs/events.md says what it is of each name.' CODEC(ZSTD(1)),
    attrs Map(LowCardinality(String), String) COMMENT 'Attributes: kind, outcome, state, ... as docs/events.md has them, and your own.' CODEC(ZSTD(1)),
    version UInt128 COMMENT 'Place in the log as one number, to be compared within a trace or session: incarnation, offset, index.' CODEC(ZSTD(1)),
    received_at DateTime64(3, 'UTC') COMMENT 'When the gateway received the event: the time of its record.' CODEC(Delta, ZSTD(1)),
    part_day Date COMMENT 'Day that partition and retention go by: that of time, or the day of receipt if that is absurd.',
    retention_days UInt16 COMMENT 'Days after part_day that the row is kept.',
    src_log LowCardinality(String) COMMENT 'Log the row comes from: topic id and incarnation.',
    src_partition Int32 COMMENT 'Partition of the topic.',
    src_offset Int64 COMMENT 'Offset of the record.' CODEC(Delta, ZSTD(1)),
    src_index UInt32 COMMENT 'Ordinal of the event in its record.' CODEC(Delta, ZSTD(1)),
    origin String COMMENT 'topic/partition/offset/index of a re-driven dead letter''s first life, which version tells too; else empty.',
    INDEX by_session_id session_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_trace_id trace_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_src_offset src_offset TYPE minmax GRANULARITY 1
)
ENGINE = {{.MergeTree}}
PARTITION BY part_day
ORDER BY (tenant, time, event_id, version)
TTL part_day + toIntervalDay(retention_days)
SETTINGS {{.Window}}, ttl_only_drop_parts = 0
COMMENT 'One row for each business event as it was sent: what happened around traces, sessions and users. One that was sent twice is here twice; view business_events_once has each once. Rows of a deleted trace (see trace_deletions) do not count.'
