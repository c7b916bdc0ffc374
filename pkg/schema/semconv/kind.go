package semconv

// The canonical kinds.
const (
	kindLLM       = "LLM"
	kindEmbedding = "EMBEDDING"
	kindReranker  = "RERANKER"
	kindRetriever = "RETRIEVER"
	kindTool      = "TOOL"
	kindAgent     = "AGENT"
	kindChain     = "CHAIN"
	kindWorkflow  = "WORKFLOW"
	kindTask      = "TASK"
	kindGuardrail = "GUARDRAIL"
	kindEvaluator = "EVALUATOR"
	kindMemory    = "MEMORY"
	kindPrompt    = "PROMPT"
	kindParser    = "PARSER"
	kindDecision  = "DECISION"
	kindEvent     = "EVENT"
	kindUnknown   = "UNKNOWN"
)

// kindSource is an attribute that tells a span's kind. The sources are asked in
// their order and the first that decides wins: a value that is in no list, or
// says unknown, leaves it to the next.
type kindSource struct {
	key    string
	values []kindValues
	// suffixes are tried on values that are in no list.
	suffixes []kindValues
	// rest decides for all other values but "unknown" and empty ones.
	rest string
}

// kindValues lists values in lower case; any case is accepted.
type kindValues struct {
	kind   string
	values []string
}

var kindSources = []kindSource{
	{
		key: "mlflow.spanType",
		values: []kindValues{
			{kindLLM, []string{"llm", "chat_model"}},
			{kindChain, []string{"chain"}},
			{kindAgent, []string{"agent"}},
			{kindTool, []string{"tool"}},
			{kindRetriever, []string{"retriever"}},
			{kindParser, []string{"parser"}},
			{kindEmbedding, []string{"embedding"}},
			{kindReranker, []string{"reranker"}},
			{kindMemory, []string{"memory"}},
			{kindWorkflow, []string{"workflow"}},
			{kindTask, []string{"task"}},
			{kindGuardrail, []string{"guardrail"}},
			{kindEvaluator, []string{"evaluator"}},
		},
		rest: kindUnknown, // the user's own type: kept in the attribute
	},
	{
		// "span" decides nothing: old SDKs send it for generations as well.
		key: "langfuse.observation.type",
		values: []kindValues{
			{kindLLM, []string{"generation"}},
			{kindEmbedding, []string{"embedding"}},
			{kindTool, []string{"tool"}},
			{kindRetriever, []string{"retriever"}},
			{kindAgent, []string{"agent"}},
			{kindChain, []string{"chain"}},
			{kindEvaluator, []string{"evaluator"}},
			{kindGuardrail, []string{"guardrail"}},
			{kindEvent, []string{"event"}},
		},
	},
	{
		key: "openinference.span.kind",
		values: []kindValues{
			{kindLLM, []string{"llm"}},
			{kindEmbedding, []string{"embedding"}},
			{kindRetriever, []string{"retriever"}},
			{kindReranker, []string{"reranker"}},
			{kindTool, []string{"tool"}},
			{kindAgent, []string{"agent"}},
			{kindChain, []string{"chain"}},
			{kindGuardrail, []string{"guardrail"}},
			{kindEvaluator, []string{"evaluator"}},
			{kindPrompt, []string{"prompt"}},
			{kindDecision, []string{"decision"}},
		},
	},
	{
		key: "gen_ai.operation.name",
		values: []kindValues{
			{kindLLM, []string{
				"chat", "text_completion", "generate_content", fetchResponse,
				"completion", "generate", "response", "llm_request", "llm_call",
			}},
			{kindEmbedding, []string{"embeddings"}},
			{kindRetriever, []string{"retrieval", "vector_db_retrieve"}},
			{kindTool, []string{"execute_tool", "tool_call"}},
			{kindAgent, []string{"create_agent", "invoke_agent", "agent_call", "agent_step"}},
			{kindWorkflow, []string{"invoke_workflow"}},
			{kindTask, []string{"execute_task", "plan"}},
			{kindMemory, []string{
				"search_memory", "create_memory", "update_memory", "upsert_memory", "delete_memory",
				"create_memory_store", "delete_memory_store",
			}},
		},
	},
	{
		key: "traceloop.span.kind",
		values: []kindValues{
			{kindWorkflow, []string{"workflow"}},
			{kindTask, []string{"task"}},
			{kindAgent, []string{"agent"}},
			{kindTool, []string{"tool"}},
		},
	},
	{
		key: "lmnr.span.type",
		values: []kindValues{
			{kindLLM, []string{"llm", "cached"}},
			{kindTool, []string{"tool"}},
			{kindChain, []string{"default", "pipeline"}},
			{kindAgent, []string{"executor"}},
			{kindEvaluator, []string{"evaluator", "human_evaluator", "evaluation"}},
		},
	},
	{
		// The outer spans repeat the usage of the do… spans within.
		key: "ai.operationId",
		values: []kindValues{
			{kindReranker, []string{"ai.rerank.dorerank"}},
			{kindTool, []string{"ai.toolcall"}},
			{kindChain, []string{
				"ai.generatetext", "ai.streamtext", "ai.generateobject", "ai.streamobject", "ai.embed", "ai.embedmany",
			}},
		},
		suffixes: []kindValues{
			{kindLLM, []string{".dogenerate", ".dostream"}},
			{kindEmbedding, []string{".doembed"}},
		},
	},
	{
		key: "genkit:metadata:subtype",
		values: []kindValues{
			{kindLLM, []string{"model", "background-model"}},
			{kindEmbedding, []string{"embedder"}},
			{kindTool, []string{"tool", "tool.v2"}},
			{kindRetriever, []string{"retriever"}},
			{kindEvaluator, []string{"evaluator"}},
		},
	},
	{
		key: "span.type",
		values: []kindValues{
			{kindAgent, []string{"claude_code.interaction", "agent"}},
			{kindLLM, []string{"claude_code.llm_request", "llm"}},
			{kindTool, []string{"claude_code.tool", "tool"}},
			{kindMemory, []string{"memory"}},
		},
	},

	// From here on hints, for spans that name no kind.
	{key: "gen_ai.tool.name", rest: kindTool},
	{key: "gen_ai.tool.call.id", rest: kindTool},
	{key: "gen_ai.tool.call.arguments", rest: kindTool},
	{key: "flue.tool.name", rest: kindTool},
	{
		key: "llm.request.type",
		values: []kindValues{
			{kindLLM, []string{"chat", "completion"}},
			{kindEmbedding, []string{"embedding"}},
			{kindReranker, []string{"rerank"}},
		},
	},
	{
		key: "db.system",
		values: []kindValues{
			{kindRetriever, []string{"chroma", "lancedb", "marqo", "milvus", "pinecone", "qdrant", "weaviate"}},
		},
	},
}

// fetchResponse reads a response that was paid for when it was made.
const fetchResponse = "fetch_response"
