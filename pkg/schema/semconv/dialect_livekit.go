package semconv

// liveKit is what LiveKit's voice agents write.
var liveKit = dialect{
	family:   "livekit",
	prefixes: []string{"lk."},
	scopes:   []string{"livekit-agents"},
	rows: []row{
		{agentName, 40, "lk.agent_name"},
		{input, 200, "lk.input_text"},
		{input, 210, "lk.user_input"},
		{input, 220, "lk.user_transcript"},
		{input, 230, "lk.chat_ctx"},
		{output, 200, "lk.response.text"},
		{output, 210, "lk.response.function_calls"},
		{output, 220, "lk.function_tool.output"},
	},
}
