package schema

// Count is an optional unsigned number, such as a token count that a client
// may not have reported. The zero value is "not reported".
type Count struct {
	N   uint64
	Set bool
}

// GenAI is the vocabulary that every GenAI dialect is normalised to
// (semconv.Normalize fills it). Strings alias the record or are constants,
// unless noted. Empty means: the span does not say.
type GenAI struct {
	// Kind is the canonical kind: LLM, EMBEDDING, RERANKER, RETRIEVER, TOOL,
	// AGENT, CHAIN, WORKFLOW, TASK, GUARDRAIL, EVALUATOR, MEMORY, PROMPT,
	// PARSER, DECISION, EVENT or UNKNOWN. Never empty after Normalize.
	Kind      string
	Operation string
	Provider  string // canonical: trimmed, lower case, aliases resolved
	// Model is the one to price: the response's, else the request's.
	Model, RequestModel, ResponseModel string

	// Token counts are inclusive: InputTokens counts cache reads and writes,
	// OutputTokens counts reasoning.
	InputTokens, OutputTokens, TotalTokens             Count
	CacheReadTokens, CacheWriteTokens, ReasoningTokens Count
	// Billable is false for roll-up spans that repeat their children's usage.
	Billable bool

	// CostNano is the cost that the emitter reported, in 1e-9 US dollars.
	CostNano Count

	SessionID, UserID, ExperimentID string
	ServiceName, Environment        string
	AgentName, ToolName, ErrorType  string

	// Input and Output are the content. InputAttr and OutputAttr are the
	// indexes in Span.Attrs they were taken from (-1: none): those attributes
	// are not stored a second time, InputKey and OutputKey name them.
	Input, Output         string
	InputAttr, OutputAttr int
	InputKey, OutputKey   string

	// Family is the dialect: mlflow, otel_genai, other, …
	Family string
	// Rejected counts values that could not be used (a negative token count).
	Rejected int
}
