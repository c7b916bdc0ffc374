CREATE OR REPLACE VIEW {{.Database}}.sessions{{.OnCluster}}
(
    tenant LowCardinality(String) COMMENT 'Who the session belongs to. Filter by it: the primary key begins with it.',
    day Date COMMENT 'Day (UTC) on which it closed. Filter by it: other days are not read.',
    session_id String COMMENT 'Session.',
    user_id String COMMENT 'User: of its first trace that has one.',
    experiment_id String COMMENT 'Experiment of its first trace.',
    service_name String COMMENT 'Service of its first trace.',
    started_at DateTime64(9, 'UTC') COMMENT 'Least start of its spans.',
    ended_at DateTime64(9, 'UTC') COMMENT 'Newest end of its spans.',
    closes_at DateTime64(9, 'UTC') COMMENT 'Newest end plus 30 minutes: when the session counts. It may be yet to come.',
    seconds Float64 COMMENT 'Newest end minus least start.',
    turns UInt32 COMMENT 'Traces with a root: what the user asked.',
    failed_turns UInt32 COMMENT 'Turns whose root failed.',
    engaged Bool COMMENT 'More than ten seconds, or a goal, or two turns and more. The others bounced.',
    outcome String COMMENT 'resolved, completed, unresolved or abandoned, as it was told; empty: it was not.',
    completed Bool COMMENT 'Told completed or resolved; if nothing is told, the last turn was answered without an error and no feedback is bad.',
    abandoned Bool COMMENT 'Told abandoned; if nothing is told, nobody took over and the last turn failed or was not answered.',
    handoffs UInt32 COMMENT 'Handed over to a person, how often.',
    positive UInt32 COMMENT 'Feedback of people that is good.',
    negative UInt32 COMMENT 'Feedback of people that is bad.',
    goals Map(String, UInt64) COMMENT 'Goals that were reached, how often.',
    tasks_started Map(String, UInt64) COMMENT 'Tasks that were started.',
    tasks_completed Map(String, UInt64) COMMENT 'Tasks that were completed.',
    llm_calls UInt64 COMMENT 'Spans of kind LLM.',
    input_tokens UInt64 COMMENT 'Input tokens of billable spans.',
    output_tokens UInt64 COMMENT 'Output tokens of billable spans.',
    cost Decimal(38, 9) COMMENT 'US dollars.',
    told_completed Bool COMMENT 'Told completed or resolved.',
    abandoned_strict Bool COMMENT 'Not told completed or resolved, nobody took over, and no outcome is told or the last turn failed or was not answered.',
    duration_ns Int64 COMMENT 'Nanoseconds from the least start to the newest end.',
    busy_ns Int64 COMMENT 'Nanoseconds that its turns took, added up.',
    cost_nano Int64 COMMENT 'Cost, in 1e-9 US dollars.',
    goal_value_micro Int64 COMMENT 'Value of its goals, in millionths.',
    saved_micro Int64 COMMENT 'Minutes that its completed tasks say they saved, in millionths.',
    tasks_untold Map(String, UInt64) COMMENT 'Completed tasks that do not say how many minutes they saved.',
    turns_to_outcome UInt32 COMMENT 'Turns that had started when the outcome was told.',
    marks Array(Tuple(at DateTime64(9, 'UTC'), name String)) COMMENT 'Goals and used features in order of time: what funnels go through.'
)
AS
SELECT
    tenant, day, session_id, user_id, experiment_id, service_name, started_at, ended_at, closes_at,
    duration_ns / 1e9 AS seconds, turns, failed_turns,
    duration_ns > 10000000000 OR turns >= 2 OR notEmpty(goals) AS engaged, outcome,
    if(outcome != '', outcome IN ('completed', 'resolved'), turns > 0 AND NOT last_turn_failed AND NOT last_turn_unanswered AND negative = 0) AS completed,
    if(outcome != '', outcome = 'abandoned', handoffs = 0 AND (turns = 0 OR last_turn_failed OR last_turn_unanswered)) AS abandoned,
    handoffs, positive, negative, goals, tasks_started, tasks_completed, llm_calls, input_tokens, output_tokens,
    toDecimal128(cost_nano, 9) / 1000000000 AS cost,
    outcome IN ('completed', 'resolved') AS told_completed,
    NOT told_completed AND handoffs = 0 AND (outcome IN ('', 'abandoned') OR turns = 0 OR last_turn_failed OR last_turn_unanswered) AS abandoned_strict,
    toUnixTimestamp64Nano(ended_at) - toUnixTimestamp64Nano(started_at) AS duration_ns,
    busy_ns, cost_nano, value_micro AS goal_value_micro, saved_micro, tasks_untold, turns_to_outcome, marks
FROM {{.Database}}.session_facts FINAL
WHERE NOT gone
SETTINGS do_not_merge_across_partitions_select_final = 1
COMMENT 'Sessions: a row each, within a quarter of a minute of what has changed. Filter by tenant and day: WHERE tenant = T AND day = D. Sessions of evaluations and deleted traces are not here.'
