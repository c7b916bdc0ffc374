package semconv

// googleADK is what Google's Agent Development Kit writes beside
// OpenTelemetry's names. It puts {} where a span has nothing to say, and keeps
// Gemini's usage, whose candidates leave out thoughts.
var googleADK = dialect{
	family:   "google_adk",
	prefixes: []string{"gcp.vertex.agent."},
	scopes:   []string{"gcp.vertex.agent"},
	rows: []row{
		{sessionID, 120, "gcp.vertex.agent.session_id"},
		{input, 170, "gcp.vertex.agent.llm_request"},
		{input, 180, "gcp.vertex.agent.tool_call_args"},
		{output, 170, "gcp.vertex.agent.llm_response"},
		{output, 180, "gcp.vertex.agent.tool_response"},
	},
	objects: []object{
		{key: "gcp.vertex.agent.llm_response", rows: []row{
			{inputTokens, 140, "usage_metadata.prompt_token_count"},
			{spokenTokens, 140, "usage_metadata.candidates_token_count"},
			{totalTokens, 100, "usage_metadata.total_token_count"},
			{cacheReadTokens, 170, "usage_metadata.cached_content_token_count"},
			{reasoningTokens, 170, "usage_metadata.thoughts_token_count"},
		}},
	},
	jsonText: []string{
		"gcp.vertex.agent.llm_request", "gcp.vertex.agent.llm_response",
		"gcp.vertex.agent.tool_call_args", "gcp.vertex.agent.tool_response",
	},
}
