package mlflow

import "unicode/utf8"

// field is a member of a JSON object: its name as it reads, and its value as it
// was sent.
type field struct {
	name, value []byte
	// within is how many members follow that are within the value, an object.
	within int
}

const (
	// maxDepth is how deep values may be within others, as encoding/json has it.
	maxDepth = 10_000
	// maxFields bounds the members, or the elements, that are held of a body: one
	// takes six bytes there, and ten times as much in memory.
	maxFields = 100_000
)

// scanner reads JSON once: it is validated as encoding/json would, and objects
// are split into members meanwhile. Those of objects within an object follow the
// member that they are the value of; objects in lists are not split.
type scanner struct {
	raw    []byte
	at     int
	depth  int
	fields []field
	full   bool // there are more than maxFields
}

// split gives the members of an object and of those within it; false: it is no
// object, or no valid JSON, or, as tooMany says, has too many. Members alias raw.
func split(raw []byte) (fields []field, isObject, tooMany bool) {
	s := scanner{raw: raw, fields: make([]field, 0, fieldsAhead)}
	s.space()
	if s.peek() != '{' || !s.value() {
		return nil, false, s.full
	}
	s.space()
	return s.fields, s.at == len(raw), false
}

// fieldsAhead is room for the members of most bodies.
const fieldsAhead = 32

// splitList gives the elements of a list, each with its members if it is an
// object; false: it is no list, or no valid JSON, or has too many of either. They
// alias raw.
func splitList(raw []byte) (elements []field, fields [][]field, isList bool) {
	s := scanner{raw: raw}
	s.space()
	isList = s.peek() == '[' && s.list(func() bool {
		start, first := s.at, len(s.fields)
		ok := len(elements) < maxFields && s.value()
		elements = append(elements, field{value: raw[start:s.at:s.at]})
		fields = append(fields, s.fields[first:len(s.fields):len(s.fields)])
		return ok
	})
	return elements, fields, isList
}

// peek is the next byte; 0: there is none.
func (s *scanner) peek() byte {
	if s.at < len(s.raw) {
		return s.raw[s.at]
	}
	return 0
}

// take passes over the next byte if it is c.
func (s *scanner) take(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.at++
	return true
}

func (s *scanner) space() {
	for s.at < len(s.raw) {
		switch s.raw[s.at] {
		case ' ', '\n', '\r', '\t':
			s.at++
		default:
			return
		}
	}
}

// value passes over one value; false: it is none.
func (s *scanner) value() bool {
	switch c := s.peek(); c {
	case '"':
		_, ok := s.text()
		return ok
	case '{':
		return s.list(s.field)
	case '[':
		return s.list(s.element)
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	}
	return s.number()
}

// list passes over an object or a list, whose parts part passes over.
func (s *scanner) list(part func() bool) bool {
	end := s.raw[s.at] + 2 // ']' and '}' follow '[' and '{' so
	s.at++
	if s.depth++; s.depth > maxDepth {
		return false
	}
	s.space()
	for more := !s.take(end); more; {
		if !part() {
			return false
		}
		s.space()
		if more = s.take(','); more {
			s.space()
		} else if !s.take(end) {
			return false
		}
	}
	s.depth--
	return true
}

// element passes over a value in a list.
func (s *scanner) element() bool {
	before := len(s.fields)
	ok := s.value()
	s.fields = s.fields[:before]
	return ok
}

func (s *scanner) field() bool {
	if len(s.fields) == maxFields {
		s.full = true
		return false
	}
	start := s.at
	plain, ok := s.text()
	if !ok {
		return false
	}
	m := field{name: s.raw[start+1 : s.at-1]}
	if !plain {
		m.name = []byte(unquote(s.raw[start:s.at]))
	}
	s.space()
	if !s.take(':') {
		return false
	}
	s.space()
	start = s.at
	at := len(s.fields)
	s.fields = append(s.fields, m)
	ok = s.value()
	s.fields[at].value = s.raw[start:s.at:s.at]
	s.fields[at].within = len(s.fields) - at - 1
	return ok
}

// text passes over a string. plain: it reads as it is written.
func (s *scanner) text() (plain, ok bool) {
	if !s.take('"') {
		return false, false
	}
	for plain = true; ; {
		rest, n := s.raw[s.at:], 0
		for n < len(rest) && asIs[rest[n]] {
			n++
		}
		s.at += n
		switch c := s.peek(); {
		case c == '"':
			s.at++
			return plain, true
		case c == '\\':
			plain = false
			if !s.escape() {
				return false, false
			}
		case c >= utf8.RuneSelf:
			plain = false
			s.at++
		default:
			return false, false
		}
	}
}

// escape passes over a backslash and what belongs to it.
func (s *scanner) escape() bool {
	s.at++
	if s.take('u') {
		for range 4 {
			if !isHex(s.peek()) {
				return false
			}
			s.at++
		}
		return true
	}
	if escaped[s.peek()] == 0 {
		return false
	}
	s.at++
	return true
}

func isHex(c byte) bool {
	return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f'
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func (s *scanner) word(word string) bool {
	for _, c := range []byte(word) {
		if !s.take(c) {
			return false
		}
	}
	return true
}

func (s *scanner) number() bool {
	s.take('-')
	if !s.take('0') && !s.digits() {
		return false
	}
	if s.take('.') && !s.digits() {
		return false
	}
	if s.take('e') || s.take('E') {
		if !s.take('+') {
			s.take('-')
		}
		return s.digits()
	}
	return true
}

// digits passes over digits; false: there are none.
func (s *scanner) digits() bool {
	start := s.at
	for isDigit(s.peek()) {
		s.at++
	}
	return s.at > start
}
