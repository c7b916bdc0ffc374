package demo

import "encoding/binary"

// Message is a protobuf message under construction. It has no opinion on what
// is valid: tests build with it what no client should send.
type Message []byte

// Varint appends a varint field.
func (m Message) Varint(field int, v uint64) Message {
	return binary.AppendUvarint(appendTag(m, field, wireVarint), v)
}

// Fixed64 appends a fixed64 field.
func (m Message) Fixed64(field int, v uint64) Message { return appendFixed64(m, field, v) }

// Fixed32 appends a fixed32 field.
func (m Message) Fixed32(field int, v uint32) Message {
	return binary.LittleEndian.AppendUint32(appendTag(m, field, wireFixed32), v)
}

// Text appends a string or bytes field, whatever bytes it holds.
func (m Message) Text(field int, s string) Message { return appendBlob(m, field, s) }

// Sub appends a nested message.
func (m Message) Sub(field int, sub Message) Message {
	m = binary.AppendUvarint(appendTag(m, field, wireBytes), uint64(len(sub)))
	return append(m, sub...)
}

// RawSpan is a span whose parts may be anything.
type RawSpan struct {
	TraceID, SpanID, ParentID string // raw bytes of any length
	Name                      string
	Kind, Status              int32
	Start, End                uint64
	Attrs                     []Attr
	// More is appended to the encoded fields as it is.
	More Message
}

// EncodeSpan encodes a span message. Empty ids, times and names are left out.
func EncodeSpan(s RawSpan) Message {
	var m Message
	m = appendText(m, 1, s.TraceID)
	m = appendText(m, 2, s.SpanID)
	m = appendText(m, 4, s.ParentID)
	m = appendText(m, 5, s.Name)
	m = appendNumber(m, 6, uint64(s.Kind))
	if s.Start != 0 {
		m = m.Fixed64(7, s.Start)
	}
	if s.End != 0 {
		m = m.Fixed64(8, s.End)
	}
	m = appendAttrs(m, 9, s.Attrs)
	if s.Status != 0 {
		m = m.Sub(15, Message(nil).Varint(3, uint64(s.Status)))
	}
	return append(m, s.More...)
}

// EncodeRequest encodes an ExportTraceServiceRequest of one resource, whose
// service.name is service, and one scope.
func EncodeRequest(service string, spans ...Message) Message {
	var resource Message = appendAttrs(nil, 1, []Attr{{"service.name", S(service)}})
	scope := Message(nil).Text(1, "demo.hostile")
	group := Message(nil).Sub(1, scope)
	for _, s := range spans {
		group = group.Sub(2, s)
	}
	return Message(nil).Sub(1, Message(nil).Sub(1, resource).Sub(2, group))
}
