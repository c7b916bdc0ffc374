CREATE OR REPLACE VIEW {{.Database}}.retrievals{{.OnCluster}}
(
    tenant LowCardinality(String) COMMENT 'Who the trace belongs to. Filter by it: the primary keys begin with it.',
    day Date COMMENT 'Day that partitions go by (spans.part_day). Filter by it: other days are not read.',
    experiment_id LowCardinality(String) COMMENT 'Experiment; 0 is the default one.',
    service_name LowCardinality(String) COMMENT 'Service that sent the span.',
    environment LowCardinality(String) COMMENT 'Deployment environment.',
    is_eval Bool COMMENT 'The span belongs to an evaluation, not to production.',
    trace_id String COMMENT 'Trace: 32 lower-case hexadecimal digits.',
    span_id String COMMENT 'Span: 16 lower-case hexadecimal digits.',
    parent_span_id String COMMENT 'Span id of the parent; empty: a root.',
    name LowCardinality(String) COMMENT 'Span name as sent.',
    start_time DateTime64(9, 'UTC') COMMENT 'Start.',
    seconds Float64 COMMENT 'End minus start.',
    status Enum8('UNSET' = 0, 'OK' = 1, 'ERROR' = 2) COMMENT 'OTLP status code.',
    error_type LowCardinality(String) COMMENT 'Class of the error; empty: none.',
    status_message String COMMENT 'OTLP status message.',
    data_source_id LowCardinality(String) COMMENT 'Data source that was searched.',
    documents Nullable(UInt64) COMMENT 'How many documents came back; NULL: output is no list.',
    agent_name LowCardinality(String) COMMENT 'Agent.',
    session_id String COMMENT 'Session or conversation.',
    user_id String COMMENT 'End user.',
    release LowCardinality(String) COMMENT 'Release of the application.',
    input String COMMENT 'Query.',
    output String COMMENT 'Documents.'
)
AS
SELECT
    s.tenant AS tenant, part_day AS day, experiment_id, service_name, environment, is_eval,
    s.trace_id AS trace_id, span_id, parent_span_id, name, start_time, duration_ns / 1e9 AS seconds, status, error_type, status_message,
    data_source_id, if(startsWith(output, '['), toNullable(JSONLength(output)), NULL) AS documents,
    agent_name, session_id, user_id, release, input, output
FROM {{.Database}}.spans AS s
LEFT ANY JOIN
(
    SELECT tenant, trace_id, max(received_at) AS deleted_at FROM {{.Database}}.trace_deletions GROUP BY tenant, trace_id
) AS d ON d.tenant = s.tenant AND d.trace_id = s.trace_id
WHERE kind = 'RETRIEVER' AND received_at > deleted_at
COMMENT 'Searches for documents: the spans of kind RETRIEVER. Filter by tenant and day, then by start_time. Deleted traces are not here.'
