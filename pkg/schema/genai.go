package schema

// Count is an optional unsigned number, such as a token count that a client
// may not have reported. The zero value is "not reported".
type Count struct {
	N   uint64
	Set bool
}

// Real is an optional real number, never NaN or infinite.
type Real struct {
	V   float64
	Set bool
}

// UsageFlags say what was done to a span's reported usage.
type UsageFlags uint8

const (
	// UsageCacheAdded: the input tokens as sent left out cached ones; InputTokens
	// has them.
	UsageCacheAdded UsageFlags = 1 << iota
	// UsageReasoningAdded: the output tokens as sent left out reasoning;
	// OutputTokens has it.
	UsageReasoningAdded
)

// ContentFlags say what is odd about a span's content.
type ContentFlags uint8

const (
	// ContentTruncated: text that should be JSON ends early; it is kept verbatim.
	ContentTruncated ContentFlags = 1 << iota
	// ContentFolded: Input or Output was put together from several attributes or
	// events, which are kept as well.
	ContentFolded
)

// WeightOnce is the weight of a span that was not sampled.
const WeightOnce = 1_000_000

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
	// ProviderInferred: the span does not say who answered; Provider is what the
	// model's name begins with, or whose SDK was called.
	ProviderInferred bool
	// Model is the one to price: the response's, else the request's.
	Model, RequestModel, ResponseModel string

	// Token counts are inclusive: InputTokens counts cache reads and writes,
	// OutputTokens counts reasoning, both count audio.
	InputTokens, OutputTokens, TotalTokens             Count
	CacheReadTokens, CacheWriteTokens, ReasoningTokens Count
	// CacheWrite1hTokens is the part of CacheWriteTokens that is kept for an
	// hour; the rest is kept for the usual five minutes.
	CacheWrite1hTokens                  Count
	AudioInputTokens, AudioOutputTokens Count
	UsageFlags                          UsageFlags
	// Billable is false for roll-up spans that repeat their children's usage.
	Billable bool

	// CostNano is the cost that the emitter reported, in 1e-9 US dollars;
	// CostDetailed tells that it was itemised, CostInputNano and CostOutputNano
	// are what it said of the two sides.
	CostNano, CostInputNano, CostOutputNano Count
	CostDetailed                            bool

	// What a price may depend on besides: the tier (default, flex, priority, …;
	// lower case, the response's, else the request's) and whether the call was
	// part of a batch.
	ServiceTier string
	Batch       bool

	Stream                     bool  // the answer was streamed
	TTFTNs                     Count // nanoseconds from the start to the first token
	FinishReasons              []string
	ResponseID, ResponseStatus string
	Request                    Request

	SessionID, UserID, ExperimentID string
	ServiceName, Environment        string
	Release, AppVersion             string
	TraceName                       string
	Tags                            []string // of the trace; mlflow.traceTag.k is k=v
	Level                           string   // DEBUG, DEFAULT, INFO, WARNING, ERROR, …

	DisplayName                      string // what people call the span, if not its name
	AgentName, AgentID, AgentVersion string
	WorkflowName                     string
	ToolName, ToolCallID, ToolType   string
	PromptName, PromptVersion        string // in a prompt registry
	DataSourceID, ServerAddress      string
	ErrorType                        string
	HTTPStatus                       int64 // status code that the call was answered with; 0: not told

	// Eval: the span belongs to an evaluation, not to production, by its own word
	// or by its resource's.
	Eval bool
	// Weight is how many spans of its like it stands for, in millionths:
	// WeightOnce unless senders sample.
	Weight int64

	// Input and Output are the content. InputAttr and OutputAttr are the
	// indexes in Span.Attrs they were taken from (-1: none): those attributes
	// are not stored a second time, InputKey and OutputKey name them.
	Input, Output         string
	InputAttr, OutputAttr int
	InputKey, OutputKey   string
	ContentFlags          ContentFlags

	// Family is the dialect: mlflow, otel_genai, other, …
	Family string
	// Rejected counts values that could not be used (a negative token count).
	Rejected int
}

// Request is what the caller asked of the model.
type Request struct {
	Temperature, TopP          Real
	MaxTokens, ChoiceCount     Count
	ReasoningLevel, OutputType string
}
