package query

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/spanmill/spanmill/pkg/schema"
)

// Text makes the value of a string.
func Text(s string) Value { return Value{Type: schema.ValueString, Text: s} }

// nested makes the value of a list or map from its JSON.
func nested(text string) Value {
	if strings.HasPrefix(text, "[") {
		return Value{Type: schema.ValueArray, Text: text}
	}
	return Value{Type: schema.ValueMap, Text: text}
}

// JSON is the value as JSON text, in the notation of the tables (see
// otlp.AppendJSON).
func (v Value) JSON() string {
	switch v.Type {
	case schema.ValueString:
		return quoteJSON(v.Text)
	case schema.ValueBool:
		return strconv.FormatBool(v.Num != 0)
	case schema.ValueInt:
		return strconv.FormatInt(int64(v.Num), 10)
	case schema.ValueDouble:
		return doubleJSON(math.Float64frombits(v.Num))
	case schema.ValueBytes, schema.ValueRaw:
		return quoteJSON(base64.StdEncoding.EncodeToString([]byte(v.Text)))
	case schema.ValueArray, schema.ValueMap:
		return v.Text
	default:
		return "null"
	}
}

func doubleJSON(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 0):
		return strings.Replace(strconv.FormatFloat(f, 'f', -1, 64), "Inf", "Infinity", 1)
	}
	text := strconv.FormatFloat(f, 'f', -1, 64)
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		text = strconv.FormatFloat(f, 'e', -1, 64)
	}
	if !strings.ContainsAny(text, ".e") {
		text += ".0"
	}
	return text
}

// quoteJSON writes a string with no more escapes than JSON demands.
func quoteJSON(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return `""` // a string always encodes
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Unwrapped takes one layer of JSON off a string, as MLflow's server does with
// every attribute: its SDK's OTLP exporter sends values as JSON text. Numbers,
// booleans and null in strings stay strings.
func (v Value) Unwrapped() Value {
	if v.Type != schema.ValueString {
		return v
	}
	text := strings.TrimSpace(v.Text)
	if text == "" || strings.IndexByte(`"[{`, text[0]) < 0 || !json.Valid([]byte(text)) {
		return v
	}
	if text[0] == '"' {
		var inner string
		if json.Unmarshal([]byte(text), &inner) != nil {
			return v
		}
		return Text(inner)
	}
	return nested(text)
}

// says reports whether there is anything in the value: MLflow passes over
// empty texts, zeros, false, null, [] and {}.
func (v Value) says() bool {
	switch v.Type {
	case schema.ValueEmpty:
		return false
	case schema.ValueArray, schema.ValueMap:
		return strings.Trim(v.Text, "[]{} \t\r\n") != ""
	case schema.ValueString, schema.ValueBytes, schema.ValueRaw:
		return v.Text != ""
	case schema.ValueDouble:
		return v.Num<<1 != 0
	default:
		return v.Num != 0
	}
}

// integer reads a whole number, sent as one or as text.
func (v Value) integer() (int64, bool) {
	switch v.Type {
	case schema.ValueInt:
		return int64(v.Num), true
	case schema.ValueString:
		n, err := strconv.ParseInt(strings.TrimSpace(v.Text), 10, 64)
		return n, err == nil
	default:
		return 0, false
	}
}

// ParseAttrs reads attributes from a JSON object of the tables, in its order.
// What is none gives none.
func ParseAttrs(object string) []Attr {
	d := json.NewDecoder(strings.NewReader(object))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	var attrs []Attr
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return attrs
		}
		var raw json.RawMessage
		if d.Decode(&raw) != nil {
			return attrs
		}
		name, _ := key.(string)
		attrs = append(attrs, Attr{name, ParseValue(string(raw))})
	}
	return attrs
}

// ParseValue reads a value from its JSON in the tables. Doubles that are no
// numbers and bytes are strings there, and stay strings.
func ParseValue(text string) Value {
	switch {
	case text == "" || text == "null":
		return Value{}
	case text[0] == '[' || text[0] == '{':
		return nested(text)
	case text[0] == '"':
		var s string
		if json.Unmarshal([]byte(text), &s) != nil {
			return Text(text)
		}
		return Text(s)
	case text == "true":
		return Value{Type: schema.ValueBool, Num: 1}
	case text == "false":
		return Value{Type: schema.ValueBool}
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return Value{Type: schema.ValueInt, Num: uint64(n)}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return Text(text)
	}
	return Value{Type: schema.ValueDouble, Num: math.Float64bits(f)}
}
