package mlflow

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// maxNesting bounds how deep values of a file may nest.
const maxNesting = 64

// spansOf makes an OTLP request of traces.json; nil if it has no spans. In the
// file every attribute is JSON in a text, and ids are base64; what comes out is
// what the same SDK sends by OTLP.
func spansOf(traceID string, file []byte) ([]byte, error) {
	o, err := parse(file)
	if err != nil {
		return nil, err
	}
	var spans []*trace.Span
	for _, sent := range o.objects("spans") {
		spans = append(spans, spanOf(sent))
	}
	if err := o.err(); err != nil {
		return nil, err
	}
	for _, span := range spans {
		if !usable(span.GetTraceId(), 16) || !usable(span.GetSpanId(), 8) {
			return nil, invalid("A span of trace '" + traceID + "' has no usable ids")
		}
	}
	if len(spans) == 0 {
		return nil, nil
	}
	return proto.Marshal(&collector.ExportTraceServiceRequest{ResourceSpans: []*trace.ResourceSpans{{
		ScopeSpans: []*trace.ScopeSpans{{Spans: spans}},
	}}})
}

func spanOf(sent object) *trace.Span {
	span := &trace.Span{
		TraceId: sent.base64("trace_id"), SpanId: sent.base64("span_id"), ParentSpanId: sent.base64("parent_span_id"),
		Name: sent.text("name"), TraceState: sent.text("trace_state"),
		StartTimeUnixNano: sent.nanos("start_time_unix_nano"), EndTimeUnixNano: sent.nanos("end_time_unix_nano"),
	}
	for _, a := range sent.members("attributes") {
		span.Attributes = append(span.Attributes, &common.KeyValue{Key: a.key, Value: unquoted(a.value)})
	}
	status := sent.object("status")
	if message, code := status.text("message"), trace.Status_StatusCode_value[status.text("code")]; code != 0 || message != "" {
		span.Status = &trace.Status{Code: trace.Status_StatusCode(code), Message: message}
	}
	for _, e := range sent.objects("events") {
		event := &trace.Span_Event{Name: e.text("name"), TimeUnixNano: e.nanos("time_unix_nano")}
		for _, a := range e.members("attributes") {
			event.Attributes = append(event.Attributes, &common.KeyValue{Key: a.key, Value: anyValue(a.value, 0)})
		}
		span.Events = append(span.Events, event)
	}
	for _, l := range sent.objects("links") {
		link := &trace.Span_Link{TraceId: l.base64("trace_id"), SpanId: l.base64("span_id")}
		for _, a := range l.members("attributes") {
			link.Attributes = append(link.Attributes, &common.KeyValue{Key: a.key, Value: anyValue(a.value, 0)})
		}
		span.Links = append(span.Links, link)
	}
	return span
}

// base64 is a field of bytes.
func (o object) base64(name string) []byte {
	b, err := base64.StdEncoding.DecodeString(o.text(name))
	if err != nil {
		o.wrong(name, "base64")
	}
	return b
}

// nanos is a time in Unix nanoseconds.
func (o object) nanos(name string) uint64 {
	n, err := strconv.ParseUint(strings.Trim(string(o.get(name)), `"`), 10, 64)
	if err != nil && o.has(name) {
		o.wrong(name, "nanoseconds")
	}
	return n
}

// member is one of an object's, in the order in which they were sent.
type member struct {
	key   string
	value json.RawMessage
}

// members are the members of an object, in their order.
func (o object) members(name string) []member {
	raw := o.get(name)
	if raw == nil {
		return nil
	}
	list, err := membersOf(raw)
	if err != nil {
		o.wrong(name, "an object")
	}
	return list
}

func membersOf(raw json.RawMessage) (list []member, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.Join(errors.New("not an object"), err)
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		text, isText := key.(string)
		if !isText {
			return nil, errors.New("not a key")
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		list = append(list, member{text, value})
	}
	return list, nil
}

// unquoted is the value of an attribute that is JSON in a text; what is no JSON
// is the text itself.
func unquoted(raw json.RawMessage) *common.AnyValue {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return anyValue(raw, 0)
	}
	d := json.NewDecoder(strings.NewReader(text))
	var inner json.RawMessage
	if d.Decode(&inner) != nil || !atEnd(d) {
		return textValue(text)
	}
	return anyValue(inner, 0)
}

func atEnd(d *json.Decoder) bool {
	_, err := d.Token()
	return errors.Is(err, io.EOF)
}

func textValue(s string) *common.AnyValue {
	return &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: s}}
}

// anyValue is JSON as OTLP has it, keys in their order. What nests too deep is
// its text.
func anyValue(raw json.RawMessage, depth int) *common.AnyValue {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || string(raw) == "null" {
		return &common.AnyValue{}
	}
	switch raw[0] {
	case '"':
		var s string
		if json.Unmarshal(raw, &s) == nil {
			return textValue(s)
		}
	case 't', 'f':
		return &common.AnyValue{Value: &common.AnyValue_BoolValue{BoolValue: raw[0] == 't'}}
	case '[':
		return listValue(raw, depth)
	case '{':
		return mapValue(raw, depth)
	default:
		return numberValue(string(raw))
	}
	return textValue(string(raw))
}

func listValue(raw json.RawMessage, depth int) *common.AnyValue {
	var elements []json.RawMessage
	if depth >= maxNesting || json.Unmarshal(raw, &elements) != nil {
		return textValue(string(raw))
	}
	list := &common.ArrayValue{}
	for _, e := range elements {
		list.Values = append(list.Values, anyValue(e, depth+1))
	}
	return &common.AnyValue{Value: &common.AnyValue_ArrayValue{ArrayValue: list}}
}

func mapValue(raw json.RawMessage, depth int) *common.AnyValue {
	members, err := membersOf(raw)
	if depth >= maxNesting || err != nil {
		return textValue(string(raw))
	}
	list := &common.KeyValueList{}
	for _, m := range members {
		list.Values = append(list.Values, &common.KeyValue{Key: m.key, Value: anyValue(m.value, depth+1)})
	}
	return &common.AnyValue{Value: &common.AnyValue_KvlistValue{KvlistValue: list}}
}

// numberValue is an integer where it is written as one and fits.
func numberValue(text string) *common.AnyValue {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: n}}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return textValue(text)
	}
	return &common.AnyValue{Value: &common.AnyValue_DoubleValue{DoubleValue: f}}
}
