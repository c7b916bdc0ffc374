CREATE OR REPLACE VIEW {{.Database}}.assessments_latest{{.OnCluster}}
(
    tenant LowCardinality(String) COMMENT 'Who the trace belongs to. Filter by it: the primary key begins with it.',
    trace_id String COMMENT 'Trace, as in trace_info. The primary key has it second.',
    assessment_id String COMMENT 'Assessment.',
    name String COMMENT 'What was judged.',
    type String COMMENT 'feedback, expectation or issue.',
    value String COMMENT 'The value as JSON; empty: none.',
    score Nullable(Float64) COMMENT 'The value as a number: 1 for true, yes and pass, 0 for false, no and fail; NULL: it is neither.',
    rationale String COMMENT 'Why.',
    has_error Bool COMMENT 'The judge gave no value; the error fields say why.',
    error_code String COMMENT 'Class of the error.',
    error_message String COMMENT 'Text of the error.',
    source_type String COMMENT 'HUMAN, LLM_JUDGE or CODE.',
    source_id String COMMENT 'Who judged.',
    span_id String COMMENT 'Span that is judged; empty: the trace.',
    metadata Map(String, String) COMMENT 'Metadata.',
    overrides String COMMENT 'Assessment that this one replaced.',
    valid Bool COMMENT 'False: another one replaced it.',
    created_at DateTime64(3, 'UTC') COMMENT 'When it was made, as its maker says.',
    updated_at DateTime64(3, 'UTC') COMMENT 'When it was changed last.',
    day Date COMMENT 'Day it was made (UTC), by created_at.'
)
AS
SELECT
    tenant, trace_id, assessment_id, name, type, value,
    multiIf(value IN ('true', '"yes"', '"pass"'), 1., value IN ('false', '"no"', '"fail"'), 0., toFloat64OrNull(value)) AS score,
    rationale, has_error, error_code, error_message, source_type, source_id, span_id, metadata, overrides, valid,
    fromUnixTimestamp64Milli(create_ms, 'UTC') AS created_at, fromUnixTimestamp64Milli(update_ms, 'UTC') AS updated_at, toDate(created_at) AS day
FROM
(
    SELECT
        s.tenant AS tenant, s.trace_id AS trace_id, s.assessment_id AS assessment_id,
        argMaxIf(s.name, s.version, bitTest(s.mask, 0)) AS name,
        argMaxIf(s.source_type, s.version, bitTest(s.mask, 1)) AS source_type,
        argMaxIf(s.source_id, s.version, bitTest(s.mask, 1)) AS source_id,
        argMaxIf(s.type, s.version, bitTest(s.mask, 2)) AS type,
        argMaxIf(s.value, s.version, bitTest(s.mask, 2)) AS value,
        argMaxIf(s.has_error, s.version, bitTest(s.mask, 2)) AS has_error,
        argMaxIf(s.error_code, s.version, bitTest(s.mask, 2)) AS error_code,
        argMaxIf(s.error_message, s.version, bitTest(s.mask, 2)) AS error_message,
        argMaxIf(s.rationale, s.version, bitTest(s.mask, 3)) AS rationale,
        argMaxIf(s.metadata, s.version, bitTest(s.mask, 4)) AS metadata,
        argMaxIf(s.span_id, s.version, bitTest(s.mask, 5)) AS span_id,
        argMaxIf(s.overrides, s.version, bitTest(s.mask, 6)) AS overrides,
        argMaxIf(s.valid, s.version, bitTest(s.mask, 7)) AS valid,
        argMaxIf(s.create_ms, s.version, bitTest(s.mask, 8)) AS create_ms,
        argMaxIf(s.update_ms, s.version, s.update_ms != 0) AS update_ms,
        max(s.deleted) AS gone, max(bitTest(s.mask, 0)) AS named
    FROM {{.Database}}.assessments AS s
    LEFT ANY JOIN
    (
        SELECT tenant, trace_id, max(received_at) AS deleted_at FROM {{.Database}}.trace_deletions GROUP BY tenant, trace_id
    ) AS d ON d.tenant = s.tenant AND d.trace_id = s.trace_id
    WHERE s.received_at > d.deleted_at
    GROUP BY tenant, trace_id, assessment_id
)
WHERE NOT gone AND named
COMMENT 'Assessments as they are now: a row each, of all events in table assessments. Filter by tenant, or by tenant and trace_id. As an assessment may be changed at any time after, a filter by day or created_at bounds the answer, not the rows that are read: those are all of the tenant. Deleted assessments and those of deleted traces are not here.'
