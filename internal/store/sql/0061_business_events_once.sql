CREATE OR REPLACE VIEW {{.Database}}.business_events_once{{.OnCluster}}
(
    tenant LowCardinality(String) COMMENT 'Who the event belongs to. Filter by it: the primary key begins with it.',
    day Date COMMENT 'Day that partitions go by: that of time. Filter by it: other days are not read.',
    event_id String COMMENT 'Event.',
    name LowCardinality(String) COMMENT 'What happened: feedback, session.outcome, handoff, goal, ticket, task, feature.use, or a name of your own.',
    time DateTime64(9, 'UTC') COMMENT 'When it happened.',
    trace_id String COMMENT 'Trace that it is about; empty: none is named.',
    session_id String COMMENT 'Session that it belongs to; empty: none is named.',
    user_id String COMMENT 'User whom it is about; empty: none is named.',
    value Nullable(Int64) COMMENT 'Value in millionths; NULL: none was sent. docs/events.md says what it is of each name.',
    attrs Map(LowCardinality(String), String) COMMENT 'Attributes: kind, outcome, state, ... as docs/events.md has them, and your own.',
    received_at DateTime64(3, 'UTC') COMMENT 'When the gateway received it first.'
)
AS
SELECT
    tenant, day, event_id, first.1 AS name, first.2 AS time, first.3 AS trace_id, first.4 AS session_id, first.5 AS user_id,
    first.6 AS value, first.7 AS attrs, first.8 AS received_at
FROM
(
    SELECT
        s.tenant AS tenant, s.part_day AS day, s.event_id AS event_id,
        argMin((s.name, s.time, s.trace_id, s.session_id, s.user_id, s.value, s.attrs, s.received_at), (s.received_at, s.version)) AS first
    FROM {{.Database}}.business_events AS s
    LEFT ANY JOIN
    (
        SELECT tenant, trace_id, max(received_at) AS deleted_at FROM {{.Database}}.trace_deletions GROUP BY tenant, trace_id
    ) AS d ON d.tenant = s.tenant AND d.trace_id = s.trace_id
    WHERE s.received_at > d.deleted_at
    GROUP BY tenant, day, event_id
)
COMMENT 'Business events, each id once: as it was received first. Filter by tenant and day; a filter by time alone reads every day. docs/events.md says what the names mean. Those of deleted traces are not here.'
