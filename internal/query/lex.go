package query

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// tokenKind is what a piece of a filter is.
type tokenKind uint8

const (
	tokenEnd      tokenKind = iota
	tokenWord               // status, tags.`a b`, AND
	tokenText               // 'x' or "x", its quotes included
	tokenNumber             // 5, -0.5, 1e9
	tokenOperator           // a run of <>=!~
	tokenGroup              // (…), balanced, as written
	tokenOther              // a character that begins nothing
)

type token struct {
	kind   tokenKind
	source string
}

// is reports whether the token is the keyword, in any case.
func (t token) is(keyword string) bool {
	return t.kind == tokenWord && strings.EqualFold(t.source, keyword)
}

// text is a quoted token without its quotes. What is between them stays as it
// is: there are no escapes.
func (t token) text() string { return t.source[1 : len(t.source)-1] }

// lex cuts a filter into tokens. It takes any text: what it does not know is
// tokenOther, as is a quote without its fellow.
func lex(src string) []token {
	var tokens []token
	for {
		src = strings.TrimLeftFunc(src, unicode.IsSpace)
		if src == "" {
			return tokens
		}
		kind, n := next(src)
		tokens = append(tokens, token{kind, src[:n]})
		src = src[n:]
	}
}

// next measures the token that src begins with. n is at least 1.
func next(src string) (kind tokenKind, n int) {
	switch c := src[0]; {
	case c == '\'':
		return quoted(src)
	case c == '"':
		if kind, n = quoted(src); kind == tokenText && n < len(src) && src[n] == '.' {
			return tokenWord, word(src) // a quoted name before its key
		}
		return kind, n
	case c == '(':
		return tokenGroup, group(src)
	case isDigit(c), (c == '-' || c == '.') && number(src) > 1:
		return tokenNumber, number(src)
	case strings.IndexByte("<>=!~", c) >= 0:
		return tokenOperator, len(src) - len(strings.TrimLeft(src, "<>=!~"))
	}
	if n = word(src); n > 0 {
		return tokenWord, n
	}
	_, n = utf8.DecodeRuneInString(src)
	return tokenOther, n
}

// quoted measures a text in quotes; without its second quote it is nothing we know.
func quoted(src string) (tokenKind, int) {
	if end := strings.IndexByte(src[1:], src[0]); end >= 0 {
		return tokenText, end + 2
	}
	return tokenOther, 1
}

// group measures what stands in parentheses, quotes and parentheses in it
// included.
func group(src string) int {
	depth := 0
	for i := 0; i < len(src); i++ {
		switch src[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		case '\'', '"', '`':
			_, n := quoted(src[i:])
			i += n - 1
		}
	}
	return len(src)
}

// number measures a number; a sign or a point alone is 1 long or 0.
func number(src string) int {
	n := 0
	if src[n] == '-' {
		n++
	}
	digits := func() { n += len(src[n:]) - len(strings.TrimLeft(src[n:], "0123456789")) }
	before := n
	digits()
	if n < len(src) && src[n] == '.' {
		n++
		digits()
	}
	if n == before || src[before:n] == "." {
		return min(n, 1) // no digit at all
	}
	mark := n
	if n < len(src) && (src[n] == 'e' || src[n] == 'E') {
		n++
		if n < len(src) && (src[n] == '-' || src[n] == '+') {
			n++
		}
		exponent := n
		if digits(); n == exponent {
			return mark
		}
	}
	return n
}

// word measures a name: parts of letters, digits and underscores, or in
// backticks or double quotes, joined by points. 0: it is none.
func word(src string) int {
	n := 0
	for {
		part := namePart(src[n:])
		if part == 0 {
			return max(n-1, 0) // the point before it belongs to nothing
		}
		n += part
		if n == len(src) || src[n] != '.' {
			return n
		}
		n++
	}
}

func namePart(src string) int {
	if src == "" {
		return 0
	}
	if src[0] == '`' || src[0] == '"' {
		if kind, n := quoted(src); kind == tokenText {
			return n
		}
		return 0
	}
	return len(src) - len(strings.TrimLeftFunc(src, func(r rune) bool {
		return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r)
	}))
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
