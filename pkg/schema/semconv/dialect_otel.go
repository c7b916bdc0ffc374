package semconv

// otelGenAI is OpenTelemetry's own convention, current names and those that
// emitters still send: until told otherwise an instrumentation keeps the names
// it was written with, so that all generations arrive side by side.
var otelGenAI = dialect{
	family:   "otel_genai",
	prefixes: []string{"gen_ai."},
	rows: []row{
		{sessionID, 40, "gen_ai.conversation.id"},

		{operation, 10, "gen_ai.operation.name"},
		{agentName, 10, "gen_ai.agent.name"},
		{toolName, 10, "gen_ai.tool.name"},

		{provider, 10, "gen_ai.provider.name"},
		{provider, 20, "gen_ai.system"},
		{model, 20, "gen_ai.response.model"},
		{model, 23, "gen_ai.response_model"},
		{model, 40, "gen_ai.request.model"},
		{model, 44, "gen_ai.request_model"},
		{requestModel, 10, "gen_ai.request.model"},
		{requestModel, 50, "gen_ai.request_model"},
		{responseModel, 10, "gen_ai.response.model"},
		{responseModel, 40, "gen_ai.response_model"},

		{inputTokens, 10, "gen_ai.usage.input_tokens"},
		{inputTokens, 20, "gen_ai.usage.prompt_tokens"},
		{outputTokens, 10, "gen_ai.usage.output_tokens"},
		{outputTokens, 20, "gen_ai.usage.completion_tokens"},
		{totalTokens, 10, "gen_ai.usage.total_tokens"},
		{cacheReadTokens, 10, "gen_ai.usage.cache_read.input_tokens"},
		{cacheReadTokens, 20, "gen_ai.usage.cache_read_input_tokens"},
		{cacheWriteTokens, 10, "gen_ai.usage.cache_write.input_tokens"},
		{cacheWriteTokens, 20, "gen_ai.usage.cache_creation.input_tokens"},
		{cacheWriteTokens, 30, "gen_ai.usage.cache_creation_input_tokens"},
		{cacheWriteTokens, 40, "gen_ai.usage.cache_write_input_tokens"},
		{reasoningTokens, 10, "gen_ai.usage.reasoning.output_tokens"},
		{reasoningTokens, 20, "gen_ai.usage.reasoning_tokens"},
		{cost, 40, "gen_ai.usage.cost"},
		{cost, 50, "gen_ai.usage.total_cost"},

		{input, 50, "gen_ai.input.messages"},
		{input, 75, "gen_ai.prompt"},
		{toolInput, 150, "gen_ai.tool.call.arguments"},
		{input, 920, "gen_ai.retrieval.query.text"},
		{output, 50, "gen_ai.output.messages"},
		{output, 75, "gen_ai.completion"},
		{output, 150, "gen_ai.tool.call.result"},
		{output, 920, "gen_ai.retrieval.documents"},
	},
}
