package semconv

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// members walks the top level of a JSON object without decoding it. It is
// lenient about what it skips: whatever the text, it ends, does not recurse
// and reports ok only for a key with a value.
type members struct {
	text string
	pos  int
	bad  bool // the text is not a whole object
}

// objectMembers starts a walk.
func objectMembers(text string) members {
	m := members{text: text}
	m.space()
	m.bad = !m.take('{')
	return m
}

// next gives a member: the key between its quotes, escapes as they are, and
// the text of the value.
func (m *members) next() (key, value string, ok bool) {
	if m.bad {
		return "", "", false
	}
	m.space()
	if m.take('}') {
		m.space()
		m.bad = m.pos != len(m.text)
		return "", "", false
	}
	m.take(',')
	m.space()
	start := m.pos
	m.pos = skipString(m.text, m.pos)
	key = m.text[start:m.pos]
	m.space()
	if len(key) < 2 || !m.take(':') {
		m.bad = true
		return "", "", false
	}
	m.space()
	start = m.pos
	m.pos = skipValue(m.text, m.pos)
	value = trim(m.text[start:m.pos])
	if value == "" {
		m.bad = true
		return "", "", false
	}
	return key[1 : len(key)-1], value, true
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// trim cuts JSON's white space off both ends.
func trim(s string) string {
	for s != "" && isSpace(s[0]) {
		s = s[1:]
	}
	for s != "" && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

func (m *members) space() {
	for m.pos < len(m.text) && isSpace(m.text[m.pos]) {
		m.pos++
	}
}

func (m *members) take(c byte) bool {
	if m.pos < len(m.text) && m.text[m.pos] == c {
		m.pos++
		return true
	}
	return false
}

// skipString gives the position after the string that starts at pos: pos
// itself if none does or it does not end.
func skipString(s string, pos int) int {
	if pos >= len(s) || s[pos] != '"' {
		return pos
	}
	for i := pos + 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return pos
}

// skipValue gives the position of the comma or brace that ends the value which
// starts at pos, or the text's end.
func skipValue(s string, pos int) int {
	depth := 0
	for pos < len(s) {
		switch s[pos] {
		case '"':
			end := skipString(s, pos)
			if end == pos {
				return len(s)
			}
			pos = end
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return pos
			}
			depth--
		case ',':
			if depth == 0 {
				return pos
			}
		}
		pos++
	}
	return pos
}

// lookup gives the text of a top-level member, or "".
func lookup(object, name string) string {
	m := objectMembers(object)
	for key, value, ok := m.next(); ok; key, value, ok = m.next() {
		if key == name {
			return value
		}
	}
	return ""
}

// unquote decodes a JSON string. Text without escapes is a part of s; other
// text is appended to dst. Text that is no JSON string is not ok.
func unquote(dst []byte, s string) (text string, made []byte, ok bool) {
	if len(s) < 2 || skipString(s, 0) != len(s) {
		return "", dst, false
	}
	s = s[1 : len(s)-1]
	if strings.IndexByte(s, '\\') < 0 {
		return s, dst, true
	}
	start := len(dst)
	for len(s) > 0 {
		i := strings.IndexByte(s, '\\')
		if i < 0 {
			i = len(s)
		}
		dst = append(dst, s[:i]...)
		if s = s[i:]; s == "" {
			break
		}
		if dst, s, ok = unescape(dst, s); !ok {
			return "", dst[:start], false
		}
	}
	return alias(dst[start:]), dst, true
}

// unescape decodes the escape that s starts with.
func unescape(dst []byte, s string) (made []byte, rest string, ok bool) {
	const escapes, meanings = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	if len(s) < 2 {
		return dst, "", false
	}
	if i := strings.IndexByte(escapes, s[1]); i >= 0 {
		return append(dst, meanings[i]), s[2:], true
	}
	r, ok := hexRune(s)
	if !ok {
		return dst, "", false
	}
	s = s[6:]
	if utf16.IsSurrogate(r) {
		low, _ := hexRune(s)
		if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
			s = s[6:]
		}
	}
	return utf8.AppendRune(dst, r), s, true
}

// hexRune reads \uXXXX.
func hexRune(s string) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range []byte(s[2:6]) {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// elements walks the top level of a JSON array, as leniently as members does.
type elements struct {
	text string
	pos  int
	done bool
}

// arrayElements starts a walk.
func arrayElements(text string) elements {
	text = trim(text)
	return elements{text: text, pos: 1, done: !strings.HasPrefix(text, "[")}
}

// next gives the text of an element.
func (e *elements) next() (value string, ok bool) {
	if e.done || e.pos >= len(e.text) {
		return "", false
	}
	start := e.pos
	e.pos = skipValue(e.text, start)
	value = trim(e.text[start:e.pos])
	e.done = e.pos == len(e.text) || e.text[e.pos] != ','
	e.pos++
	return value, value != ""
}
