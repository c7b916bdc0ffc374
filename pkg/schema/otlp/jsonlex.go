package otlp

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonToken is a JSON token: kind is its first character, with '0' for any
// number and 0 for the end of the text. text is a string's content, unescaped,
// or a number as written; it is valid until the next token.
type jsonToken struct {
	kind byte
	text string
}

// jsonLexer cuts JSON text into tokens, strictly. It exists because
// encoding/json's Token costs several times as much and replaces invalid UTF-8,
// which Decode is to see and flag.
type jsonLexer struct {
	src     string
	pos     int
	scratch []byte // the string being unescaped
}

// next reads a token, punctuation included. ok is false where none begins.
func (l *jsonLexer) next() (t jsonToken, ok bool) {
	for l.pos < len(l.src) && isSpace(l.src[l.pos]) {
		l.pos++
	}
	if l.pos == len(l.src) {
		return jsonToken{}, true
	}
	switch c := l.src[l.pos]; c {
	case '{', '}', '[', ']', ',', ':':
		l.pos++
		return jsonToken{kind: c}, true
	case '"':
		l.pos++
		text, ok := l.str()
		return jsonToken{'"', text}, ok
	case 't':
		return jsonToken{kind: c}, l.literal("true")
	case 'f':
		return jsonToken{kind: c}, l.literal("false")
	case 'n':
		return jsonToken{kind: c}, l.literal("null")
	default:
		text, ok := l.number()
		return jsonToken{'0', text}, ok
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func (l *jsonLexer) literal(word string) bool {
	if rest := l.src[l.pos:]; len(rest) < len(word) || rest[:len(word)] != word {
		return false
	}
	l.pos += len(word)
	return true
}

// number reads -?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?
func (l *jsonLexer) number() (string, bool) {
	start := l.pos
	l.accept("-")
	zero := l.accept("0")
	if n := l.digits(); !zero && n == 0 || zero && n > 0 {
		return "", false
	}
	if l.accept(".") && l.digits() == 0 {
		return "", false
	}
	if l.accept("eE") {
		l.accept("+-")
		if l.digits() == 0 {
			return "", false
		}
	}
	return l.src[start:l.pos], true
}

// accept passes over one character if it is of set.
func (l *jsonLexer) accept(set string) bool {
	if l.pos == len(l.src) {
		return false
	}
	for i := range len(set) {
		if l.src[l.pos] == set[i] {
			l.pos++
			return true
		}
	}
	return false
}

func (l *jsonLexer) digits() int {
	start := l.pos
	for l.pos < len(l.src) && '0' <= l.src[l.pos] && l.src[l.pos] <= '9' {
		l.pos++
	}
	return l.pos - start
}

// str reads a string after its opening quote. Text without escapes aliases the
// source.
func (l *jsonLexer) str() (string, bool) {
	start := l.pos
	l.scratch = l.scratch[:0]
	for l.pos < len(l.src) {
		switch c := l.src[l.pos]; {
		case c == '"':
			l.pos++
			if len(l.scratch) == 0 {
				return l.src[start : l.pos-1], true
			}
			l.scratch = append(l.scratch, l.src[start:l.pos-1]...)
			return alias(l.scratch), true
		case c == '\\':
			l.scratch = append(l.scratch, l.src[start:l.pos]...)
			if !l.escape() {
				return "", false
			}
			start = l.pos
		case c < ' ':
			return "", false
		default:
			l.pos++
		}
	}
	return "", false
}

// escape reads one escape, or two that are a surrogate pair. A lone surrogate
// is U+FFFD.
func (l *jsonLexer) escape() bool {
	if l.pos++; l.pos == len(l.src) {
		return false
	}
	c := l.src[l.pos]
	l.pos++
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		r, ok := l.unit()
		if utf16.IsSurrogate(r) {
			pair := rune(utf8.RuneError)
			if next := l.pos; ok && l.accept("\\") && l.accept("u") {
				low, valid := l.unit()
				if pair = utf16.DecodeRune(r, low); !valid || pair == utf8.RuneError {
					l.pos = next
				}
			} else {
				l.pos = next
			}
			r = pair
		}
		l.scratch = utf8.AppendRune(l.scratch, r)
		return ok
	default:
		return false
	}
	l.scratch = append(l.scratch, c)
	return true
}

// unit reads the four digits of a \u escape.
func (l *jsonLexer) unit() (rune, bool) {
	if len(l.src)-l.pos < 4 {
		return 0, false
	}
	v, err := strconv.ParseUint(l.src[l.pos:l.pos+4], 16, 16)
	l.pos += 4
	return rune(v), err == nil
}
