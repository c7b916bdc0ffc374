package semconv

// claudeCode is what the Claude Code command writes, under names that mean
// nothing without its span type. Its input tokens leave out the cache's.
var claudeCode = dialect{
	family: "claude_code",
	signs:  []sign{{"span.type", "claude_code."}},
	guarded: []row{
		{uncachedTokens, 120, "input_tokens"},
		{outputTokens, 120, "output_tokens"},
		{cacheReadTokens, 150, "cache_read_tokens"},
		{cacheWriteTokens, 130, "cache_creation_tokens"},
		{toolName, 70, "tool_name"},
		{ttftMillis, 60, "ttft_ms"},

		{input, 360, "user_prompt"},
		{input, 370, "new_context"},
		{input, 380, "tool_input"},
		{output, 360, "response.model_output"},
	},
}
