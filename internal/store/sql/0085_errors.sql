CREATE OR REPLACE VIEW {{.Database}}.errors{{.OnCluster}}
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
    kind LowCardinality(String) COMMENT 'What the span does: LLM, TOOL, AGENT, RETRIEVER, ... or UNKNOWN.',
    error String COMMENT 'Class of the error, the one of the exception where the span says none; (not said): neither does.',
    message String COMMENT 'Status message, else that of the exception.',
    exception_type String COMMENT 'Class of the first exception event; empty: none.',
    exception_message String COMMENT 'Its message.',
    stacktrace String COMMENT 'Its stack trace.',
    operation LowCardinality(String) COMMENT 'GenAI operation: chat, execute_tool, ...',
    provider LowCardinality(String) COMMENT 'GenAI provider: openai, anthropic, ...',
    model LowCardinality(String) COMMENT 'Model that is priced: the response''s, else the request''s.',
    tool_name LowCardinality(String) COMMENT 'Tool.',
    agent_name LowCardinality(String) COMMENT 'Agent.',
    session_id String COMMENT 'Session or conversation.',
    user_id String COMMENT 'End user.',
    release LowCardinality(String) COMMENT 'Release of the application.',
    input String COMMENT 'What went in.'
)
AS
WITH
    events_attrs[indexOf(events_name, 'exception')] AS exception,
    JSONExtractString(exception, 'exception.type') AS exception_type,
    JSONExtractString(exception, 'exception.message') AS exception_message
SELECT
    s.tenant AS tenant, part_day AS day, experiment_id, service_name, environment, is_eval,
    s.trace_id AS trace_id, span_id, parent_span_id, name, start_time, duration_ns / 1e9 AS seconds, kind,
    multiIf(error_type != '', error_type, exception_type != '', exception_type, '(not said)') AS error,
    if(status_message != '', status_message, exception_message) AS message,
    exception_type, exception_message, JSONExtractString(exception, 'exception.stacktrace') AS stacktrace,
    operation, provider, model, tool_name, agent_name, session_id, user_id, release, input
FROM {{.Database}}.spans AS s
LEFT ANY JOIN
(
    SELECT tenant, trace_id, max(received_at) AS deleted_at FROM {{.Database}}.trace_deletions GROUP BY tenant, trace_id
) AS d ON d.tenant = s.tenant AND d.trace_id = s.trace_id
WHERE (status = 'ERROR' OR error_type != '') AND received_at > deleted_at
COMMENT 'What failed: the spans with status ERROR or an error type. Filter by tenant and day, then by start_time. Deleted traces are not here.'
