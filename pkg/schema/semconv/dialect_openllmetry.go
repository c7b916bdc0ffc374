package semconv

// openLLMetry is what Traceloop's instrumentations write: OpenTelemetry's names
// of several ages, messages flattened to one attribute a leaf, and entities of
// its own. Names that begin with llm. are those of its early versions.
var openLLMetry = dialect{
	family:   "openllmetry",
	prefixes: []string{"traceloop.", "gen_ai.prompt.0."},
	scopes:   []string{"@traceloop/*", "traceloop*"},
	rows: []row{
		{sessionID, 60, "traceloop.association.properties.session_id"},
		{userID, 50, "traceloop.association.properties.user_id"},
		{userID, 120, "gen_ai.user"},
		{userID, 130, "llm.user"},
		{traceName, 30, "traceloop.workflow.name"},
		{workflowName, 20, "traceloop.workflow.name"},
		{agentEntity, 50, "traceloop.entity.name"},
		{toolEntity, 40, "traceloop.entity.name"},
		{operation, 30, "llm.request.type"},
		{langchainProvider, 20, "traceloop.association.properties.ls_provider"},
		{promptName, 50, "traceloop.prompt.key"},
		{promptVersion, 50, "traceloop.prompt.version"},

		{responseModel, 50, "llm.response.model"},
		{serverAddress, 20, "gen_ai.openai.api_base"},
		{stream, 20, "gen_ai.is_streaming"},
		{reasoningLevel, 20, "gen_ai.request.reasoning_effort"},
		{reasoningLevel, 30, "llm.request.reasoning_effort"},
		{finishReasons, 50, "gen_ai.response.stop_reason"},
		{finishReasons, 60, "llm.response.finish_reason"},
		{finishReasons, 70, "llm.response.stop_reason"},

		{inputTokens, 110, "llm.usage.prompt_tokens"},
		{outputTokens, 110, "llm.usage.completion_tokens"},
		{totalTokens, 20, "llm.usage.total_tokens"},
		{reasoningTokens, 30, "llm.usage.reasoning_tokens"},

		{input, 60, "traceloop.entity.input"},
		{input, 390, "gen_ai.task.input"},
		{output, 60, "traceloop.entity.output"},
		{output, 390, "gen_ai.task.output"},
	},
	folds: []fold{
		{prefix: "gen_ai.prompt.", column: input, place: 70},
		{prefix: "gen_ai.completion.", column: output, place: 70, reasons: 90},
	},
}
