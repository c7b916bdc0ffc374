package mlflow

import (
	"encoding/json"

	"github.com/spanmill/spanmill/internal/query"
)

// fileSpan is a span in traces.json, the file that MLflow kept traces in before
// it had a table for them.
type fileSpan struct {
	TraceID    string            `json:"trace_id"`
	SpanID     string            `json:"span_id"`
	ParentID   *string           `json:"parent_span_id"`
	Name       string            `json:"name"`
	Start      uint64            `json:"start_time_unix_nano"`
	End        uint64            `json:"end_time_unix_nano"`
	Events     []fileEvent       `json:"events"`
	Status     fileStatus        `json:"status"`
	Attributes map[string]string `json:"attributes"` // of JSON text
	Links      []fileLink        `json:"links"`
}

type fileStatus struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

type fileEvent struct {
	Name       string                     `json:"name"`
	Time       uint64                     `json:"time_unix_nano"`
	Attributes map[string]json.RawMessage `json:"attributes"`
}

type fileLink struct {
	TraceID    string                     `json:"trace_id"`
	SpanID     string                     `json:"span_id"`
	Attributes map[string]json.RawMessage `json:"attributes,omitempty"`
}

func fileSpanOf(s *query.Span) fileSpan {
	f := fileSpan{
		TraceID: idText(s.TraceID), SpanID: idText(s.SpanID), Name: s.Name, Start: s.StartUnixNano, End: s.EndUnixNano,
		Status:     fileStatus{statusName(s.StatusCode), s.StatusMessage},
		Attributes: map[string]string{}, Events: []fileEvent{}, Links: []fileLink{},
	}
	if s.ParentSpanID != "" {
		parent := idText(s.ParentSpanID)
		f.ParentID = &parent
	}
	for _, a := range s.MLflowAttrs() {
		f.Attributes[a.Key] = a.Value.JSON()
	}
	for _, e := range s.Events {
		f.Events = append(f.Events, fileEvent{e.Name, e.TimeUnixNano, rawMap(e.Attrs)})
	}
	for _, l := range s.Links {
		f.Links = append(f.Links, fileLink{query.GivenID(l.TraceID), l.SpanID, rawMap(l.Attrs)})
	}
	return f
}

// rawMap gives attributes as one JSON object; what is no number is a string in
// it.
func rawMap(attrs []query.Attr) map[string]json.RawMessage {
	m := make(map[string]json.RawMessage, len(attrs))
	for _, a := range attrs {
		text := a.Value.JSON()
		if !json.Valid([]byte(text)) {
			text = query.Text(text).JSON()
		}
		m[a.Key] = json.RawMessage(text)
	}
	return m
}

// spansJSON gives the file of a trace's spans, once they are all there.
func (s *Server) spansJSON(c *call, given string) (answer, error) {
	if s.deps.Reader == nil {
		return s.forward(c)
	}
	trace, found, err := s.oneTrace(c, given, false)
	if err != nil {
		return answer{}, err
	}
	if !found {
		return answer{}, missing("Trace with ID '" + given + "' not found.")
	}
	spans := make([]fileSpan, len(trace.Spans))
	for i := range trace.Spans {
		spans[i] = fileSpanOf(&trace.Spans[i])
	}
	return reply(struct {
		Spans []fileSpan `json:"spans"`
	}{spans})
}

func (s *Server) legacyInfo(c *call) (answer, error) {
	info, err := s.oneInfo(c, c.PathValue("trace"))
	if err != nil {
		return answer{}, err
	}
	return reply(struct {
		Info legacyInfoJSON `json:"trace_info"`
	}{legacyOf(&info)})
}
