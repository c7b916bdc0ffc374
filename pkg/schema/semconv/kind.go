package semconv

import (
	"strings"

	"github.com/spanmill/spanmill/pkg/schema"
)

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
	// firstWord: what follows a space in the value is of no interest.
	firstWord bool
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
	{key: "ai.operationId", values: vercelKinds, suffixes: vercelSuffixes},
	// The AI SDK adds the application's own name for the call.
	{key: "operation.name", values: vercelKinds, suffixes: vercelSuffixes, firstWord: true},
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
	{
		key: "entity.type",
		values: []kindValues{
			{kindAgent, []string{"agent"}},
			{kindLLM, []string{"llm"}},
			{kindTool, []string{"tool"}},
			{kindMemory, []string{"memory"}},
			{kindRetriever, []string{"retriever"}},
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
	{key: "db.system", values: vectorStores},
	{key: "db.system.name", values: vectorStores},
}

// The AI SDK's outer spans repeat the usage of the do… spans within.
var (
	vercelKinds = []kindValues{
		{kindReranker, []string{"ai.rerank.dorerank"}},
		{kindTool, []string{"ai.toolcall"}},
		{kindChain, []string{
			"ai.generatetext", "ai.streamtext", "ai.generateobject", "ai.streamobject", "ai.embed", "ai.embedmany", "ai.rerank",
		}},
	}
	vercelSuffixes = []kindValues{
		{kindLLM, []string{".dogenerate", ".dostream"}},
		{kindEmbedding, []string{".doembed"}},
	}
)

var vectorStores = []kindValues{
	{kindRetriever, []string{"chroma", "chromadb", "lancedb", "marqo", "milvus", "pinecone", "qdrant", "weaviate"}},
}

// fetchResponse reads a response that was paid for when it was made.
const fetchResponse = "fetch_response"

// kindRule is a kindSource with its place and its values in a map.
type kindRule struct {
	place     int
	values    map[string]string
	suffixes  []kindValues
	rest      string
	firstWord bool
}

func compileKind(place int, k kindSource) *kindRule {
	rule := &kindRule{place: place, values: make(map[string]string), suffixes: k.suffixes, rest: k.rest, firstWord: k.firstWord}
	for _, v := range k.values {
		for _, text := range v.values {
			rule.values[text] = v.kind
		}
	}
	return rule
}

// decide gives the kind that the attribute stands for, or "".
func (n *Normalizer) decide(k *kindRule, h *hit) string {
	if !n.says(operation, h) {
		// A structured value has no name, but it does mean that the key is there.
		if len(k.values) == 0 && n.says(input, h) {
			return k.rest
		}
		return ""
	}
	text := n.lower(trim(n.valueText(h)))
	if k.firstWord {
		text, _, _ = strings.Cut(text, " ")
	}
	if kind, ok := k.values[text]; ok {
		return kind
	}
	for _, s := range k.suffixes {
		for _, suffix := range s.values {
			if strings.HasSuffix(text, suffix) {
				return s.kind
			}
		}
	}
	if text == "unknown" {
		return ""
	}
	return k.rest
}

// guessKind decides for a span that names no kind: one that uses tokens of some
// model is a model call. Early Langfuse SDKs call those spans too, even without
// usage.
func (n *Normalizer) guessKind(out *schema.GenAI) string {
	usage := out.InputTokens.Set || out.OutputTokens.Set || out.TotalTokens.Set
	if usage && (out.Model != "" || out.Provider != "") || n.best[model].rank == langfuseModelPlace {
		return kindLLM
	}
	return kindUnknown
}
