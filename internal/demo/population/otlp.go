package population

import (
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"
)

// The members of an OTLP request in JSON that the population needs.
type (
	otlpValue struct {
		String *string  `json:"stringValue,omitempty"`
		Int    *string  `json:"intValue,omitempty"`
		Double *float64 `json:"doubleValue,omitempty"`
	}
	otlpAttr struct {
		Key   string    `json:"key"`
		Value otlpValue `json:"value"`
	}
	otlpSpan struct {
		TraceID string         `json:"traceId"`
		SpanID  string         `json:"spanId"`
		Parent  string         `json:"parentSpanId,omitempty"`
		Name    string         `json:"name"`
		Start   string         `json:"startTimeUnixNano"`
		End     string         `json:"endTimeUnixNano"`
		Attrs   []otlpAttr     `json:"attributes"`
		Status  map[string]int `json:"status,omitempty"`
	}
)

func text(key, v string) otlpAttr { return otlpAttr{key, otlpValue{String: &v}} }

func whole(key string, v int64) otlpAttr {
	s := strconv.FormatInt(v, 10)
	return otlpAttr{key, otlpValue{Int: &s}}
}

// spans are a turn's: the agent's, and the model call that cost something.
func (t *Turn) spans(s *Session) []otlpSpan {
	trace, root, call := t.ids()
	half := t.Start.Add(t.End.Sub(t.Start) / 2)
	nano := func(at time.Time) string { return strconv.FormatInt(at.UnixNano(), 10) }
	agent := otlpSpan{
		TraceID: hex.EncodeToString(trace[:]), SpanID: hex.EncodeToString(root[:]), Name: "turn", Start: nano(t.Start), End: nano(half),
		Attrs: []otlpAttr{text("openinference.span.kind", "AGENT"), text("session.id", s.ID), text("user.id", s.User), text("input.value", "how")},
	}
	if t.Failed {
		agent.Status = map[string]int{"code": 2}
	} else {
		agent.Status = map[string]int{"code": 1}
	}
	if !t.Unanswered {
		agent.Attrs = append(agent.Attrs, text("output.value", "fine"))
	}
	cost := float64(t.CostNano) / 1e9
	model := otlpSpan{
		TraceID: agent.TraceID, SpanID: hex.EncodeToString(call[:]), Parent: agent.SpanID, Name: "answer", Start: nano(half), End: nano(t.End),
		Attrs: []otlpAttr{
			text("openinference.span.kind", "LLM"), text("llm.model_name", "population-1"),
			{"llm.cost.total", otlpValue{Double: &cost}},
			whole("llm.token_count.prompt", t.Input), whole("llm.token_count.completion", t.Output),
		},
	}
	return []otlpSpan{agent, model}
}

// Requests give the sessions' traces as OTLP requests in JSON, of about so many
// traces each.
func Requests(sessions []Session, traces int) (out [][]byte, err error) {
	var spans []otlpSpan
	flush := func() error {
		body, err := json.Marshal(map[string]any{"resourceSpans": []any{map[string]any{
			"resource":   map[string]any{"attributes": []otlpAttr{text("service.name", "shop")}},
			"scopeSpans": []any{map[string]any{"scope": map[string]any{"name": "population"}, "spans": spans}},
		}}})
		out, spans = append(out, body), nil
		return err
	}
	for i := range sessions {
		for j := range sessions[i].Turns {
			spans = append(spans, sessions[i].Turns[j].spans(&sessions[i])...)
		}
		if len(spans) >= 2*traces || i == len(sessions)-1 {
			if err := flush(); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}
