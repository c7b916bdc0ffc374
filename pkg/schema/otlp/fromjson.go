package otlp

import (
	"fmt"
	"slices"
	"strings"
)

// maxJSONDepth bounds nested objects and arrays. It is far above what maxDepth
// AnyValues need, so that deep values arrive as ValueRaw here too, and far
// below what could exhaust a stack.
const maxJSONDepth = 1000

// JSONError says that a body is not an OTLP/JSON request. It names
// fields of OTLP, never content.
type JSONError struct {
	Offset int    // where reading stopped: at or after what is wrong
	Path   string // of fields, such as resourceSpans.scopeSpans; "" at the top
	Reason string
}

func (e *JSONError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("otlp json: byte %d: %s", e.Offset, e.Reason)
	}
	return fmt.Sprintf("otlp json: byte %d: %s: %s", e.Offset, e.Path, e.Reason)
}

// FromJSON appends to dst the protobuf form of an OTLP/JSON trace request and
// returns it. body is not kept.
//
// It reads what OTLP and proto3 JSON allow: ids in hexadecimal of either case,
// integers as numbers or strings, enums by number or name, fields in
// lowerCamelCase or snake_case, null as absent; unknown fields are ignored. An
// id of a wrong length or not hexadecimal becomes one that Split rejects with
// its span. The error is a *JSONError, and dst is returned as it was.
func FromJSON(dst, body []byte) ([]byte, error) { return fromJSON(dst, body, msgRequest) }

// LogsFromJSON is FromJSON for a log request. An id that is not hexadecimal
// becomes one that DecodeLogs does not take for an id.
func LogsFromJSON(dst, body []byte) ([]byte, error) { return fromJSON(dst, body, msgLogs) }

func fromJSON(dst, body []byte, m message) ([]byte, error) {
	r := jsonReader{
		lex: jsonLexer{src: alias(body)},
		w:   messageWriter{buf: slices.Grow(dst, len(body)/2)},
	}
	t, err := r.token()
	if err == nil {
		err = r.message(m, t)
	}
	if err == nil {
		if t, ok := r.lex.next(); !ok || t.kind != 0 {
			err = r.fail("something follows the request")
		}
	}
	if err != nil {
		return dst, err
	}
	return r.w.finish(), nil
}

// jsonReader reads JSON tokens along format and writes protobuf as it goes.
type jsonReader struct {
	lex   jsonLexer
	w     messageWriter
	path  []string
	depth int

	scratch []byte // an id or bytes, decoded
}

func (r *jsonReader) fail(reason string) error {
	path := r.path[:min(len(r.path), 8)] // deeper it only repeats arrayValue.values
	return &JSONError{Offset: r.lex.pos, Path: strings.Join(path, "."), Reason: reason}
}

// token reads a token that begins or ends a value.
func (r *jsonReader) token() (jsonToken, error) {
	t, ok := r.lex.next()
	if !ok || t.kind == 0 || t.kind == ',' || t.kind == ':' {
		return t, r.fail("not valid JSON")
	}
	return t, nil
}

// enter begins a container, whose opening token t should be.
func (r *jsonReader) enter(t jsonToken, open byte) error {
	if t.kind != open {
		return r.fail("wrong JSON type")
	}
	if r.depth++; r.depth > maxJSONDepth {
		return r.fail("nested too deep")
	}
	return nil
}

// more moves to the next element of a container and gives its first token, or
// ends the container: then more is false.
func (r *jsonReader) more(first bool, end byte) (t jsonToken, more bool, err error) {
	t, ok := r.lex.next()
	if ok && t.kind == end {
		r.depth--
		return t, false, nil
	}
	if !first {
		if !ok || t.kind != ',' {
			return t, false, r.fail("not valid JSON")
		}
		t, ok = r.lex.next()
	}
	switch t.kind {
	case 0, '}', ']', ',', ':':
		ok = false
	}
	if !ok {
		return t, false, r.fail("not valid JSON")
	}
	return t, true, nil
}

