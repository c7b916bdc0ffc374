package semconv

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math"
	"slices"
	"strings"

	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/otlp"
)

// Reasons why a log record says nothing that is kept.
const (
	LogNoTrace    = "no_trace_context"   // whom it is about is not said
	LogUnknown    = "not_a_genai_event"  // an ordinary log line
	LogEmpty      = "no_content"         // a content event without content
	LogNoName     = "no_evaluation_name" // an evaluation result of nothing
	LogBadScore   = "bad_score"          // an evaluation result that is no number
	EvaluationLog = "gen_ai.evaluation.result"
	detailsLog    = "gen_ai.client.inference.operation.details"
)

// contentLog says where an event has content and what it is. Without a key the
// content is the record's body.
type contentLog struct {
	key    string
	output bool
	role   string
}

// contentLogs are the content events of the GenAI conventions by name: those
// of v1.37 and later first, then the five message events of v1.28 to v1.36 and
// what came before them (rule R8).
var contentLogs = map[string][]contentLog{
	detailsLog: {
		{key: "gen_ai.system_instructions", role: "system"},
		{key: "gen_ai.input.messages"},
		{key: "gen_ai.output.messages", output: true},
	},
	"gen_ai.system.message":     {{role: "system"}},
	"gen_ai.user.message":       {{role: "user"}},
	"gen_ai.assistant.message":  {{role: "assistant"}},
	"gen_ai.tool.message":       {{role: "tool"}},
	"gen_ai.choice":             {{output: true, role: "assistant"}},
	"gen_ai.content.prompt":     {{key: "gen_ai.prompt"}},
	"gen_ai.content.completion": {{key: "gen_ai.completion", output: true}},
}

// LogEvents gives what a log record tells: the content of a span (one event for
// what went in, one for what came out), an assessment, or a business event. What
// else a content record says, its attributes, is with the first event alone. The
// reason says why it tells nothing; then there are no events. Sent again, a
// record gives the same events. They keep nothing of the record.
func LogEvents(r *schema.LogRecord) (events []schema.Event, reason string) {
	contents, isContent := contentLogs[r.EventName]
	switch {
	case isBusiness(r.EventName):
		return business(r)
	case r.EventName != EvaluationLog && !isContent:
		return nil, LogUnknown
	case r.TraceID.IsZero(), isContent && r.SpanID.IsZero():
		return nil, LogNoTrace
	case !isContent:
		return evaluation(r)
	}
	for _, c := range contents {
		if body := contentOf(r, c.key); body != "" {
			events = append(events, contentEvent(r, c, body))
		}
	}
	if len(events) == 0 {
		return nil, LogEmpty
	}
	noteAttrs(r, events)
	return events, ""
}

// contentOf is an attribute or the body as JSON text, or "". Text that is not
// JSON becomes a JSON string.
func contentOf(r *schema.LogRecord, key string) string {
	v := r.Body
	if key != "" {
		a := attrOf(r, key)
		if a == nil {
			return ""
		}
		v = *a
	}
	if v.Type == schema.ValueString {
		if v.Str == "" || json.Valid([]byte(v.Str)) && strings.ContainsAny(v.Str[:1], "[{") {
			return strings.Clone(v.Str)
		}
	}
	if text := string(otlp.AppendJSON(nil, v)); text != "null" && text != "{}" && text != "[]" {
		return text
	}
	return ""
}

func contentEvent(r *schema.LogRecord, c contentLog, body string) schema.Event {
	content := &schema.Content{
		SpanID: r.SpanID.String(), EventName: strings.Clone(r.EventName), TimeNano: r.TimeUnixNano,
		Output: c.output, Role: c.role, Body: body,
	}
	// A choice says itself which one it is.
	var choice struct {
		Index int32 `json:"index"`
	}
	if r.EventName == "gen_ai.choice" && json.Unmarshal([]byte(body), &choice) == nil {
		content.Index = choice.Index
	}
	return schema.Event{Kind: schema.EventContent, TraceID: r.TraceID.String(), Content: content}
}

