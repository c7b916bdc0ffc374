package semconv

import (
	"strconv"
	"strings"

	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/otlp"
)

// emptyText reports whether text says nothing (R3).
func emptyText(s string) bool {
	switch s {
	case "", `""`, "null", "{}", "[]":
		return true
	}
	return false
}

// redacted is what stands for content that its emitter was told not to send.
const redacted = "<REDACTED>"

// says reports whether an attribute has something for a column: names are
// scalars, content may be structured too. It makes no text.
func (n *Normalizer) says(c column, h *hit) bool {
	if h.source.fold != nil {
		return true
	}
	switch h.value.Type {
	case schema.ValueString:
		return !emptyText(h.value.Str) && (h.value.Str != redacted || !c.content())
	case schema.ValueInt, schema.ValueDouble, schema.ValueBool:
		return true
	case schema.ValueArray, schema.ValueMap:
		return c.structured() && h.value.Str != ""
	default: // raw and binary values stay attributes
		return false
	}
}

// text is what a name column found, or "".
func (n *Normalizer) text(c column) string {
	if n.best[c].rank == noRank {
		return ""
	}
	return n.valueText(&n.hits[n.best[c].hit])
}

// valueText is a scalar as text: strings as they are, or decoded once where the
// span's exporter encoded them (R1).
func (n *Normalizer) valueText(h *hit) string {
	start := len(n.made)
	switch v := h.value; v.Type {
	case schema.ValueString:
		return n.decoded(h)
	case schema.ValueInt:
		n.made = strconv.AppendInt(n.made, v.Int(), 10)
	case schema.ValueDouble:
		n.made = strconv.AppendFloat(n.made, v.Double(), 'g', -1, 64)
	case schema.ValueBool:
		n.made = strconv.AppendBool(n.made, v.Bool())
	default:
		return ""
	}
	return alias(n.made[start:])
}

// decoded takes one layer of JSON string off an encoded attribute. JSON of
// another type is left alone: an object is its own text, and "1" may have been
// a string. So is what does not parse (R10).
func (n *Normalizer) decoded(h *hit) string {
	s := h.value.Str
	if h.plain || !n.encoded || !h.source.encoded || h.band != onSpan || !strings.HasPrefix(s, `"`) {
		return s
	}
	text, made, ok := unquote(n.made, s)
	if n.made = made; !ok {
		return s
	}
	return text
}

// objectText is the JSON of an attribute that holds an object: a map, its JSON,
// or its JSON in a JSON string. Of a list it is the first element.
func (n *Normalizer) objectText(h *hit) string {
	text := n.structuredText(h)
	if strings.HasPrefix(text, "[") {
		text = trim(text[1:skipValue(text, 1)])
	}
	return text
}

func (n *Normalizer) structuredText(h *hit) string {
	switch h.value.Type {
	case schema.ValueMap, schema.ValueArray:
		return n.render(h.value)
	case schema.ValueString:
		s := trim(h.value.Str)
		if !strings.HasPrefix(s, `"`) {
			return s
		}
		text, made, ok := unquote(n.made, s)
		if n.made = made; ok {
			return trim(text)
		}
		return s
	case schema.ValueEmpty:
		return ""
	default:
		return "?" // no object: rejected by whoever parses it
	}
}

// render makes the JSON of a structured value.
func (n *Normalizer) render(v *schema.Value) string {
	start := len(n.made)
	n.made = otlp.AppendJSON(n.made, *v)
	return alias(n.made[start:])
}

// lower makes ASCII letters lower case; text that has no others is not copied.
func (n *Normalizer) lower(s string) string {
	for i := range len(s) {
		if !isUpper(s[i]) {
			continue
		}
		start := len(n.made)
		n.made = append(n.made, s...)
		for ; i < len(s); i++ {
			if isUpper(s[i]) {
				n.made[start+i] = s[i] | 0x20
			}
		}
		return alias(n.made[start:])
	}
	return s
}

// upper makes ASCII letters upper case.
func (n *Normalizer) upper(s string) string {
	start := len(n.made)
	n.made = append(n.made, s...)
	for i, c := range n.made[start:] {
		if c >= 'a' && c <= 'z' {
			n.made[start+i] = c &^ 0x20
		}
	}
	return alias(n.made[start:])
}

func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' }
