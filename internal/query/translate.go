package query

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spanmill/spanmill/pkg/schema"
)

// Attribute keys that MLflow's server gives every span it can.
const (
	keyRequestID = "mlflow.traceRequestId"
	keyType      = "mlflow.spanType"
	keyInputs    = "mlflow.spanInputs"
	keyOutputs   = "mlflow.spanOutputs"
	keyUsage     = "mlflow.chat.tokenUsage"
	keyTools     = "mlflow.chat.tools"
	keyModel     = "mlflow.llm.model"
	keyProvider  = "mlflow.llm.provider"
	keyCost      = "mlflow.llm.cost"
	keyTagPrefix = schema.TraceTagPrefix
)

// typeUnknown is the SDK's span type when the application names none.
const typeUnknown = "UNKNOWN"

// dialect is where one convention keeps what MLflow has keys of its own for.
type dialect struct {
	kindKey                    string
	kinds                      map[string]string
	inputs, outputs, tools     []string
	models                     []string
	provider                   string
	input, output, total       string // token counts
	cacheRead                  string
	cacheCreation, cacheLegacy string
}

var genAIKinds = map[string]string{
	"chat": "CHAT_MODEL", "create_agent": "AGENT", "embeddings": "EMBEDDING", "execute_tool": "TOOL",
	"generate_content": "LLM", "invoke_agent": "AGENT", "text_completion": "LLM", "response": "LLM",
}

// dialects are asked in this order, MLflow's.
var dialects = []dialect{
	{ // OpenInference
		kindKey: "openinference.span.kind",
		kinds:   sameNames("TOOL", "CHAIN", "LLM", "RETRIEVER", "EMBEDDING", "AGENT", "RERANKER", typeUnknown, "GUARDRAIL", "EVALUATOR"),
		inputs:  []string{"input.value"}, outputs: []string{"output.value"},
		models:   []string{"llm.response.model_name", "llm.model_name", "llm.request.model_name", "embedding.model_name"},
		provider: "llm.provider",
		input:    "llm.token_count.prompt", output: "llm.token_count.completion", total: "llm.token_count.total",
		cacheRead: "llm.token_count.prompt_details.cache_read", cacheCreation: "llm.token_count.prompt_details.cache_write",
	},
	{ // OpenTelemetry GenAI
		kindKey: "gen_ai.operation.name", kinds: genAIKinds,
		inputs:  []string{"gen_ai.input.messages", "gen_ai.tool.call.arguments"},
		outputs: []string{"gen_ai.output.messages", "gen_ai.tool.call.result"},
		tools:   []string{"gen_ai.tool.definitions"},
		models:  []string{"gen_ai.response.model", "gen_ai.request.model"}, provider: "gen_ai.provider.name",
		input: "gen_ai.usage.input_tokens", output: "gen_ai.usage.output_tokens",
		cacheRead:     "gen_ai.usage.cache_read.input_tokens",
		cacheCreation: "gen_ai.usage.cache_write.input_tokens", cacheLegacy: "gen_ai.usage.cache_creation.input_tokens",
	},
	{ // Traceloop
		kindKey: "traceloop.span.kind",
		kinds:   map[string]string{"workflow": "WORKFLOW", "task": "TASK", "agent": "AGENT", "tool": "TOOL", "unknown": typeUnknown},
		inputs:  []string{"traceloop.entity.input"}, outputs: []string{"traceloop.entity.output"}, provider: "gen_ai.system",
		input: "gen_ai.usage.prompt_tokens", output: "gen_ai.usage.completion_tokens", total: "llm.usage.total_tokens",
	},
	{ // Google ADK
		inputs:  []string{"gcp.vertex.agent.llm_request", "gcp.vertex.agent.tool_call_args"},
		outputs: []string{"gcp.vertex.agent.llm_response", "gcp.vertex.agent.tool_response"},
	},
	{ // LiveKit
		inputs:  []string{"lk.user_input", "lk.user_transcript", "lk.chat_ctx", "lk.input_text"},
		outputs: []string{"lk.response.text", "lk.response.function_calls"},
	},
	{ // Laminar
		kindKey: "lmnr.span.type",
		kinds: map[string]string{
			"LLM": "LLM", "TOOL": "TOOL", "DEFAULT": "CHAIN", "PIPELINE": "CHAIN", "EXECUTOR": "AGENT",
			"EVALUATOR": "EVALUATOR", "HUMAN_EVALUATOR": "EVALUATOR", "EVALUATION": "EVALUATOR", "CACHED": "LLM",
		},
		inputs: []string{"lmnr.span.input"}, outputs: []string{"lmnr.span.output"},
	},
	{ // Langfuse
		kindKey: "langfuse.observation.type",
		kinds: map[string]string{
			"generation": "LLM", "embedding": "EMBEDDING", "tool": "TOOL", "retriever": "RETRIEVER", "agent": "AGENT",
			"chain": "CHAIN", "evaluator": "EVALUATOR", "guardrail": "GUARDRAIL", "span": typeUnknown,
		},
		inputs: []string{"langfuse.observation.input"}, outputs: []string{"langfuse.observation.output"},
	},
}

func sameNames(names ...string) map[string]string {
	m := make(map[string]string, len(names))
	for _, n := range names {
		m[n] = n
	}
	return m
}

