package mlflow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// object is a message of MLflow's JSON, which is protobuf's: names in snake_case
// or lowerCamelCase, null as absent, 64-bit integers as numbers or strings,
// unknown fields ignored. Reading never fails at once: problem holds the first
// field that is not what it should be.
type object struct {
	fields  map[string]json.RawMessage
	problem *string // shared with the objects within
}

// parse reads a body. An empty one is an object without fields.
func parse(body []byte) (object, error) {
	o := object{problem: new(string)}
	if body = bytes.TrimSpace(body); len(body) == 0 || string(body) == "null" {
		return o, nil
	}
	if json.Valid(body) {
		o.fields, _ = split(body)
	}
	if o.fields == nil {
		return o, &Error{Status: 400, Reason: reasonInvalid, Code: codeBadRequest, Message: "the request body is not a JSON object"}
	}
	return o, nil
}

// err is the refusal of what was read so far, nil if nothing was wrong.
func (o object) err() error {
	if *o.problem == "" {
		return nil
	}
	return invalid(*o.problem)
}

func (o object) wrong(name, want string) {
	if *o.problem == "" {
		*o.problem = fmt.Sprintf("Invalid value for parameter '%s': it must be %s", name, want)
	}
}

// get gives a field as it was sent; nil: it was not.
func (o object) get(name string) json.RawMessage {
	raw, ok := o.fields[name]
	if !ok && strings.Contains(name, "_") {
		raw = o.fields[lowerCamel(name)]
	}
	if string(raw) == "null" {
		return nil
	}
	return raw
}

// has reports whether a field was sent.
func (o object) has(name string) bool { return o.get(name) != nil }

// into reads a field into v, and leaves v alone if it was not sent.
func (o object) into(name string, v any, want string) {
	if raw := o.get(name); raw != nil && json.Unmarshal(raw, v) != nil {
		o.wrong(name, want)
	}
}

// text is a string field. Any other value is refused in MLflow's words.
func (o object) text(name string) (s string) {
	raw := o.get(name)
	if isNumber(raw) {
		o.wrongType(name, raw)
		return ""
	}
	if len(raw) > 0 && raw[0] == '"' {
		return unquote(raw)
	}
	o.into(name, &s, "a string")
	return s
}

// enum is a field with named values, which have numbers too: either, as text.
func (o object) enum(name string) string {
	if raw := o.get(name); isNumber(raw) {
		return string(raw)
	}
	return o.text(name)
}

