package demo

import (
	"encoding/binary"
	"math/bits"
)

// Protobuf wire types.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

// Nested messages are encoded in one pass: open leaves room for a length of the
// expected width, closeAt fills it in and moves the content if it was wrong.

func open(dst []byte, field, width int) (out []byte, mark int) {
	dst = appendTag(dst, field, wireBytes)
	mark = len(dst)
	return append(dst, 0, 0, 0, 0, 0)[:mark+width], mark
}

func closeAt(dst []byte, mark, width int) []byte {
	size := len(dst) - mark - width
	need := varintLen(uint64(size))
	if need != width {
		dst = append(dst, 0, 0, 0, 0, 0)[:len(dst)]
		dst = dst[:mark+need+size]
		copy(dst[mark+need:], dst[mark+width:mark+width+size])
	}
	binary.PutUvarint(dst[mark:mark+need:mark+need], uint64(size))
	return dst
}

func varintLen(v uint64) int { return (bits.Len64(v|1) + 6) / 7 }

func appendTag(dst []byte, field, wire int) []byte {
	if field < 16 {
		return append(dst, byte(field<<3|wire))
	}
	return binary.AppendUvarint(dst, uint64(field)<<3|uint64(wire))
}

func appendText(dst []byte, field int, s string) []byte {
	if s == "" {
		return dst
	}
	return appendBlob(dst, field, s)
}

func appendBlob(dst []byte, field int, s string) []byte {
	dst = appendTag(dst, field, wireBytes)
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

func appendID(dst []byte, field int, id []byte) []byte {
	dst = append(dst, byte(field<<3|wireBytes), byte(len(id)))
	return append(dst, id...)
}

func appendNumber(dst []byte, field int, v uint64) []byte {
	if v == 0 {
		return dst
	}
	return binary.AppendUvarint(appendTag(dst, field, wireVarint), v)
}

func appendFixed64(dst []byte, field int, v uint64) []byte {
	return binary.LittleEndian.AppendUint64(appendTag(dst, field, wireFixed64), v)
}

func appendFixed32(dst []byte, field int, v uint32) []byte {
	if v == 0 {
		return dst
	}
	return binary.LittleEndian.AppendUint32(appendTag(dst, field, wireFixed32), v)
}

// appendAttrs encodes attributes as repeated KeyValue messages.
func appendAttrs(dst []byte, field int, attrs []Attr) []byte {
	for i := range attrs {
		a := &attrs[i]
		width := varintLen(uint64(len(a.Key) + len(a.Value.Text) + 8))
		var mark int
		dst, mark = open(dst, field, width)
		dst = appendBlob(dst, 1, a.Key)
		dst = appendValue(dst, 2, &a.Value)
		dst = closeAt(dst, mark, width)
	}
	return dst
}

// appendValue encodes an AnyValue. Zero values of its oneof are explicit on the
// wire: false and 0 are not the empty value.
func appendValue(dst []byte, field int, v *Value) []byte {
	width := varintLen(uint64(len(v.Text) + 4))
	dst, mark := open(dst, field, width)
	switch v.Type {
	case Empty:
	case String:
		dst = appendBlob(dst, 1, v.Text)
	case Bool:
		dst = append(dst, 2<<3|wireVarint, byte(v.Num))
	case Int:
		dst = binary.AppendUvarint(append(dst, 3<<3|wireVarint), v.Num)
	case Double:
		dst = appendFixed64(dst, 4, v.Num)
	case Array:
		var inner int
		dst, inner = open(dst, 5, 1)
		for i := range v.Items {
			dst = appendValue(dst, 1, &v.Items[i])
		}
		dst = closeAt(dst, inner, 1)
	case Map:
		var inner int
		dst, inner = open(dst, 6, 1)
		dst = appendAttrs(dst, 1, v.Pairs)
		dst = closeAt(dst, inner, 1)
	case Bytes:
		dst = appendBlob(dst, 7, v.Text)
	}
	return closeAt(dst, mark, width)
}

// appendSpan encodes a span as field 2 of a ScopeSpans.
func appendSpan(dst []byte, s *Span) []byte {
	dst, mark := open(dst, 2, 2)
	dst = appendID(dst, 1, s.TraceID[:])
	dst = appendID(dst, 2, s.SpanID[:])
	dst = appendText(dst, 3, s.TraceState)
	if s.ParentID != [8]byte{} {
		dst = appendID(dst, 4, s.ParentID[:])
	}
	dst = appendText(dst, 5, s.Name)
	dst = appendNumber(dst, 6, uint64(s.Kind))
	dst = appendFixed64(dst, 7, s.Start)
	dst = appendFixed64(dst, 8, s.End)
	dst = appendAttrs(dst, 9, s.Attrs)
	dst = appendNumber(dst, 10, uint64(s.DroppedAttrs))
	for i := range s.Events {
		dst = appendEvent(dst, &s.Events[i])
	}
	dst = appendNumber(dst, 12, uint64(s.DroppedEvents))
	for i := range s.Links {
		dst = appendLink(dst, &s.Links[i])
	}
	dst = appendNumber(dst, 14, uint64(s.DroppedLinks))
	if s.Status != 0 || s.StatusMessage != "" {
		var status int
		dst, status = open(dst, 15, 1)
		dst = appendText(dst, 2, s.StatusMessage)
		dst = appendNumber(dst, 3, uint64(s.Status))
		dst = closeAt(dst, status, 1)
	}
	dst = appendFixed32(dst, 16, s.Flags)
	return closeAt(dst, mark, 2)
}

func appendEvent(dst []byte, e *Event) []byte {
	dst, mark := open(dst, 11, 2)
	dst = appendFixed64(dst, 1, e.Time)
	dst = appendText(dst, 2, e.Name)
	dst = appendAttrs(dst, 3, e.Attrs)
	dst = appendNumber(dst, 4, uint64(e.Dropped))
	return closeAt(dst, mark, 2)
}

func appendLink(dst []byte, l *Link) []byte {
	dst, mark := open(dst, 13, 1)
	dst = appendID(dst, 1, l.TraceID[:])
	dst = appendID(dst, 2, l.SpanID[:])
	dst = appendText(dst, 3, l.TraceState)
	dst = appendAttrs(dst, 4, l.Attrs)
	dst = appendNumber(dst, 5, uint64(l.Dropped))
	dst = appendFixed32(dst, 6, l.Flags)
	return closeAt(dst, mark, 1)
}

func resourceWire(r *Resource) []byte {
	dst, mark := open(nil, 1, 2)
	dst = appendAttrs(dst, 1, r.Attrs)
	dst = appendNumber(dst, 2, uint64(r.Dropped))
	return closeAt(dst, mark, 2)
}

func scopeWire(s *Scope) []byte {
	dst, mark := open(nil, 1, 1)
	dst = appendText(dst, 1, s.Name)
	dst = appendText(dst, 2, s.Version)
	dst = appendAttrs(dst, 3, s.Attrs)
	dst = appendNumber(dst, 4, uint64(s.Dropped))
	return closeAt(dst, mark, 1)
}
