package semconv

import (
	"math"
	"strings"

	"github.com/spanmill/spanmill/pkg/schema"
)

// fillUsage takes what the span reports. Counts that leave out their own parts
// are completed here where the dialect says so, and in mendUsage where the
// numbers do (R5).
func (n *Normalizer) fillUsage(out *schema.GenAI) {
	if strings.EqualFold(out.Operation, fetchResponse) {
		return // a call that was paid for before
	}
	out.TotalTokens = n.count(totalTokens)
	out.CacheReadTokens = n.count(cacheReadTokens)
	out.CacheWriteTokens = n.count(cacheWriteTokens)
	out.CacheWrite1hTokens = n.count(cacheWrite1hTokens)
	out.ReasoningTokens = n.count(reasoningTokens)
	out.AudioInputTokens = n.count(audioInputTokens)
	out.AudioOutputTokens = n.count(audioOutputTokens)
	if !out.CacheWriteTokens.Set {
		out.CacheWriteTokens = sum(n.count(cacheWrite5mTokens), out.CacheWrite1hTokens)
	}
	out.InputTokens = n.count(inputTokens)
	if n.precedes(uncachedTokens, inputTokens) {
		out.InputTokens = n.count(uncachedTokens)
		add(&out.InputTokens, sum(out.CacheReadTokens, out.CacheWriteTokens), out, schema.UsageCacheAdded)
	}
	out.OutputTokens = n.count(outputTokens)
	if n.precedes(spokenTokens, outputTokens) {
		out.OutputTokens = n.count(spokenTokens)
		add(&out.OutputTokens, out.ReasoningTokens, out, schema.UsageReasoningAdded)
	}
}

// precedes reports whether column c was found in an earlier place than other.
func (n *Normalizer) precedes(c, other column) bool {
	return n.counts[c-textColumns].rank < n.counts[other-textColumns].rank
}

// mendUsage makes counts inclusive that cannot be (R5): a part that is larger
// than the whole was not counted in it. An embedding has no output, so that a
// lone total is its input.
func mendUsage(out *schema.GenAI) {
	if out.Kind == kindEmbedding && !out.InputTokens.Set && !out.OutputTokens.Set {
		out.InputTokens = out.TotalTokens
	}
	if cached := sum(out.CacheReadTokens, out.CacheWriteTokens); cached.N > out.InputTokens.N {
		add(&out.InputTokens, cached, out, schema.UsageCacheAdded)
	}
	if out.ReasoningTokens.N > out.OutputTokens.N {
		add(&out.OutputTokens, out.ReasoningTokens, out, schema.UsageReasoningAdded)
	}
}

// add puts a part into the whole that left it out.
func add(whole *schema.Count, part schema.Count, out *schema.GenAI, flag schema.UsageFlags) {
	if part.N > 0 {
		*whole = sum(*whole, part)
		out.UsageFlags |= flag
	}
}

func sum(a, b schema.Count) schema.Count {
	return schema.Count{N: addSaturated(a.N, b.N), Set: a.Set || b.Set}
}

func addSaturated(a, b uint64) uint64 {
	if a > math.MaxUint64-b {
		return math.MaxUint64
	}
	return a + b
}

// fillCost takes the reported cost, itemised before lump sum (R7): the total of
// the items as sent, else their sum.
func (n *Normalizer) fillCost(out *schema.GenAI) {
	out.CostInputNano, out.CostOutputNano = n.count(costInput), n.count(costOutput)
	out.CostNano, out.CostDetailed = n.count(costDetail), true
	if !out.CostNano.Set && out.CostInputNano.Set && out.CostOutputNano.Set {
		out.CostNano = sum(out.CostInputNano, out.CostOutputNano)
	}
	if !out.CostNano.Set {
		out.CostNano, out.CostDetailed = n.count(costTotal), false
	}
	if !out.CostNano.Set {
		out.CostNano = sum(out.CostInputNano, out.CostOutputNano)
		out.CostDetailed = out.CostNano.Set
	}
	out.CostNano.N = min(out.CostNano.N, math.MaxInt64)
}

// geminiFormat is MLflow's name for calls of Google's SDK.
const geminiFormat = "gemini"

// repeats are what MLflow calls spans around the requests that a method of
// Google's SDK comes to. Each of those has a span of its own, _generate_content;
// an answer that calls tools takes several.
var repeats = map[string]bool{
	"Models.generate_content": true, "AsyncModels.generate_content": true,
	"Chat.send_message": true, "AsyncChat.send_message": true,
}

// mendGemini completes what MLflow counts of Google's answers: their thoughts
// are in the total only.
func mendGemini(out *schema.GenAI) {
	told := addSaturated(out.InputTokens.N, out.OutputTokens.N)
	if out.OutputTokens.Set && !out.ReasoningTokens.Set && out.TotalTokens.N > told {
		out.ReasoningTokens = schema.Count{N: out.TotalTokens.N - told, Set: true}
		add(&out.OutputTokens, out.ReasoningTokens, out, schema.UsageReasoningAdded)
	}
}

// billable decides R6, by the span alone.
func (n *Normalizer) billable(span *schema.Span, out *schema.GenAI) bool {
	switch out.Kind {
	case kindLLM, kindEmbedding, kindReranker:
		if n.text(clientFormat) == geminiFormat && repeats[span.Name] {
			return false
		}
		return !strings.EqualFold(out.Operation, fetchResponse)
	case kindGuardrail, kindEvaluator:
		return out.Model != ""
	}
	return false
}
