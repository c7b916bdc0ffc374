package corpus_test

// difference is where a dialect tells a conversation otherwise, and why that
// is right.
type difference struct{ got, reason string }

// Reasons that several differences have.
const (
	noEmbeddingInput = "OpenTelemetry's instrumentation records no input of embeddings"
	noProvider       = "the SDK does not say who answered, and nothing else in its spans does"
	noPrice          = "without a provider there is no price: prices are never guessed"
	outerSpan        = "the AI SDK wraps each model call into a span of its own function; that one is not billable (R6)"
	longerSchema     = "the AI SDK sends a longer schema of the tool (from zod): there really were more tokens"
	noReasoning      = "MLflow's token usage has no reasoning tokens; the output counts them"
	noUsage          = "MLflow's autologging records no usage of embeddings"
)

var differences = map[string]difference{
	"otel embeddings 1 input": {`"What is the capital of France?; Où est le chat? 🐈", not ""`, noEmbeddingInput},

	"mlflow chat 1 provider":              {`"", not "openai"`, noProvider},
	"mlflow chat 1 cost":                  {`"", not "7650"`, noPrice},
	"mlflow stream 1 provider":            {`"", not "openai"`, noProvider},
	"mlflow stream 1 cost":                {`"", not "6600"`, noPrice},
	"mlflow cached 1 provider":            {`"", not "openai"`, noProvider},
	"mlflow cached 1 cost":                {`"", not "115350"`, noPrice},
	"mlflow reasoning 1 provider":         {`"", not "openai"`, noProvider},
	"mlflow reasoning 1 cost":             {`"", not "311300"`, noPrice},
	"mlflow reasoning 1 reasoning tokens": {`"", not "64"`, noReasoning},
	"mlflow embeddings 1 provider":        {`"", not "openai"`, noProvider},
	"mlflow embeddings 1 input tokens":    {`"", not "13"`, noUsage},
	"mlflow embeddings 1 cost":            {`"", not "260"`, noPrice},
	"mlflow agent 1 provider":             {`"", not "openai"`, noProvider},
	"mlflow agent 1 cost":                 {`"", not "9300"`, noPrice},
	"mlflow agent 3 provider":             {`"", not "openai"`, noProvider},
	"mlflow agent 3 cost":                 {`"", not "13200"`, noPrice},

	"langfuse chat 1 provider":       {`"", not "openai"`, noProvider},
	"langfuse chat 1 cost":           {`"", not "7650"`, noPrice},
	"langfuse stream 1 provider":     {`"", not "openai"`, noProvider},
	"langfuse stream 1 cost":         {`"", not "6600"`, noPrice},
	"langfuse cached 1 provider":     {`"", not "openai"`, noProvider},
	"langfuse cached 1 cost":         {`"", not "115350"`, noPrice},
	"langfuse reasoning 1 provider":  {`"", not "openai"`, noProvider},
	"langfuse reasoning 1 cost":      {`"", not "311300"`, noPrice},
	"langfuse embeddings 1 provider": {`"", not "openai"`, noProvider},
	"langfuse embeddings 1 cost":     {`"", not "260"`, noPrice},
	"langfuse agent 1 provider":      {`"", not "openai"`, noProvider},
	"langfuse agent 1 cost":          {`"", not "9300"`, noPrice},
	"langfuse agent 3 provider":      {`"", not "openai"`, noProvider},
	"langfuse agent 3 cost":          {`"", not "13200"`, noPrice},

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