// key takes t as the key of an object and reads on to its value. The name is
// valid only until then, so it is resolved in message m here; 0 is unknown.
func (r *jsonReader) key(m message, t jsonToken) (num int, err error) {
	num = memberNamed(m, t.text)
	if colon, ok := r.lex.next(); t.kind != '"' || !ok || colon.kind != ':' {
		return 0, r.fail("not valid JSON")
	}
	return num, nil
}

// message reads the object that token t opens as the fields of message m.
func (r *jsonReader) message(m message, t jsonToken) error {
	if err := r.enter(t, '{'); err != nil {
		return err
	}
	for first := true; ; first = false {
		t, more, err := r.more(first, '}')
		if err != nil || !more {
			return err
		}
		num, err := r.key(m, t)
		if err == nil {
			t, err = r.token()
		}
		switch {
		case err != nil:
			return err
		case num == 0:
			err = r.skip(t)
		default:
			r.path = append(r.path, format[m][num].name)
			err = r.value(num, &format[m][num], t)
		}
		if err != nil {
			return err
		}
		if num != 0 {
			r.path = r.path[:len(r.path)-1]
		}
	}
}

// value reads the value of one field, which begins with t.
func (r *jsonReader) value(num int, f *member, t jsonToken) error {
	if t.kind == 'n' {
		return nil
	}
	switch f.kind {
	case kindMessage:
		return r.child(num, f.child, t)
	case kindList, kindStrings:
		return r.list(num, f, t)
	default:
		if reason := r.scalar(num, f.kind, t); reason != "" {
			return r.fail(reason)
		}
		return nil
	}
}

func (r *jsonReader) child(num int, m message, t jsonToken) error {
	size := r.w.open(num)
	if err := r.message(m, t); err != nil {
		return err
	}
	r.w.close(size)
	return nil
}

// list reads an array. A null in it is an empty element: dropping it would
// move the others.
func (r *jsonReader) list(num int, f *member, t jsonToken) error {
	if err := r.enter(t, '['); err != nil {
		return err
	}
	for first := true; ; first = false {
		t, more, err := r.more(first, ']')
		if err != nil || !more {
			return err
		}
		switch {
		case t.kind == 'n':
			r.w.text(num, "")
		case f.kind == kindList:
			err = r.child(num, f.child, t)
		case t.kind == '"':
			r.w.text(num, t.text)
		default:
			err = r.fail("wrong JSON type")
		}
		if err != nil {
			return err
		}
	}
}

// skip passes over the value of an unknown field, which begins with t.
func (r *jsonReader) skip(t jsonToken) error {
	end := byte(']')
	switch t.kind {
	case '{':
		end = '}'
	case '[':
	case '}', ']':
		return r.fail("not valid JSON")
	default:
		return nil
	}
	if err := r.enter(t, t.kind); err != nil {
		return err
	}
	for first := true; ; first = false {
		t, more, err := r.more(first, end)
		if err != nil || !more {
			return err
		}
		if end == '}' {
			if _, err = r.key(msgNone, t); err == nil {
				t, err = r.token()
			}
		}
		if err == nil {
			err = r.skip(t)
		}
		if err != nil {
			return err
		}
	}
}

// memberNamed finds a field of m by either spelling of its name, or gives 0.
func memberNamed(m message, name string) int {
	if strings.IndexByte(name, '_') >= 0 {
		if strings.ContainsFunc(name, isUpper) {
			return 0 // of neither spelling, such as trace_Id
		}
		name = camel(name)
	}
	if name == "" {
		return 0
	}
	for num := range format[m] {
		if format[m][num].name == name {
			return num
		}
	}
	return 0
}

func isUpper(r rune) bool { return 'A' <= r && r <= 'Z' }

// camel turns snake_case into lowerCamelCase.
func camel(snake string) string {
	b := make([]byte, 0, len(snake))
	for i := 0; i < len(snake); i++ {
		c := snake[i]
		if c == '_' && i+1 < len(snake) {
			i++
			if c = snake[i]; 'a' <= c && c <= 'z' {
				c -= 'a' - 'A'
			}
		}
		b = append(b, c)
	}
	return string(b)
}