func isNumber(raw json.RawMessage) bool {
	return len(raw) > 0 && (raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9')
}

// wrongType notes a number where it does not belong, or beyond its bounds.
func (o object) wrongType(name string, raw json.RawMessage) {
	kind := "int"
	if bytes.ContainsAny(raw, ".eE") {
		kind = "float"
	}
	if *o.problem == "" {
		*o.problem = fmt.Sprintf("Invalid value %s for parameter '%s' supplied:  Hint: Value was of type '%s'. %s", raw, name, kind, seeDocs)
	}
}

// seeDocs ends MLflow's messages about parameters.
const seeDocs = "See the API docs for more information about request parameters."

// boolean is true or false; in a query clients in Python write True and False.
func (o object) boolean(name string) (b bool) {
	switch string(o.get(name)) {
	case `"True"`, `"true"`:
		return true
	case `"False"`, `"false"`:
		return false
	}
	o.into(name, &b, "true or false")
	return b
}

// integer is an int64, as a number or as text.
func (o object) integer(name string) int64 {
	raw := strings.Trim(string(o.get(name)), `"`)
	if raw == "" {
		return 0
	}
	if n, err := strconv.ParseInt(raw, 10, 64); err == nil {
		return n
	}
	f, err := strconv.ParseFloat(raw, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<63 {
		o.wrong(name, "an integer")
		return 0
	}
	return int64(f)
}

// texts is a map of strings, "" where they are null; nil if it was not sent.
func (o object) texts(name string) map[string]string {
	if !o.has(name) {
		return nil
	}
	members := o.object(name).fields
	texts := make(map[string]string, len(members)+3) // +3: what the server adds
	for key, raw := range members {
		switch raw[0] {
		case '"':
			texts[key] = unquote(raw)
		case 'n':
			texts[key] = ""
		default:
			o.wrong(name, "an object of strings")
			return nil
		}
	}
	return texts
}

// object is a message within; without fields if it was not sent.
func (o object) object(name string) object {
	within := object{problem: o.problem}
	if raw := o.get(name); raw != nil {
		var isObject bool
		if within.fields, isObject = split(raw); !isObject {
			o.wrong(name, "an object")
		}
	}
	return within
}

// objects is a list of messages.
func (o object) objects(name string) []object {
	var list []map[string]json.RawMessage
	o.into(name, &list, "a list of objects")
	out := make([]object, len(list))
	for i, fields := range list {
		out[i] = object{fields, o.problem}
	}
	return out
}

// list is a list of strings; in a query it may be one.
func (o object) list(name string) (l []string) {
	if raw := o.get(name); len(raw) > 0 && raw[0] == '"' {
		return []string{o.text(name)}
	}
	o.into(name, &l, "a list of strings")
	return l
}

// milli is a timestamp in Unix milliseconds.
func (o object) milli(name string) int64 {
	text := o.text(name)
	if text == "" {
		return 0
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		o.wrong(name, "a time such as 2026-11-22T13:06:11.960Z")
		return 0
	}
	return t.UnixMilli()
}

// duration is a duration in milliseconds, written as "1.5s".
func (o object) duration(name string) int64 {
	text := o.text(name)
	if text == "" {
		return 0
	}
	seconds, isDuration := strings.CutSuffix(text, "s")
	f, err := strconv.ParseFloat(seconds, 64)
	if !isDuration || err != nil || math.Abs(f) > maxDurationSeconds {
		o.wrong(name, "a duration such as 1.5s")
		return 0
	}
	return int64(math.Round(f * 1000))
}

// maxDurationSeconds is protobuf's own bound, about 10,000 years.
const maxDurationSeconds = 315_576_000_000

// lowerCamel is protobuf's other name of a field.
func lowerCamel(name string) string {
	words := strings.Split(name, "_")
	for i, w := range words[1:] {
		if w != "" {
			words[i+1] = strings.ToUpper(w[:1]) + w[1:]
		}
	}
	return strings.Join(words, "")
}

// formatMilli is a timestamp as protobuf's JSON has it: with the fewest of 0 or
// 3 digits that say it.
func formatMilli(ms int64) string {
	layout := "2006-01-02T15:04:05.000Z"
	if ms%1000 == 0 {
		layout = "2006-01-02T15:04:05Z"
	}
	return time.UnixMilli(ms).UTC().Format(layout)
}

// formatDuration is a duration of milliseconds as protobuf's JSON has it.
func formatDuration(ms int64) string {
	sign := ""
	if ms < 0 {
		sign, ms = "-", -ms
	}
	if ms%1000 == 0 {
		return fmt.Sprintf("%s%ds", sign, ms/1000)
	}
	return fmt.Sprintf("%s%d.%03ds", sign, ms/1000, ms%1000)
}

// message is what a request asks: the object of its body, or of its query, whose
// values are texts. A body that is no object is taken for an empty one, as MLflow
// takes it: what it lacks is then named.
func (c *call) message() object {
	if c.Method != http.MethodGet {
		o, err := parse(c.body)
		if err != nil {
			o.fields = nil
		}
		return o
	}
	o := object{fields: make(map[string]json.RawMessage), problem: new(string)}
	for name, values := range c.URL.Query() {
		if len(values) > 1 {
			o.fields[name] = encode(values)
		} else {
			o.fields[name] = encode(values[0])
		}
	}
	return o
}

// required is a text that must be there.
func (o object) required(name string) string {
	s := o.text(name)
	if s == "" {
		o.lacks(name)
	}
	return s
}

// lacks notes that a field is missing.
func (o object) lacks(name string) {
	if *o.problem == "" {
		*o.problem = "Missing value for required parameter '" + name + "'. " + seeDocs
	}
}
