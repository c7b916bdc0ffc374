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
	fields  []field // and those within them, each behind the one that it is within
	problem *string // shared with the objects within
}

// parse reads a body. An empty one is an object without fields.
func parse(body []byte) (object, error) {
	o := object{problem: new(string)}
	if body = bytes.TrimSpace(body); len(body) == 0 || string(body) == "null" {
		return o, nil
	}
	var isObject, tooMany bool
	if o.fields, isObject, tooMany = split(body); tooMany {
		*o.problem = fmt.Sprintf("Invalid request: more than %d fields in its body.", maxFields)
		return o, o.err()
	}
	if !isObject {
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

// find gives the index of a field, of several the last; -1: there is none.
func (o object) find(name string) int {
	exact, camel := -1, -1
	for i := 0; i < len(o.fields); i += 1 + o.fields[i].within {
		if given := o.fields[i].name; string(given) == name {
			exact = i
		} else if exact < 0 && isLowerCamel(given, name) {
			camel = i
		}
	}
	if exact >= 0 {
		return exact
	}
	return camel
}

// get gives a field as it was sent; nil: it was not.
func (o object) get(name string) json.RawMessage {
	i := o.find(name)
	if i < 0 || string(o.fields[i].value) == "null" {
		return nil
	}
	return o.fields[i].value
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
func (o object) text(name string) string {
	raw := o.get(name)
	switch {
	case raw == nil:
	case isNumber(raw):
		o.wrongType(name, raw)
	case raw[0] != '"':
		o.wrong(name, "a string")
	default:
		return unquote(raw)
	}
	return ""
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
	raw := o.get(name)
	if raw == nil {
		return nil
	}
	members := o.object(name).fields
	texts := make(map[string]string, len(members)+3) // +3: what the server adds
	var wrong map[string]bool
	var memory strings.Builder // of all of them
	memory.Grow(len(raw))
	for i := 0; i < len(members); i += 1 + members[i].within {
		start := memory.Len()
		memory.Write(members[i].name)
		key := memory.String()[start:]
		texts[key] = ""
		delete(wrong, key) // of several the last counts
		switch value := members[i].value; value[0] {
		case '"':
			texts[key] = unquoteInto(&memory, value)
		case 'n':
		default:
			if wrong == nil {
				wrong = make(map[string]bool)
			}
			wrong[key] = true
		}
	}
	if len(wrong) > 0 {
		o.wrong(name, "an object of strings")
		return nil
	}
	return texts
}

// object is a message within; without fields if it was not sent.
func (o object) object(name string) object {
	within := object{problem: o.problem}
	i := o.find(name)
	if i < 0 {
		return within
	}
	switch m := o.fields[i]; m.value[0] {
	case '{':
		within.fields = o.fields[i+1 : i+1+m.within]
	case 'n':
	default:
		o.wrong(name, "an object")
	}
	return within
}

// objects is a list of messages.
func (o object) objects(name string) []object {
	raw := o.get(name)
	if raw == nil {
		return nil
	}
	elements, fields, isList := splitList(raw)
	if !isList {
		o.wrong(name, fmt.Sprintf("a list of objects, %d with their fields at most", maxFields))
		return nil
	}
	out := make([]object, len(elements))
	for i, e := range elements {
		if e.value[0] != '{' && e.value[0] != 'n' {
			o.wrong(name, "a list of objects")
		}
		out[i] = object{fields[i], o.problem}
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

// isLowerCamel reports whether a field was given by protobuf's other name of it.
func isLowerCamel(given []byte, name string) bool {
	at, upper := 0, false
	for _, c := range []byte(name) {
		if c == '_' {
			upper = true
			continue
		}
		if upper && c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		if at == len(given) || given[at] != c {
			return false
		}
		at, upper = at+1, false
	}
	return at == len(given)
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
	o := object{problem: new(string)}
	for name, values := range c.URL.Query() {
		m := field{name: []byte(name), value: encode(values)}
		if len(values) == 1 {
			m.value = encode(values[0])
		}
		o.fields = append(o.fields, m)
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
