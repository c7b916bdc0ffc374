package semconv

import (
	"math"
	"strings"

	"github.com/spanmill/spanmill/pkg/schema"
)

// fill writes the winners to out and draws the conclusions.
func (n *Normalizer) fill(out *schema.GenAI) {
	*out = schema.GenAI{
		Operation:     n.text(operation),
		Provider:      n.provider(),
		Model:         n.text(model),
		RequestModel:  n.text(requestModel),
		ResponseModel: n.text(responseModel),

		InputTokens:      n.count(inputTokens),
		OutputTokens:     n.count(outputTokens),
		TotalTokens:      n.count(totalTokens),
		CacheReadTokens:  n.count(cacheReadTokens),
		CacheWriteTokens: n.count(cacheWriteTokens),
		ReasoningTokens:  n.count(reasoningTokens),
		CostNano:         n.count(cost),

		SessionID:    n.text(sessionID),
		UserID:       n.text(userID),
		ExperimentID: n.text(experimentID),
		ServiceName:  n.text(serviceName),
		Environment:  n.text(environment),
		AgentName:    n.text(agentName),
		ToolName:     n.text(toolName),
		ErrorType:    n.text(errorType),
	}
	if strings.EqualFold(out.Operation, fetchResponse) {
		dropUsage(out)
	}
	out.Kind = n.kind
	if out.Kind == "" {
		out.Kind = guessKind(out)
	}
	n.fillContent(out)
	if out.Model == "" {
		out.Model = n.modelInContent(out)
	}
	makeInclusive(out)
	out.Billable = billable(out)
}

func (n *Normalizer) count(c column) schema.Count {
	found := n.counts[c-textColumns]
	if found.rank == noRank {
		return schema.Count{}
	}
	return schema.Count{N: found.n, Set: true}
}

// dropUsage forgets what a span reports about a call that was paid for before.
func dropUsage(out *schema.GenAI) {
	out.InputTokens, out.OutputTokens, out.TotalTokens = schema.Count{}, schema.Count{}, schema.Count{}
	out.CacheReadTokens, out.CacheWriteTokens, out.ReasoningTokens = schema.Count{}, schema.Count{}, schema.Count{}
}

// guessKind takes a span that uses tokens of some model for a model call.
func guessKind(out *schema.GenAI) string {
	usage := out.InputTokens.Set || out.OutputTokens.Set || out.TotalTokens.Set
	if usage && (out.Model != "" || out.Provider != "") {
		return kindLLM
	}
	return kindUnknown
}

// billable decides R6, by the span alone.
func billable(out *schema.GenAI) bool {
	switch out.Kind {
	case kindLLM, kindEmbedding, kindReranker:
		return !strings.EqualFold(out.Operation, fetchResponse)
	case kindGuardrail, kindEvaluator:
		return out.Model != ""
	}
	return false
}

// makeInclusive mends counts that leave out their own parts (R5). A part that
// is larger than the whole cannot have been counted in it.
func makeInclusive(out *schema.GenAI) {
	cached := schema.Count{
		N:   addSaturated(out.CacheReadTokens.N, out.CacheWriteTokens.N),
		Set: out.CacheReadTokens.Set || out.CacheWriteTokens.Set,
	}
	include(&out.InputTokens, cached)
	include(&out.OutputTokens, out.ReasoningTokens)
}

func include(whole *schema.Count, part schema.Count) {
	if part.Set && part.N > whole.N {
		*whole = schema.Count{N: addSaturated(whole.N, part.N), Set: true}
	}
}

func addSaturated(a, b uint64) uint64 {
	if a > math.MaxUint64-b {
		return math.MaxUint64
	}
	return a + b
}

// fillContent takes input and output from their best sources (R8). Arguments
// of a tool call are input only of the tool.
func (n *Normalizer) fillContent(out *schema.GenAI) {
	in := n.best[input]
	if args := n.best[toolInput]; out.Kind == kindTool && args.rank < in.rank {
		in = args
	}
	out.Input, out.InputAttr, out.InputKey = n.content(in)
	out.Output, out.OutputAttr, out.OutputKey = n.content(n.best[output])
}

// content gives a candidate's text, and the attribute it stands for if the text
// is all of it.
func (n *Normalizer) content(c candidate) (text string, attr int, key string) {
	if c.rank == noRank {
		return "", -1, ""
	}
	h := &n.hits[c.hit]
	switch h.value.Type {
	case schema.ValueArray, schema.ValueMap:
		return n.render(h.value), h.attr, h.source.key
	case schema.ValueString:
		if text = n.decoded(h); len(text) == len(h.value.Str) {
			return text, h.attr, h.source.key
		}
		return text, -1, "" // a layer was taken off
	default:
		return n.valueText(h), -1, "" // its type is not in the text
	}
}

// modelInContent looks for the model in what an MLflow model call was given or
// answered: autologging of some clients puts it nowhere else.
func (n *Normalizer) modelInContent(out *schema.GenAI) string {
	if out.Kind != kindLLM && out.Kind != kindEmbedding {
		return ""
	}
	for _, c := range [...]column{input, output} {
		found := n.best[c]
		if found.rank == noRank || !n.hits[found.hit].source.encoded {
			continue
		}
		content := out.Input
		if c == output {
			content = out.Output
		}
		name, made, ok := unquote(n.made, lookup(content, "model"))
		if n.made = made; ok && name != "" {
			return name
		}
	}
	return ""
}
