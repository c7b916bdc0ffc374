package mlflow

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"
)

// unquote gives what a string of valid JSON says.
func unquote(raw []byte) string {
	var b strings.Builder
	b.Grow(len(raw) - 2)
	return unquoteInto(&b, raw)
}

// unquoteInto is unquote with the text's bytes in b, where there is room for many
// texts at once.
func unquoteInto(b *strings.Builder, raw []byte) string {
	start, inside := b.Len(), raw[1:len(raw)-1]
	if utf8.Valid(inside) && unescapeInto(b, inside) {
		return b.String()[start:]
	}
	return unquoteAny(raw)
}

// unquoteAny is unquote by encoding/json, which knows every escape and mends what
// is no UTF-8.
func unquoteAny(raw []byte) (s string) {
	if err := json.Unmarshal(raw, &s); err != nil {
		panic("mlflow: a string that is none in JSON that is valid") // nothing of it: it is the client's
	}
	return s
}

// escaped is what the letters after a backslash stand for; 0: more than a byte,
// or nothing.
var escaped = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// unescapeInto writes what the inside of a string of valid JSON says, unless
// something in it is escaped by its number. Clients send JSON as texts within
// JSON: what spans took in and gave out, sizes and token counts, whose quotes are
// escaped.
func unescapeInto(b *strings.Builder, inside []byte) bool {
	for {
		at := bytes.IndexByte(inside, '\\')
		if at < 0 {
			b.Write(inside)
			return true
		}
		c := escaped[inside[at+1]]
		if c == 0 {
			return false
		}
		b.Write(inside[:at])
		b.WriteByte(c)
		inside = inside[at+2:]
	}
}

// asIs marks the bytes of ASCII that strings of JSON have as they are.
var asIs = func() (table [256]bool) {
	for c := byte(' '); c < utf8.RuneSelf; c++ {
		table[c] = c != '"' && c != '\\'
	}
	return table
}()

// letters are what bytes are written as after a backslash; 0: they have no letter.
var letters = [utf8.RuneSelf]byte{'"': '"', '\\': '\\', '\b': 'b', '\f': 'f', '\n': 'n', '\r': 'r', '\t': 't'}

// appendText writes a text as JSON, to the byte as encode does.
func appendText(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	plain := 0 // s[plain:i] is written as it is
	for i := 0; i < len(s); {
		if asIs[s[i]] {
			i++
			continue
		}
		c, n := rune(s[i]), 1
		if c >= utf8.RuneSelf {
			c, n = utf8.DecodeRuneInString(s[i:])
		}
		if c >= utf8.RuneSelf && (c != utf8.RuneError || n > 1) && c != '\u2028' && c != '\u2029' {
			i += n
			continue
		}
		dst = append(dst, s[plain:i]...)
		if c < utf8.RuneSelf && letters[c] != 0 {
			dst = append(dst, '\\', letters[c])
		} else {
			dst = append(dst, '\\', 'u', hex[c>>12&15], hex[c>>8&15], hex[c>>4&15], hex[c&15])
		}
		i += n
		plain = i
	}
	return append(append(dst, s[plain:]...), '"')
}

// appendTexts writes a map as encode does: by key.
func appendTexts(dst []byte, m map[string]string) []byte {
	var few [32]string // most maps have fewer keys: none are allocated
	keys := few[:0]
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	dst = append(dst, '{')
	for i, key := range keys {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendText(dst, key), ':')
		dst = appendText(dst, m[key])
	}
	return append(dst, '}')
}