// noteAttrs gives all events the record's session, and the first one its other
// attributes but those that are content.
func noteAttrs(r *schema.LogRecord, events []schema.Event) {
	first := events[0].Content
	for i := range r.Attrs {
		a := &r.Attrs[i]
		switch {
		case a.Key == "gen_ai.conversation.id" || a.Key == "session.id":
			first.SessionID = text(a.Value)
		case a.Key == "event.name" || isContentKey(r.EventName, a.Key):
		default:
			if first.Attrs == nil {
				first.Attrs = map[string]string{}
			}
			first.Attrs[strings.Clone(a.Key)] = text(a.Value)
		}
	}
	for _, e := range events[1:] {
		e.Content.SessionID = first.SessionID
	}
}

func isContentKey(event, key string) bool {
	for _, c := range contentLogs[event] {
		if c.key != "" && c.key == key {
			return true
		}
	}
	return false
}

// evaluation makes feedback of an evaluation result. Its id is a function of
// trace, span, name and time: the same result sent again is the same feedback.
func evaluation(r *schema.LogRecord) ([]schema.Event, string) {
	at := int64(r.TimeUnixNano / 1e6)
	f := &schema.Assessment{
		Mask: schema.AssessmentAll, SourceType: "CODE", SourceID: r.Scope.Name, Type: "feedback", Valid: true,
		CreateMilli: at, UpdateMilli: at,
	}
	f.SourceID = strings.Clone(f.SourceID)
	if !r.SpanID.IsZero() {
		f.SpanID = r.SpanID.String()
	}
	var label string
	for i := range r.Attrs {
		switch a := &r.Attrs[i]; a.Key {
		case "gen_ai.evaluation.name":
			f.Name = text(a.Value)
		case "gen_ai.evaluation.score.value":
			if f.Value = score(a.Value); f.Value == "" {
				return nil, LogBadScore
			}
		case "gen_ai.evaluation.score.label":
			label = text(a.Value)
		case "gen_ai.evaluation.explanation":
			f.Rationale = text(a.Value)
		case "error.type":
			f.Error = &schema.AssessmentError{Code: text(a.Value)}
		case "event.name":
		case "gen_ai.request.model", "gen_ai.response.model":
			f.SourceType = "LLM_JUDGE" // it was a model that judged
			note(f, a.Key, text(a.Value))
		default:
			note(f, a.Key, text(a.Value))
		}
	}
	switch {
	case f.Name == "":
		return nil, LogNoName
	case f.Value == "" && label != "":
		f.Value = string(otlp.AppendJSON(nil, schema.Value{Type: schema.ValueString, Str: label}))
	case label != "":
		note(f, "gen_ai.evaluation.score.label", label)
	case f.Value == "" && f.Error == nil:
		return nil, LogEmpty
	}
	f.ID = evaluationID(r, f.Name)
	return []schema.Event{{Kind: schema.EventAssessment, TraceID: r.TraceID.String(), Assessment: f}}, ""
}

// note keeps what else an evaluation says.
func note(f *schema.Assessment, key, value string) {
	if f.Metadata == nil {
		f.Metadata = map[string]string{}
	}
	f.Metadata[strings.Clone(key)] = value
}

// score is a number as JSON, or "".
func score(v schema.Value) string {
	switch v.Type {
	case schema.ValueInt, schema.ValueBool:
	case schema.ValueDouble:
		if f := v.Double(); math.IsNaN(f) || math.IsInf(f, 0) {
			return ""
		}
	default:
		return ""
	}
	return string(otlp.AppendJSON(nil, v))
}

func evaluationID(r *schema.LogRecord, name string) string {
	key := slices.Concat(r.TraceID[:], r.SpanID[:], []byte(name))
	key = binary.BigEndian.AppendUint64(key, r.TimeUnixNano)
	sum := sha256.Sum256(key)
	return "a-" + hex.EncodeToString(sum[:16])
}

// text is an attribute's value as owned text: a string as it is, else its JSON.
func text(v schema.Value) string {
	if v.Type == schema.ValueString {
		return strings.Clone(v.Str)
	}
	return string(otlp.AppendJSON(nil, v))
}

func attrOf(r *schema.LogRecord, key string) *schema.Value {
	for i := range r.Attrs {
		if r.Attrs[i].Key == key {
			return &r.Attrs[i].Value
		}
	}
	return nil
}
