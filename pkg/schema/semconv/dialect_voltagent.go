package semconv

// voltAgent is what VoltAgent writes.
var voltAgent = dialect{
	rows: []row{
		{sessionID, 110, "voltagent.conversation_id"},
		{inputTokens, 100, "usage.prompt_tokens"},
		{outputTokens, 100, "usage.completion_tokens"},
		{totalTokens, 110, "usage.total_tokens"},
		{input, 290, "agent.messages"},
		{input, 300, "llm.messages"},
	},
}
