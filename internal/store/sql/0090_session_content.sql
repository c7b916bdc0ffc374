ALTER TABLE {{.Database}}.session_facts{{.OnCluster}}
    ADD COLUMN IF NOT EXISTS content UInt64 MATERIALIZED cityHash64(started_at, ended_at, user_id, experiment_id, service_name, traces, turns, failed_turns,
        last_turn_failed, last_turn_unanswered, spans, errors, llm_calls, input_tokens, output_tokens, cost_nano, busy_ns,
        outcome, turns_to_outcome, handoffs, positive, negative, goals, value_micro, tasks_started, tasks_completed, tasks_untold, saved_micro,
        marks, trace_hashes, retention_days) COMMENT 'Hash of what the row says: a run writes no row that says what the last one did.' CODEC(NONE)
