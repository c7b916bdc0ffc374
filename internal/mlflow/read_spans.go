package mlflow

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/spanmill/spanmill/internal/query"
	"github.com/spanmill/spanmill/pkg/schema"
)

// spanMessage is a span as MLflow's server writes it: protobuf's JSON of OTLP,
// with names in snake_case, ids in base64 and 64-bit integers as numbers.
type spanMessage struct {
	TraceID    string             `json:"trace_id"`
	SpanID     string             `json:"span_id"`
	ParentID   string             `json:"parent_span_id,omitempty"`
	Name       string             `json:"name,omitempty"`
	Start      uint64             `json:"start_time_unix_nano,omitempty"`
	End        uint64             `json:"end_time_unix_nano,omitempty"`
	Attributes []attributeMessage `json:"attributes,omitempty"`
	Events     []eventMessage     `json:"events,omitempty"`
	Links      []linkMessage      `json:"links,omitempty"`
	Status     statusMessage      `json:"status"`
}

type statusMessage struct {
	Message string `json:"message,omitempty"`
	Code    string `json:"code,omitempty"`
}

type attributeMessage struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value,omitempty"` // none: a value that says nothing
}

type eventMessage struct {
	Time       uint64             `json:"time_unix_nano,omitempty"`
	Name       string             `json:"name,omitempty"`
	Attributes []attributeMessage `json:"attributes,omitempty"`
}

type linkMessage struct {
	TraceID    string             `json:"trace_id"`
	SpanID     string             `json:"span_id"`
	Attributes []attributeMessage `json:"attributes,omitempty"`
}

func spanMessageOf(s *query.Span) spanMessage {
	m := spanMessage{
		TraceID: idText(s.TraceID), SpanID: idText(s.SpanID), ParentID: idText(s.ParentSpanID),
		Name: s.Name, Start: s.StartUnixNano, End: s.EndUnixNano,
		Attributes: attributeMessages(s.MLflowAttrs()),
		Status:     statusMessage{Message: s.StatusMessage},
	}
	if s.StatusCode != 0 {
		m.Status.Code = statusName(s.StatusCode)
	}
	for _, e := range s.Events {
		m.Events = append(m.Events, eventMessage{e.TimeUnixNano, e.Name, attributeMessages(e.Attrs)})
	}
	for _, l := range s.Links {
		m.Links = append(m.Links, linkMessage{idText(l.TraceID), idText(l.SpanID), attributeMessages(l.Attrs)})
	}
	return m
}

func statusName(code int) string {
	switch code {
	case 1:
		return "STATUS_CODE_OK"
	case 2:
		return "STATUS_CODE_ERROR"
	}
	return "STATUS_CODE_UNSET"
}

// idText is an id in base64, of one in hexadecimal.
func idText(id string) string {
	raw, err := hex.DecodeString(id)
	if err != nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString(raw)
}

func attributeMessages(attrs []query.Attr) []attributeMessage {
	var all []attributeMessage
	for _, a := range attrs {
		m := attributeMessage{Key: a.Key}
		if a.Value.Type != schema.ValueEmpty {
			m.Value = appendAnyValue(nil, a.Value)
		}
		all = append(all, m)
	}
	return all
}

// appendAnyValue writes a value as protobuf's JSON of OTLP's AnyValue.
func appendAnyValue(dst []byte, v query.Value) []byte {
	switch v.Type {
	case schema.ValueString:
		dst = append(dst, `{"string_value":`...)
		dst = append(dst, v.JSON()...)
	case schema.ValueBool:
		dst = append(dst, `{"bool_value":`...)
		dst = strconv.AppendBool(dst, v.Num != 0)
	case schema.ValueInt:
		dst = append(dst, `{"int_value":`...)
		dst = strconv.AppendInt(dst, int64(v.Num), 10)
	case schema.ValueDouble:
		dst = append(dst, `{"double_value":`...)
		dst = appendDouble(dst, math.Float64frombits(v.Num))
	case schema.ValueBytes, schema.ValueRaw:
		dst = append(dst, `{"bytes_value":"`...)
		dst = base64.StdEncoding.AppendEncode(dst, []byte(v.Text))
		dst = append(dst, '"')
	case schema.ValueArray:
		return appendArray(dst, v.Text)
	case schema.ValueMap:
		return appendMap(dst, v.Text)
	default:
		dst = append(dst, '{')
	}
	return append(dst, '}')
}

// appendDouble writes what is no number as protobuf does: in quotes.
func appendDouble(dst []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		name := strings.Replace(strconv.FormatFloat(f, 'g', -1, 64), "+", "", 1)
		return append(dst, `"`+strings.Replace(name, "Inf", "Infinity", 1)+`"`...)
	}
	return append(dst, query.Value{Type: schema.ValueDouble, Num: math.Float64bits(f)}.JSON()...)
}

func appendArray(dst []byte, text string) []byte {
	dst = append(dst, `{"array_value":{`...)
	var members []json.RawMessage
	if json.Unmarshal([]byte(text), &members) == nil && len(members) > 0 {
		dst = append(dst, `"values":[`...)
		for i, m := range members {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendAnyValue(dst, query.ParseValue(string(m)))
		}
		dst = append(dst, ']')
	}
	return append(dst, "}}"...)
}

func appendMap(dst []byte, text string) []byte {
	dst = append(dst, `{"kvlist_value":{`...)
	if members := query.ParseAttrs(text); len(members) > 0 {
		dst = append(dst, `"values":[`...)
		for i, m := range members {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(dst, `{"key":`...)
			dst = append(dst, query.Text(m.Key).JSON()...)
			if m.Value.Type != schema.ValueEmpty {
				dst = append(dst, `,"value":`...)
				dst = appendAnyValue(dst, m.Value)
			}
			dst = append(dst, '}')
		}
		dst = append(dst, ']')
	}
	return append(dst, "}}"...)
}
