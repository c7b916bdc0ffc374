package semconv

// genkit is what Firebase Genkit writes. Its output leaves out thoughts, as
// Gemini counts.
var genkit = dialect{
	family:   "genkit",
	prefixes: []string{"genkit:"},
	scopes:   []string{"genkit-tracer"},
	rows: []row{
		{displayName, 20, "genkit:name"},
		{modelEntity, 70, "genkit:name"},
		{toolEntity, 45, "genkit:name"},
		{input, 190, "genkit:input"},
		{output, 190, "genkit:output"},
	},
	objects: []object{
		{key: "genkit:output", rows: []row{
			{inputTokens, 130, "usage.inputTokens"},
			{spokenTokens, 130, "usage.outputTokens"},
			{totalTokens, 90, "usage.totalTokens"},
			{cacheReadTokens, 185, "usage.cachedContentTokens"},
			{reasoningTokens, 185, "usage.thoughtsTokens"},
			{finishReasons, 95, "finishReason"},
		}},
	},
	jsonText: []string{"genkit:input", "genkit:output"},
}
