package semconv

// pydanticAI is what Pydantic AI and Logfire write beside OpenTelemetry's names.
var pydanticAI = dialect{
	family:   "pydantic_ai",
	prefixes: []string{"logfire.", "pydantic_ai."},
	scopes:   []string{"pydantic-ai", "logfire*"},
	rows: []row{
		{displayName, 40, "logfire.msg"},
		{agentName, 30, "agent_name"},
		{model, 60, "model_name"},

		{cacheReadTokens, 80, "gen_ai.usage.details.cache_read_tokens"},
		{cacheReadTokens, 90, "gen_ai.usage.details.cache_read_input_tokens"},
		{cacheWriteTokens, 90, "gen_ai.usage.details.cache_write_tokens"},
		{cacheWriteTokens, 100, "gen_ai.usage.details.cache_creation_input_tokens"},
		{reasoningTokens, 90, "gen_ai.usage.details.reasoning_tokens"},
		{audioInputTokens, 50, "gen_ai.usage.details.input_audio_tokens"},
		{audioOutputTokens, 50, "gen_ai.usage.details.output_audio_tokens"},

		{input, 240, "pydantic_ai.all_messages"},
		{input, 250, "all_messages_events"},
		{output, 230, "final_result"},
	},
	objects: []object{
		{key: "model_config", rows: []row{{temperature, 50, "temperature"}}},
	},
	guarded: []row{
		{input, 260, "prompt"},
		{input, 270, "events"},
		{input, 280, "tool_arguments"},
		{output, 240, "tool_response"},
	},
	jsonText: []string{"pydantic_ai.all_messages", "all_messages_events"},
}
