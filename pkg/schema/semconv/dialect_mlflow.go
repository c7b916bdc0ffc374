package semconv

// mlflow is what the MLflow tracing SDK writes. Its native exporter sends typed
// values, its OTLP exporter the same values as JSON text.
var mlflow = dialect{
	family:      "mlflow",
	prefixes:    []string{"mlflow."},
	jsonKeys:    "mlflow.",
	jsonWitness: "mlflow.spanType",
	rows: []row{
		{sessionID, 10, "mlflow.trace.session"},
		{userID, 10, "mlflow.trace.user"},
		{experimentID, 20, "mlflow.experimentId"},
		{traceName, 10, "mlflow.traceName"},
		{level, 20, "mlflow.spanLogLevel"},

		{provider, 30, "mlflow.llm.provider"},
		{clientFormat, 10, "mlflow.message.format"},
		{model, 30, "mlflow.llm.model"},
		{requestModel, 60, "mlflow.llm.model"},

		{input, 10, "mlflow.spanInputs"},
		{output, 10, "mlflow.spanOutputs"},
	},
	objects: []object{
		{key: "mlflow.chat.tokenUsage", rows: []row{
			{inputTokens, 40, "input_tokens"},
			{outputTokens, 40, "output_tokens"},
			{totalTokens, 40, "total_tokens"},
			{cacheReadTokens, 40, "cache_read_input_tokens"},
			{cacheWriteTokens, 60, "cache_creation_input_tokens"},
			{cacheWrite1hTokens, 10, "cache_creation_input_tokens_above_1hr"},
		}},
		{key: "mlflow.llm.cost", rows: []row{
			{costDetail, 10, "total_cost"},
			{costInput, 10, "input_cost"},
			{costOutput, 10, "output_cost"},
		}},
		{key: "mlflow.linkedPrompts", rows: []row{
			{promptName, 60, "name"},
			{promptVersion, 60, "version"},
		}},
	},
	folds: []fold{{prefix: "mlflow.traceTag.", column: tags, place: 60, pairs: true}},
	// Autologging of the OpenAI SDK writes a call's parameters under their own
	// names.
	guarded: []row{
		{requestModel, 55, "model"},
		{temperature, 60, "temperature"},
		{topP, 60, "top_p"},
		{maxTokens, 80, "max_tokens"},
		{maxTokens, 81, "max_completion_tokens"},
		{maxTokens, 82, "max_output_tokens"},
		{choiceCount, 40, "n"},
		{reasoningLevel, 60, "reasoning_effort"},
		{serviceTier, 95, "service_tier"},
		{stream, 50, "stream"},
	},
	jsonText: []string{"mlflow.spanInputs", "mlflow.spanOutputs"},
}
