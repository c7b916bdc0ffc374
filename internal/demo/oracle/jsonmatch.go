package oracle

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/spanmill/spanmill/internal/demo"
)

// jsonMatch compares JSON text with the value it must show. Order of members
// and white space do not count, types do: a double has a point or an exponent
// or is "NaN", "Infinity", "-Infinity"; an int has neither; bytes are base64
// text; the empty value is null.
type jsonMatch struct {
	text []byte
	at   int
}

func matchesJSON(text []byte, v *demo.Value) bool {
	m := jsonMatch{text: text}
	return m.value(v) && m.peek() == 0
}

// matchesObject compares a JSON object with attributes.
func matchesObject(text []byte, attrs []demo.Attr) bool {
	return matchesJSON(text, &demo.Value{Type: demo.Map, Pairs: attrs})
}

func (m *jsonMatch) value(v *demo.Value) bool {
	switch v.Type {
	case demo.Empty:
		return m.word("null")
	case demo.String:
		return m.string(v.Text)
	case demo.Bool:
		return m.word(strconv.FormatBool(v.Num != 0))
	case demo.Int:
		n, err := strconv.ParseInt(string(m.number()), 10, 64)
		return err == nil && n == int64(v.Num)
	case demo.Double:
		return m.double(v.Double())
	case demo.Bytes:
		return m.string(base64.StdEncoding.EncodeToString([]byte(v.Text)))
	case demo.Array:
		return m.array(v.Items)
	case demo.Map:
		return m.object(v.Pairs)
	}
	return false
}

// peek gives the next byte that is not white space, 0 at the end.
func (m *jsonMatch) peek() byte {
	for m.at < len(m.text) {
		switch c := m.text[m.at]; c {
		case ' ', '\t', '\n', '\r':
			m.at++
		default:
			return c
		}
	}
	return 0
}

func (m *jsonMatch) take(c byte) bool {
	if m.peek() != c {
		return false
	}
	m.at++
	return true
}

func (m *jsonMatch) word(w string) bool {
	m.peek()
	if !bytes.HasPrefix(m.text[m.at:], []byte(w)) {
		return false
	}
	m.at += len(w)
	return true
}

func (m *jsonMatch) number() []byte {
	m.peek()
	from := m.at
	for m.at < len(m.text) && strings.IndexByte("+-0123456789.eE", m.text[m.at]) >= 0 {
		m.at++
	}
	return m.text[from:m.at]
}

func (m *jsonMatch) double(f float64) bool {
	switch {
	case math.IsNaN(f):
		return m.string("NaN")
	case math.IsInf(f, 1):
		return m.string("Infinity")
	case math.IsInf(f, -1):
		return m.string("-Infinity")
	}
	text := m.number()
	got, err := strconv.ParseFloat(string(text), 64)
	return err == nil && bytes.ContainsAny(text, ".eE") && math.Float64bits(got) == math.Float64bits(f)
}

func (m *jsonMatch) string(want string) bool {
	got, ok := m.quoted()
	return ok && string(got) == want
}

// quoted reads a string and gives its meaning.
func (m *jsonMatch) quoted() ([]byte, bool) {
	if m.peek() != '"' {
		return nil, false
	}
	from, escaped := m.at, false
	for m.at++; m.at < len(m.text) && m.text[m.at] != '"'; m.at++ {
		if m.text[m.at] == '\\' {
			escaped = true
			m.at++
		}
	}
	if m.at >= len(m.text) {
		return nil, false
	}
	m.at++
	if !escaped {
		return m.text[from+1 : m.at-1], true
	}
	var meaning string
	err := json.Unmarshal(m.text[from:m.at], &meaning)
	return []byte(meaning), err == nil
}

func (m *jsonMatch) array(items []demo.Value) bool {
	if !m.take('[') {
		return false
	}
	for i := range items {
		if i > 0 && !m.take(',') || !m.value(&items[i]) {
			return false
		}
	}
	return m.take(']')
}

func (m *jsonMatch) object(pairs []demo.Attr) bool {
	if !m.take('{') {
		return false
	}
	var seen uint64 // the generator makes no object of more than 64 members
	for i := range pairs {
		if i > 0 && !m.take(',') {
			return false
		}
		key, ok := m.quoted()
		at := find(pairs, key)
		if !ok || at < 0 || seen>>at&1 != 0 || !m.take(':') || !m.value(&pairs[at].Value) {
			return false
		}
		seen |= 1 << at
	}
	return m.take('}')
}

// find gives the index of the attribute with this key, -1 if there is none.
func find(attrs []demo.Attr, key []byte) int {
	for i := range attrs {
		if attrs[i].Key == string(key) {
			return i
		}
	}
	return -1
}
