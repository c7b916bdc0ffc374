package mlflow

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// split gives the members of an object, as json.Unmarshal into a map of
// RawMessage would, of JSON that is known to be valid. A body is validated once,
// as a whole; encoding/json would validate each message again at every level,
// which made up a quarter of what taking a trace info costs.
func split(raw json.RawMessage) (members map[string]json.RawMessage, isObject bool) {
	if len(raw) == 0 || raw[0] != '{' {
		return nil, false
	}
	members = make(map[string]json.RawMessage, bytes.Count(raw[:min(len(raw), countAhead)], []byte(`":`)))
	rest := skipSpace(raw[1:])
	for rest[0] != '}' {
		end := valueEnd(rest)
		name := unquote(rest[:end])
		rest = skipSpace(skipSpace(rest[end:])[1:]) // the colon
		end = valueEnd(rest)
		members[name] = rest[:end:end]
		if rest = skipSpace(rest[end:]); rest[0] == ',' {
			rest = skipSpace(rest[1:])
		}
	}
	return members, true
}

// countAhead is how many bytes of an object are looked at to guess how many
// members it has.
const countAhead = 512

// unquote gives what a string of JSON says.
func unquote(raw json.RawMessage) (s string) {
	inside := raw[1 : len(raw)-1]
	if utf8.Valid(inside) {
		if bytes.IndexByte(inside, '\\') < 0 {
			return string(inside)
		}
		if s, ok := unescape(inside); ok {
			return s
		}
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		panic("mlflow: a string that is none in JSON that is valid") // nothing of it: it is the client's
	}
	return s
}

// escaped is what the letters after a backslash stand for; 0: more than a byte.
var escaped = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// unescape gives what is inside of a string of valid JSON, unless something in it
// is escaped by its number. Clients send JSON as texts within JSON: what spans
// took in and gave out, sizes and token counts, whose quotes are escaped.
func unescape(inside []byte) (string, bool) {
	out := make([]byte, 0, len(inside))
	for {
		at := bytes.IndexByte(inside, '\\')
		if at < 0 {
			return string(append(out, inside...)), true
		}
		b := escaped[inside[at+1]]
		if b == 0 {
			return "", false
		}
		out = append(append(out, inside[:at]...), b)
		inside = inside[at+2:]
	}
}

func skipSpace(raw []byte) []byte {
	for len(raw) > 0 && (raw[0] == ' ' || raw[0] == '\n' || raw[0] == '\r' || raw[0] == '\t') {
		raw = raw[1:]
	}
	return raw
}

// valueEnd is where the value ends that valid JSON begins with.
func valueEnd(raw []byte) int {
	switch raw[0] {
	case '"':
		return stringEnd(raw)
	case '{', '[':
		depth := 0
		for i := 0; ; i++ {
			switch raw[i] {
			case '"':
				i += stringEnd(raw[i:]) - 1
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
		}
	}
	if end := bytes.IndexAny(raw, " \n\r\t,]}"); end >= 0 {
		return end
	}
	return len(raw)
}

// stringEnd is where a string of valid JSON ends, its quotes included.
func stringEnd(raw []byte) int {
	for end := 1; ; end++ {
		end += bytes.IndexByte(raw[end:], '"')
		slashes := 0
		for raw[end-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return end + 1
		}
	}
}
