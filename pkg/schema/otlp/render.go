package otlp

import (
	"encoding/base64"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/spanmill/spanmill/pkg/schema"
)

// AppendJSON appends v as JSON text, always valid and the same for the same
// value:
//
//   - integers as integers, doubles with a point or an exponent (1.0, 1e+21),
//     NaN and the infinities as the strings "NaN", "Infinity", "-Infinity";
//   - bytes and ValueRaw as base64 strings, an empty value as null;
//   - arrays and maps in their order, repeated keys repeated, U+FFFD for
//     what is not UTF-8.
//
// v is one that Decode gave.
func AppendJSON(dst []byte, v schema.Value) []byte { return appendValue(dst, v, 1) }

// AppendAttrsJSON appends attributes as one JSON object, in their order.
func AppendAttrsJSON(dst []byte, attrs []schema.Attr) []byte {
	dst = append(dst, '{')
	for i := range attrs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, attrs[i].Key)
		dst = append(dst, ':')
		dst = AppendJSON(dst, attrs[i].Value)
	}
	return append(dst, '}')
}

func appendValue(dst []byte, v schema.Value, depth int) []byte {
	switch v.Type {
	case schema.ValueString:
		return appendString(dst, v.Str)
	case schema.ValueBool:
		return strconv.AppendBool(dst, v.Bool())
	case schema.ValueInt:
		return strconv.AppendInt(dst, v.Int(), 10)
	case schema.ValueDouble:
		return appendDouble(dst, v.Double())
	case schema.ValueBytes, schema.ValueRaw:
		return appendBase64(dst, v.Str)
	case schema.ValueArray:
		return appendArray(dst, v.Str, depth)
	case schema.ValueMap:
		return appendMap(dst, v.Str, depth)
	default:
		return append(dst, "null"...)
	}
}

func appendArray(dst []byte, src string, depth int) []byte {
	dst = append(dst, '[')
	empty := len(dst)
	c := cursor{src: src, m: msgArrayValue}
	for c.next() {
		if c.num != 1 {
			continue
		}
		if len(dst) > empty {
			dst = append(dst, ',')
		}
		var v schema.Value
		anyValue(&v, c.data, nil)
		dst = appendElement(dst, v, c.data, depth)
	}
	return append(dst, ']')
}

func appendMap(dst []byte, src string, depth int) []byte {
	dst = append(dst, '{')
	empty := len(dst)
	c := cursor{src: src, m: msgKeyValueList}
	for c.next() {
		if c.num != 1 {
			continue
		}
		if len(dst) > empty {
			dst = append(dst, ',')
		}
		var a schema.Attr
		wire := keyValue(&a, c.data, nil)
		dst = appendString(dst, a.Key)
		dst = append(dst, ':')
		dst = appendElement(dst, a.Value, wire, depth)
	}
	return append(dst, '}')
}

// appendElement appends a value nested in another. Decode has set what is too
// deep apart, so the bound here only guards against values from elsewhere.
func appendElement(dst []byte, v schema.Value, wire string, depth int) []byte {
	if depth == maxDepth {
		return appendBase64(dst, wire)
	}
	return appendValue(dst, v, depth+1)
}

func appendBase64(dst []byte, s string) []byte {
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, []byte(s))
	return append(dst, '"')
}

// appendDouble writes the shortest text that reads back as f, in the notation
// that JavaScript uses, and never one that could be an integer.
func appendDouble(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(dst, `"-Infinity"`...)
	}
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		return strconv.AppendFloat(dst, f, 'e', -1, 64)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
	if slices.Contains(dst[start:], '.') {
		return dst
	}
	return append(dst, '.', '0')
}

// isPlain reports whether none of a word's eight bytes is a control character, a
// quote, a backslash or beyond ASCII: a subtraction borrows from the top bit of
// the bytes that it finds, and perhaps of one above such a byte.
func isPlain(w uint64) bool {
	const ones, high = 0x0101010101010101, 0x8080808080808080 // of each byte the least bit, the top bit
	quote, backslash := w^('"'*ones), w^('\\'*ones)
	return (w|(w-' '*ones)|(quote-ones)|(backslash-ones))&high == 0
}

// word is the first eight bytes of s, which has them.
func word(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// appendString writes a JSON string. Only what JSON demands is escaped.
func appendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	plain := 0 // s[plain:i] needs no escape
	for i := 0; i < len(s); {
		if len(s)-i >= 8 && isPlain(word(s[i:])) {
			i += 8
			continue
		}
		b := s[i]
		if b >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r != utf8.RuneError || n > 1 {
				i += n
				continue
			}
		} else if b >= ' ' && b != '"' && b != '\\' {
			i++
			continue
		}
		dst = append(dst, s[plain:i]...)
		switch {
		case b >= utf8.RuneSelf:
			dst = append(dst, "\uFFFD"...)
		case b == '"' || b == '\\':
			dst = append(dst, '\\', b)
		case b == '\n':
			dst = append(dst, '\\', 'n')
		case b == '\r':
			dst = append(dst, '\\', 'r')
		case b == '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[b>>4], hex[b&15])
		}
		i++
		plain = i
	}
	dst = append(dst, s[plain:]...)
	return append(dst, '"')
}
