package semconv

// openLIT is what OpenLIT's instrumentations write beside OpenTelemetry's names.
var openLIT = dialect{
	rows: []row{
		{userID, 140, "gen_ai.request.user"},
		{environment, 40, "gen_ai.environment"},
		{serviceName, 20, "gen_ai.application_name"},
		{workflowName, 30, "gen_ai.workflow.type"},
		{provider, 80, "gen_ai.request.provider"},
		{serverAddress, 30, "gen_ai.endpoint"},
		{stream, 40, "gen_ai.request.is_stream"},
		{frameworkError, 10, "gen_ai.framework.error.type"},

		{cacheReadTokens, 110, "gen_ai.usage.prompt_tokens_details.cached_tokens"},
		{cacheWriteTokens, 120, "gen_ai.usage.prompt_tokens_details.cache_creation_tokens"},
		{reasoningTokens, 70, "gen_ai.usage.completion_tokens_details.reasoning_tokens"},
		{audioInputTokens, 40, "gen_ai.usage.prompt_tokens_details.audio_tokens"},
		{audioOutputTokens, 40, "gen_ai.usage.completion_tokens_details.audio_tokens"},
		{costTotal, 40, "gen_ai.usage.cost"},
		{costTotal, 70, "gen_ai.cost.total"},
		{costTotal, 80, "gen_ai.cost.total_cost"},
		{costInput, 50, "gen_ai.cost.input"},
		{costOutput, 50, "gen_ai.cost.output"},

		{input, 415, "gen_ai.retrieval.query"},
		{toolInput, 152, "gen_ai.tool.input"},
		{toolInput, 154, "gen_ai.tool.args"},
		{output, 152, "gen_ai.tool.output"},
	},
}
