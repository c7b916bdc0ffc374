package semconv

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/spanmill/spanmill/pkg/schema"
)

// Literals of structured OTLP values in tests.
type (
	list  []any
	dict  []dict1
	dict1 struct {
		key   string
		value any
	}
)

// value makes a decoded OTLP value of a Go one.
func value(v any) schema.Value {
	switch v := v.(type) {
	case nil:
		return schema.Value{}
	case string:
		return schema.Value{Type: schema.ValueString, Str: v}
	case bool:
		if v {
			return schema.Value{Type: schema.ValueBool, Num: 1}
		}
		return schema.Value{Type: schema.ValueBool}
	case int:
		return schema.Value{Type: schema.ValueInt, Num: uint64(v)}
	case float64:
		return schema.Value{Type: schema.ValueDouble, Num: math.Float64bits(v)}
	case list:
		return schema.Value{Type: schema.ValueArray, Str: string(wireList(v))}
	case dict1:
		return value(dict{v})
	case dict:
		return schema.Value{Type: schema.ValueMap, Str: string(wireDict(v))}
	}
	panic("no such value")
}

// The wire form of an ArrayValue and of a KeyValueList.

func wireList(l list) (b []byte) {
	for _, v := range l {
		b = bytesField(b, 1, wireValue(v))
	}
	return b
}

func wireDict(d dict) (b []byte) {
	for _, p := range d {
		pair := bytesField(nil, 1, []byte(p.key))
		b = bytesField(b, 1, bytesField(pair, 2, wireValue(p.value)))
	}
	return b
}

func wireValue(v any) []byte {
	switch v := value(v); v.Type {
	case schema.ValueString:
		return bytesField(nil, 1, []byte(v.Str))
	case schema.ValueBool:
		return binary.AppendUvarint([]byte{2 << 3}, v.Num)
	case schema.ValueInt:
		return binary.AppendUvarint([]byte{3 << 3}, v.Num)
	case schema.ValueDouble:
		return binary.LittleEndian.AppendUint64([]byte{4<<3 | 1}, v.Num)
	case schema.ValueArray:
		return bytesField(nil, 5, []byte(v.Str))
	case schema.ValueMap:
		return bytesField(nil, 6, []byte(v.Str))
	default:
		return nil
	}
}

func bytesField(b []byte, field byte, content []byte) []byte {
	b = binary.AppendUvarint(append(b, field<<3|2), uint64(len(content)))
	return append(b, content...)
}

// standardUnquote decodes a JSON string with the standard library.
func standardUnquote(s string) (text string, ok bool) {
	if !strings.HasPrefix(s, `"`) || !strings.HasSuffix(s, `"`) || !utf8.ValidString(s) {
		return "", false
	}
	ok = json.Unmarshal([]byte(s), &text) == nil
	return text, ok
}

// standardMembers gives the members of a valid object without repeated keys.
func standardMembers(s string) map[string]string {
	if !utf8.ValidString(s) || !json.Valid([]byte(s)) || !strings.HasPrefix(trim(s), "{") {
		return nil
	}
	members, seen := make(map[string]string), make(map[string]bool)
	d := json.NewDecoder(strings.NewReader(s))
	_, _ = d.Token() // the brace
	for d.More() {
		token, _ := d.Token()
		key, _ := token.(string)
		var value json.RawMessage
		_ = d.Decode(&value)
		if delete(members, key); !seen[key] {
			members[key] = string(value)
		}
		seen[key] = true
	}
	return members
}
