package semconv

import (
	"strings"
	"time"

	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/otlp"
)

// Events that carry content, where no attribute does (R8): first the one that
// holds all of it, then one for each message, then those of the oldest SDKs.
const (
	detailsEvent    = "gen_ai.client.inference.operation.details"
	choiceEvent     = "gen_ai.choice"
	promptEvent     = "gen_ai.content.prompt"
	completionEvent = "gen_ai.content.completion"
	outputMessages  = "gen_ai.output.messages"
)

// messageRoles are the events of one message each, and whose it is.
var messageRoles = map[string]string{
	"gen_ai.system.message":    "system",
	"gen_ai.user.message":      "user",
	"gen_ai.assistant.message": "assistant",
	"gen_ai.tool.message":      "tool",
}

func (n *Normalizer) eventInput(events []schema.SpanEvent, out *schema.GenAI) string {
	if len(events) == 0 {
		return ""
	}
	text := n.eventAttr(events, detailsEvent, inputMessages)
	if text == "" {
		text = n.eventMessages(events, func(name string) string { return messageRoles[name] })
	}
	if text == "" {
		text = n.eventAttr(events, promptEvent, "gen_ai.prompt")
	}
	return foldedText(text, out)
}

func (n *Normalizer) eventOutput(events []schema.SpanEvent, out *schema.GenAI) string {
	if len(events) == 0 {
		return ""
	}
	text := n.eventAttr(events, detailsEvent, outputMessages)
	if text == "" {
		text = n.eventMessages(events, choiceRole)
	}
	if text == "" {
		text = n.eventAttr(events, completionEvent, "gen_ai.completion")
	}
	if text == "" && n.spoken&n.table.claude != 0 {
		text = n.eventAttr(events, "tool.output", "output")
	}
	return foldedText(text, out)
}

func choiceRole(name string) string {
	if name == choiceEvent {
		return "assistant"
	}
	return ""
}

func foldedText(text string, out *schema.GenAI) string {
	if text != "" {
		out.ContentFlags |= schema.ContentFolded
	}
	return text
}

// eventAttr gives the first non-empty value that an event of the name has
// under key.
func (n *Normalizer) eventAttr(events []schema.SpanEvent, name, key string) string {
	for i := range events {
		if events[i].Name != name {
			continue
		}
		for j := range events[i].Attrs {
			a := &events[i].Attrs[j]
			if a.Key != key {
				continue
			}
			if a.Value.Type != schema.ValueString {
				return n.render(&a.Value)
			}
			if !emptyText(a.Value.Str) {
				return a.Value.Str
			}
		}
	}
	return ""
}

// eventMessages makes a list of the events that role knows, in their order.
func (n *Normalizer) eventMessages(events []schema.SpanEvent, role func(name string) string) string {
	start := len(n.made)
	for i := range events {
		r := role(events[i].Name)
		if r == "" {
			continue
		}
		separator := byte(',')
		if len(n.made) == start {
			separator = '['
		}
		n.made = append(n.made, separator)
		n.appendMessage(events[i].Attrs, r)
	}
	if len(n.made) == start {
		return ""
	}
	n.made = append(n.made, ']')
	return alias(n.made[start:])
}

// appendMessage makes an object of an event: its attributes but those that
// name the provider, or the object that one attribute holds in full.
func (n *Normalizer) appendMessage(attrs []schema.Attr, role string) {
	for i := range attrs {
		v := &attrs[i].Value
		switch {
		case attrs[i].Key == "role" && v.Type == schema.ValueString && v.Str != "":
			role = v.Str
		case attrs[i].Key == "gen_ai.event.content" && v.Type == schema.ValueString && wholeObject(v.Str):
			n.appendBody(v.Str, role)
			return
		}
	}
	n.made = append(n.made, `{"role":`...)
	n.made = otlp.AppendJSON(n.made, *stringValue(role))
	for i := range attrs {
		switch attrs[i].Key {
		case "role", "event.name", "gen_ai.system", "gen_ai.provider.name":
			continue
		}
		n.made = append(n.made, ',')
		n.made = append(otlp.AppendJSON(n.made, *stringValue(attrs[i].Key)), ':')
		n.made = otlp.AppendJSON(n.made, attrs[i].Value)
	}
	n.made = append(n.made, '}')
}

func wholeObject(s string) bool { return len(s) > 2 && s[0] == '{' && s[len(s)-1] == '}' }

// appendBody appends an object as it is, with the role if it has none.
func (n *Normalizer) appendBody(body, role string) {
	if lookup(body, "role") == "" {
		n.made = append(n.made, `{"role":`...)
		n.made = append(otlp.AppendJSON(n.made, *stringValue(role)), ',')
		body = body[1:]
	}
	n.made = append(n.made, body...)
}

// exceptionType is the error type of a span that recorded an exception.
func exceptionType(events []schema.SpanEvent) string {
	for i := range events {
		if events[i].Name != "exception" && events[i].Name != "gen_ai.client.operation.exception" {
			continue
		}
		for _, a := range events[i].Attrs {
			if a.Key == "exception.type" && a.Value.Type == schema.ValueString && a.Value.Str != "" {
				return a.Value.Str
			}
		}
	}
	return ""
}

// firstToken is the time to the first token: as told, else from the moment
// that was told, else from the first event that stands for a chunk.
func (n *Normalizer) firstToken(span *schema.Span) schema.Count {
	told := n.count(ttftSeconds)
	if n.precedes(ttftMillis, ttftSeconds) {
		told = n.count(ttftMillis)
	}
	if told.Set {
		return told
	}
	if moment, ok := momentOf(n.text(firstTokenTime)); ok {
		return since(span, moment)
	}
	first := uint64(0)
	for i := range span.Events {
		if e := &span.Events[i]; chunkEvent(e.Name) && (first == 0 || e.TimeUnixNano < first) {
			first = e.TimeUnixNano
		}
	}
	return since(span, first)
}

func chunkEvent(name string) bool {
	switch name {
	case "ai.stream.firstChunk", "First Token Stream Event", "llm.content.completion.chunk", "gen_ai.content.completion.chunk", "mlflow.chunk.item.0":
		return true
	}
	return false
}

// since is the time from the span's start to a moment, if it lies behind it.
func since(span *schema.Span, moment uint64) schema.Count {
	if span.StartUnixNano == 0 || moment < span.StartUnixNano {
		return schema.Count{}
	}
	return schema.Count{N: moment - span.StartUnixNano, Set: true}
}

// momentOf reads a time in Unix nanoseconds, however many quotes it is in.
func momentOf(text string) (uint64, bool) {
	if text == "" {
		return 0, false
	}
	t, err := time.Parse(time.RFC3339Nano, strings.Trim(text, `"\ `))
	if err != nil || t.Year() < 1970 || t.Year() > 2261 {
		return 0, false
	}
	return uint64(t.UnixNano()), true
}
