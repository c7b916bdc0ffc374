package semconv

import (
	"strings"

	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/otlp"
)

// fillContent takes input and output from their best sources, attributes before
// events (R8). Arguments of a tool call are input only of the tool.
func (n *Normalizer) fillContent(span *schema.Span, out *schema.GenAI) {
	in := n.best[n.forKind(out, kindTool, input, toolInput)]
	out.Input, out.InputAttr, out.InputKey = n.content(in, out)
	if in.rank == noRank {
		out.Input = n.eventInput(span.Events, out)
	} else if n.best[instructions].rank != noRank && n.hits[in.hit].source.key == inputMessages {
		n.addInstructions(out)
	}
	answer, calls := n.best[output], n.best[toolCalls]
	switch {
	case calls.rank < answer.rank || calls.rank != noRank && calls.rank == answer.rank+toolCallStep:
		out.OutputAttr = -1
		out.Output = n.answerWithCalls(answer, calls, out)
	case answer.rank == noRank:
		out.OutputAttr = -1
		out.Output = n.eventOutput(span.Events, out)
	default:
		out.Output, out.OutputAttr, out.OutputKey = n.content(answer, out)
	}
}

// content gives a candidate's text, and the attribute it stands for if the text
// is all of it.
func (n *Normalizer) content(c candidate, out *schema.GenAI) (text string, attr int, key string) {
	if c.rank == noRank {
		return "", -1, ""
	}
	h := &n.hits[c.hit]
	if h.source.fold != nil {
		out.ContentFlags |= schema.ContentFolded
		start := len(n.made)
		n.appendTree(n.fold(h.source.fold))
		return alias(n.made[start:]), -1, ""
	}
	switch h.value.Type {
	case schema.ValueArray, schema.ValueMap:
		return n.render(h.value), h.attr, h.source.key
	case schema.ValueString:
		text = n.decoded(h)
		if n.cutOff(h, text) {
			out.ContentFlags |= schema.ContentTruncated
		}
		if len(text) == len(h.value.Str) {
			return text, h.attr, h.source.key
		}
		return text, -1, "" // a layer was taken off
	default:
		return n.valueText(h), -1, "" // its type is not in the text
	}
}

// cutOff reports whether text that is to be JSON ends early (R10): SDKs cut
// attributes at their limit. Only the ends are looked at.
func (n *Normalizer) cutOff(h *hit, text string) bool {
	if n.encoded && h.source.encoded && strings.HasPrefix(text, `"`) && len(text) == len(h.value.Str) {
		return true // no JSON string, or it would have been decoded
	}
	text = trim(text)
	if !h.source.jsonText || text == "" {
		return false
	}
	switch last := text[len(text)-1]; text[0] {
	case '{':
		return last != '}'
	case '[':
		return last != ']'
	}
	return false
}

// addInstructions puts the instructions before the messages, which are sent
// apart from them, unless the messages have some.
func (n *Normalizer) addInstructions(out *schema.GenAI) {
	if !strings.HasPrefix(out.Input, "[") || !strings.HasSuffix(out.Input, "]") {
		return
	}
	if hasSystemMessage(out.Input) {
		return
	}
	text := n.structuredText(&n.hits[n.best[instructions].hit])
	start := len(n.made)
	n.made = append(n.made, `[{"role":"system","parts":`...)
	switch {
	case strings.HasPrefix(text, "["):
		n.made = append(n.made, text...)
	default:
		n.made = append(n.made, `[{"type":"text","content":`...)
		n.made = append(otlp.AppendJSON(n.made, *stringValue(text)), "}]"...)
	}
	n.made = append(n.made, '}')
	if rest := trim(out.Input[1:]); rest != "]" {
		n.made = append(n.made, ',')
	}
	n.made = append(n.made, out.Input[1:]...)
	out.Input, out.InputAttr, out.InputKey = alias(n.made[start:]), -1, ""
	out.ContentFlags |= schema.ContentFolded
}

func hasSystemMessage(messages string) bool {
	const system = `"system"`
	if !strings.Contains(messages, system[1:]) {
		return false // known much sooner than by walking
	}
	e := arrayElements(messages)
	for message, ok := e.next(); ok; message, ok = e.next() {
		if lookup(message, "role") == system {
			return true
		}
	}
	return false
}

// toolCallStep is how far behind an answer's text, in the list of sources, the
// tool calls stand that belong to it.
const toolCallStep = 5

// answerWithCalls makes one message of what the AI SDK sends as two attributes.
func (n *Normalizer) answerWithCalls(answer, calls candidate, out *schema.GenAI) string {
	text := ""
	if calls.rank == answer.rank+toolCallStep {
		text = n.valueText(&n.hits[answer.hit])
	}
	list := n.structuredText(&n.hits[calls.hit])
	start := len(n.made)
	n.made = append(n.made, `{"role":"assistant","content":`...)
	n.made = otlp.AppendJSON(n.made, *stringValue(text))
	n.made = append(n.made, `,"tool_calls":`...)
	if strings.HasPrefix(list, "[") && strings.HasSuffix(list, "]") {
		n.made = append(n.made, list...)
	} else { // cut off
		n.made = otlp.AppendJSON(n.made, *stringValue(list))
		out.ContentFlags |= schema.ContentTruncated
	}
	n.made = append(n.made, '}')
	out.ContentFlags |= schema.ContentFolded
	return alias(n.made[start:])
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
