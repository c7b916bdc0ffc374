package semconv

// otelGenAI is OpenTelemetry's own convention, current names and those that
// emitters still send: until told otherwise an instrumentation keeps the names
// it was written with, so that all generations arrive side by side.
var otelGenAI = dialect{
	family:   "otel_genai",
	prefixes: []string{"gen_ai."},
	rows: []row{
		{sessionID, 40, "gen_ai.conversation.id"},
		{traceName, 40, "gen_ai.workflow.name"},

		{operation, 10, "gen_ai.operation.name"},
		{agentName, 10, "gen_ai.agent.name"},
		{agentID, 10, "gen_ai.agent.id"},
		{agentVersion, 10, "gen_ai.agent.version"},
		{workflowName, 10, "gen_ai.workflow.name"},
		{toolName, 10, "gen_ai.tool.name"},
		{toolCallID, 10, "gen_ai.tool.call.id"},
		{toolType, 10, "gen_ai.tool.type"},
		{dataSourceID, 10, "gen_ai.data_source.id"},
		{dataSourceID, 20, "aws.bedrock.knowledge_base.id"},
		{promptName, 10, "gen_ai.prompt.name"},
		{promptVersion, 10, "gen_ai.prompt.version"},

		{provider, 10, "gen_ai.provider.name"},
		{provider, 20, "gen_ai.system"},
		{requestModel, 10, "gen_ai.request.model"},
		{requestModel, 50, "gen_ai.request_model"},
		{responseModel, 10, "gen_ai.response.model"},
		{responseModel, 40, "gen_ai.response_model"},

		{temperature, 10, "gen_ai.request.temperature"},
		{topP, 10, "gen_ai.request.top_p"},
		{maxTokens, 10, "gen_ai.request.max_tokens"},
		{maxTokens, 20, "gen_ai.request.max_completion_tokens"},
		{choiceCount, 10, "gen_ai.request.choice.count"},
		{choiceCount, 20, "gen_ai.request.n"},
		{reasoningLevel, 10, "gen_ai.request.reasoning.level"},
		{outputType, 10, "gen_ai.output.type"},
		{outputType, 20, "gen_ai.openai.request.response_format"},
		{stream, 10, "gen_ai.request.stream"},
		{serviceTier, 10, "openai.response.service_tier"},
		{serviceTier, 20, "gen_ai.openai.response.service_tier"},
		{serviceTier, 30, "anthropic.response.service_tier"},
		{serviceTier, 40, "gen_ai.response.service_tier"},
		{serviceTier, 50, "openai.request.service_tier"},
		{serviceTier, 60, "gen_ai.openai.request.service_tier"},
		{serviceTier, 70, "anthropic.request.service_tier"},
		{serviceTier, 80, "gen_ai.request.service_tier"},
		{responseID, 10, "gen_ai.response.id"},
		{responseStatus, 10, "gen_ai.response.status"},
		{finishReasons, 10, "gen_ai.response.finish_reasons"},
		{finishReasons, 40, "gen_ai.response.finish_reason"},
		{finishReasons, 75, "anthropic.message.stop_reason"},
		{ttftSeconds, 10, "gen_ai.response.time_to_first_chunk"},
		{ttftSeconds, 20, "gen_ai.server.time_to_first_token"},

		{inputTokens, 10, "gen_ai.usage.input_tokens"},
		{inputTokens, 20, "gen_ai.usage.prompt_tokens"},
		{outputTokens, 10, "gen_ai.usage.output_tokens"},
		{outputTokens, 20, "gen_ai.usage.completion_tokens"},
		{totalTokens, 10, "gen_ai.usage.total_tokens"},
		{totalTokens, 70, "gen_ai.usage.total.token_count"},
		{cacheReadTokens, 10, "gen_ai.usage.cache_read.input_tokens"},
		{cacheReadTokens, 20, "gen_ai.usage.cache_read_input_tokens"},
		{cacheReadTokens, 100, "gen_ai.usage.cache_read_tokens"},
		{cacheReadTokens, 130, "gen_ai.usage.input_tokens.cached"},
		{cacheReadTokens, 140, "gen_ai.usage.input_cached_tokens"},
		{cacheWriteTokens, 10, "gen_ai.usage.cache_write.input_tokens"},
		{cacheWriteTokens, 20, "gen_ai.usage.cache_creation.input_tokens"},
		{cacheWriteTokens, 30, "gen_ai.usage.cache_creation_input_tokens"},
		{cacheWriteTokens, 40, "gen_ai.usage.cache_write_input_tokens"},
		{cacheWriteTokens, 110, "gen_ai.usage.cache_write_tokens"},
		{cacheWrite5mTokens, 40, "anthropic.usage.cache_creation.ephemeral_5m_input_tokens"},
		{cacheWrite1hTokens, 40, "anthropic.usage.cache_creation.ephemeral_1h_input_tokens"},
		{reasoningTokens, 10, "gen_ai.usage.reasoning.output_tokens"},
		{reasoningTokens, 20, "gen_ai.usage.reasoning_tokens"},
		{reasoningTokens, 80, "gen_ai.usage.output_tokens.reasoning"},
		{audioInputTokens, 10, "gen_ai.usage.audio.input_tokens"},
		{audioOutputTokens, 10, "gen_ai.usage.audio.output_tokens"},
		{costTotal, 50, "gen_ai.usage.total_cost"},

		{instructions, 10, messageInstructions},
		{input, 50, inputMessages},
		{input, 75, "gen_ai.prompt"},
		{toolInput, 150, "gen_ai.tool.call.arguments"},
		{input, 400, "gen_ai.workflow.input"},
		{input, 410, "gen_ai.retrieval.query.text"},
		{output, 50, "gen_ai.output.messages"},
		{output, 75, "gen_ai.completion"},
		{output, 150, "gen_ai.tool.call.result"},
		{output, 400, "gen_ai.retrieval.documents"},
	},
	jsonText: []string{inputMessages, "gen_ai.output.messages", messageInstructions},
}

// Keys that belong together: the instructions are sent apart from the messages
// they precede.
const (
	inputMessages       = "gen_ai.input.messages"
	messageInstructions = "gen_ai.system_instructions"
)
