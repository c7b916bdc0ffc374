package otlp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// maxJSONDepth bounds nested objects and arrays. It is far above what maxDepth
// AnyValues need, so that deep values arrive as ValueRaw here too, and far
// below what could exhaust a stack.
const maxJSONDepth = 1000

// JSONError says that a body is not an OTLP/JSON trace request. It names
// fields of OTLP, never content.
type JSONError struct {
	Offset int64  // where reading stopped: at or after what is wrong
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
func FromJSON(dst, body []byte) ([]byte, error) {
	r := jsonReader{
		dec: json.NewDecoder(bytes.NewReader(body)),
		w:   messageWriter{buf: slices.Grow(dst, len(body)/2)},
	}
	r.dec.UseNumber()
	t, err := r.token()
	if err == nil {
		err = r.message(msgRequest, t)
	}
	if err == nil {
		if _, end := r.dec.Token(); !errors.Is(end, io.EOF) {
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
	dec   *json.Decoder
	w     messageWriter
	path  []string
	depth int
}

func (r *jsonReader) fail(reason string) error {
	path := r.path[:min(len(r.path), 8)] // deeper it only repeats arrayValue.values
	return &JSONError{Offset: r.dec.InputOffset(), Path: strings.Join(path, "."), Reason: reason}
}

// token gives the next token. Errors of package json quote the input, so they
// are not passed on.
func (r *jsonReader) token() (json.Token, error) {
	t, err := r.dec.Token()
	if err != nil {
		return nil, r.fail("not valid JSON")
	}
	return t, nil
}

// enter and leave bracket a container: enter wants its opening token.
func (r *jsonReader) enter(t json.Token, open json.Delim) error {
	if t != open {
		return r.fail("wrong JSON type")
	}
	return r.deeper()
}

func (r *jsonReader) deeper() error {
	if r.depth++; r.depth > maxJSONDepth {
		return r.fail("nested too deep")
	}
	return nil
}

func (r *jsonReader) leave() error {
	r.depth--
	_, err := r.token()
	return err
}

// message reads the object that token t opens as the fields of message m.
func (r *jsonReader) message(m message, t json.Token) error {
	if err := r.enter(t, '{'); err != nil {
		return err
	}
	for r.dec.More() {
		key, err := r.token()
		if err != nil {
			return err
		}
		name, _ := key.(string)
		num := memberNamed(m, name)
		if num == 0 {
			err = r.skip()
		} else {
			r.path = append(r.path, format[m][num].name)
			err = r.value(num, &format[m][num])
		}
		if err != nil {
			return err
		}
		if num != 0 {
			r.path = r.path[:len(r.path)-1]
		}
	}
	return r.leave()
}

// value reads the value of one field.
func (r *jsonReader) value(num int, f *member) error {
	t, err := r.token()
	if err != nil || t == nil {
		return err
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

func (r *jsonReader) child(num int, m message, t json.Token) error {
	size := r.w.open(num)
	if err := r.message(m, t); err != nil {
		return err
	}
	r.w.close(size)
	return nil
}

// list reads an array. A null in it is an empty element: dropping it would
// move the others.
func (r *jsonReader) list(num int, f *member, t json.Token) error {
	if err := r.enter(t, '['); err != nil {
		return err
	}
	for r.dec.More() {
		t, err := r.token()
		if err != nil {
			return err
		}
		switch {
		case t == nil:
			r.w.text(num, "")
		case f.kind == kindList:
			if err := r.child(num, f.child, t); err != nil {
				return err
			}
		default:
			s, ok := t.(string)
			if !ok {
				return r.fail("wrong JSON type")
			}
			r.w.text(num, s)
		}
	}
	return r.leave()
}

// skip passes over one value of an unknown field.
func (r *jsonReader) skip() error {
	outside := r.depth
	for {
		t, err := r.token()
		if err != nil {
			return err
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			if err := r.deeper(); err != nil {
				return err
			}
		case json.Delim('}'), json.Delim(']'):
			r.depth--
		}
		if r.depth == outside {
			return nil
		}
	}
}

// memberNamed finds a field of m by either spelling of its name, or gives 0.
func memberNamed(m message, name string) int {
	if strings.IndexByte(name, '_') >= 0 {
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
