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

		{provider, 30, "mlflow.llm.provider"},
		{model, 30, "mlflow.llm.model"},
		{requestModel, 60, "mlflow.llm.model"},

		{input, 10, "mlflow.spanInputs"},
		{output, 10, "mlflow.spanOutputs"},
	},
	objects: []object{
		{"mlflow.chat.tokenUsage", []row{
			{inputTokens, 40, "input_tokens"},
			{outputTokens, 40, "output_tokens"},
			{totalTokens, 40, "total_tokens"},
			{cacheReadTokens, 40, "cache_read_input_tokens"},
			{cacheWriteTokens, 60, "cache_creation_input_tokens"},
		}},
		{"mlflow.llm.cost", []row{
			{cost, 10, "total_cost"},
		}},
	},
}