// MLflowAttrs is the span's attributes as MLflow's server gives them back:
// strings that are JSON unwrapped, the request id that the trace id makes, and
// what a dialect says also under MLflow's own keys, and what the span cost where
// it does not say that itself.
func (s *Span) MLflowAttrs() []Attr {
	t := translation{attrs: make([]Attr, 0, len(s.Attrs)+8)}
	for _, a := range s.Attrs {
		if a.Key != keyRequestID {
			t.attrs = append(t.attrs, Attr{a.Key, a.Value.Unwrapped()})
		}
	}
	t.add(keyRequestID, Text("tr-"+s.TraceID))
	t.kind()
	t.content(keyInputs, func(d *dialect) []string { return d.inputs })
	t.content(keyOutputs, func(d *dialect) []string { return d.outputs })
	t.usage()
	t.content(keyTools, func(d *dialect) []string { return d.tools })
	t.model()
	t.content(keyProvider, func(d *dialect) []string { return []string{d.provider} })
	if _, sent := t.find(keyCost); !sent && s.Cost.Known {
		t.add(keyCost, Value{Type: schema.ValueMap, Text: s.Cost.json()})
	}
	return t.attrs
}

// translation is a span's attributes on their way to MLflow's.
type translation struct{ attrs []Attr }

func (t *translation) add(key string, v Value) { t.attrs = append(t.attrs, Attr{key, v}) }

func (t *translation) find(key string) (Value, bool) { return find(t.attrs, key) }

func find(attrs []Attr, key string) (Value, bool) {
	i := slices.IndexFunc(attrs, func(a Attr) bool { return a.Key == key })
	if key == "" || i < 0 {
		return Value{}, false
	}
	return attrs[i].Value, true
}

// kind overrides a type that says nothing.
func (t *translation) kind() {
	sent := slices.IndexFunc(t.attrs, func(a Attr) bool { return a.Key == keyType })
	if sent >= 0 && t.attrs[sent].Value.Text != typeUnknown && t.attrs[sent].Value.says() {
		return
	}
	for i := range dialects {
		v, ok := t.find(dialects[i].kindKey)
		if !ok {
			continue
		}
		if name := dialects[i].kinds[v.Text]; name != "" {
			if sent >= 0 {
				t.attrs[sent].Value = Text(name)
			} else {
				t.add(keyType, Text(name))
			}
			return
		}
	}
}

// content copies the first value that says anything to MLflow's key.
func (t *translation) content(key string, of func(*dialect) []string) {
	if _, ok := t.find(key); ok {
		return
	}
	for i := range dialects {
		for _, from := range of(&dialects[i]) {
			if v, ok := t.find(from); ok && v.says() {
				t.add(key, v)
				return
			}
		}
	}
}

// model is the one that a dialect names, else the one that the input or the
// output is of.
func (t *translation) model() {
	t.content(keyModel, func(d *dialect) []string { return d.models })
	for _, key := range []string{keyInputs, keyOutputs} {
		if _, ok := t.find(keyModel); ok {
			return
		}
		v, ok := t.find(key)
		if !ok || v.Type != schema.ValueMap {
			continue
		}
		if name, ok := find(ParseAttrs(v.Text), "model"); ok && name.Type == schema.ValueString && name.says() {
			t.add(keyModel, name)
		}
	}
}

// usage makes MLflow's usage of the first dialect that counts tokens.
func (t *translation) usage() {
	if _, ok := t.find(keyUsage); ok {
		return
	}
	for i := range dialects {
		if text := t.usageOf(&dialects[i]); text != "" {
			t.add(keyUsage, Value{Type: schema.ValueMap, Text: text})
			return
		}
	}
}

func (t *translation) usageOf(d *dialect) string {
	count := func(key string) (int64, bool) {
		v, ok := t.find(key)
		if !ok {
			return 0, false
		}
		return v.integer()
	}
	input, hasInput := count(d.input)
	output, hasOutput := count(d.output)
	total, hasTotal := count(d.total)
	if !hasTotal && hasInput && hasOutput {
		total, hasTotal = input+output, true
	}
	var members []string
	member := func(name string, n int64, ok bool) {
		if ok {
			members = append(members, fmt.Sprintf("%q:%d", name, n))
		}
	}
	member(usageInput, input, hasInput)
	member(usageOutput, output, hasOutput)
	member(usageTotal, total, hasTotal)
	if len(members) == 0 {
		return ""
	}
	read, hasRead := count(d.cacheRead)
	member(usageCacheRead, read, hasRead)
	creation, hasCreation := count(d.cacheCreation)
	if !hasCreation {
		creation, hasCreation = count(d.cacheLegacy)
	}
	member(usageCacheCreation, creation, hasCreation)
	return "{" + strings.Join(members, ",") + "}"
}

// KnownKeys are the attribute keys that a trace's info may depend on. Tags of
// the trace are attributes too: those that begin with TagPrefix.
func KnownKeys() []string {
	keys := []string{keyRequestID, keyInputs, keyOutputs, keyUsage, keyCost, keySession, keyConversation, keyUser}
	for _, d := range dialects {
		keys = slices.Concat(keys, d.inputs, d.outputs,
			[]string{d.input, d.output, d.total, d.cacheRead, d.cacheCreation, d.cacheLegacy})
	}
	slices.Sort(keys)
	return slices.DeleteFunc(slices.Compact(keys), func(k string) bool { return k == "" })
}

// TagPrefix begins attributes of a root span that are tags of its trace.
const TagPrefix = keyTagPrefix

// TypeRule says which values of an attribute make which span type.
type TypeRule struct {
	Key   string
	Types [][2]string // value, type
}

// TypeRules are the dialects' span types, in the order in which they count.
func TypeRules() []TypeRule {
	var rules []TypeRule
	for _, d := range dialects {
		if d.kindKey == "" {
			continue
		}
		rule := TypeRule{Key: d.kindKey}
		for _, value := range slices.Sorted(maps.Keys(d.kinds)) {
			rule.Types = append(rule.Types, [2]string{value, d.kinds[value]})
		}
		rules = append(rules, rule)
	}
	return rules
}
