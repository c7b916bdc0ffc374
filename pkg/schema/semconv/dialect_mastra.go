package semconv

// mastra is what Mastra writes: the AI SDK's usage under the name of the
// operation.
var mastra = dialect{rows: mastraRows("stream", "generateText", "streamText", "generateObject", "streamObject")}

func mastraRows(operations ...string) []row {
	var rows []row
	for i, op := range operations {
		n := uint16(i)
		rows = append(
			rows,
			row{inputTokens, 80 + n, op + ".usage.inputTokens"},
			row{outputTokens, 80 + n, op + ".usage.outputTokens"},
			row{totalTokens, 62 + n, op + ".usage.totalTokens"},
			row{cacheReadTokens, 70 + n, op + ".usage.cachedInputTokens"},
			row{cacheWriteTokens, 80 + n, op + ".usage.inputTokenDetails.cacheWriteTokens"},
			row{reasoningTokens, 62 + n, op + ".usage.reasoningTokens"},
		)
	}
	return rows
}
