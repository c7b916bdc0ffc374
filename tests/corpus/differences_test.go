package corpus_test

// difference is where a dialect tells a conversation otherwise, and why that
// is right.
type difference struct{ got, reason string }

// Reasons that several differences have.
const (
	noEmbeddingInput = "OpenTelemetry's instrumentation records no input of embeddings"
	noProvider       = "MLflow's autologging says of embeddings neither who answered nor, by a format of messages, whose SDK was called"
	noPrice          = "without a provider there is no price: prices are never guessed"
	outerSpan        = "the AI SDK wraps each model call into a span of its own function; that one is not billable (R6)"
	longerSchema     = "the AI SDK sends a longer schema of the tool (from zod): there really were more tokens"
	noReasoning      = "MLflow's token usage has no reasoning tokens; the output counts them"
	noUsage          = "MLflow's autologging records no usage of embeddings"
)

var differences = map[string]difference{
	"otel embeddings 1 input": {`"What is the capital of France?; Où est le chat? 🐈", not ""`, noEmbeddingInput},

	"mlflow reasoning 1 reasoning tokens": {`"", not "64"`, noReasoning},
	"mlflow embeddings 1 provider":        {`"", not "openai"`, noProvider},
	"mlflow embeddings 1 input tokens":    {`"", not "13"`, noUsage},
	"mlflow embeddings 1 cost":            {`"", not "260"`, noPrice},

	"vercel chat tree":            {`"CHAIN(LLM)", not "LLM"`, outerSpan},
	"vercel stream tree":          {`"CHAIN(LLM)", not "LLM"`, outerSpan},
	"vercel cached tree":          {`"CHAIN(LLM)", not "LLM"`, outerSpan},
	"vercel reasoning tree":       {`"CHAIN(LLM)", not "LLM"`, outerSpan},
	"vercel embeddings tree":      {`"CHAIN(EMBEDDING)", not "EMBEDDING"`, outerSpan},
	"vercel agent tree":           {`"CHAIN(LLM TOOL LLM)", not "AGENT(LLM TOOL LLM)"`, outerSpan},
	"vercel agent 1 input tokens": {`"54", not "34"`, longerSchema},
	"vercel agent 1 cost":         {`"12300", not "9300"`, longerSchema},
	"vercel agent 3 input tokens": {`"68", not "48"`, longerSchema},
	"vercel agent 3 cost":         {`"16200", not "13200"`, longerSchema},
}
