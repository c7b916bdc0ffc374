package semconv

// geminiCLI is what the Gemini command writes: OpenTelemetry's names under a
// name of its own.
var geminiCLI = dialect{
	family: "gemini_cli",
	signs:  []sign{{"gen_ai.agent.name", "gemini-cli"}},
}
