package otlp

import (
	"unicode/utf8"

	"github.com/spanmill/spanmill/pkg/schema"
)

// attr appends a KeyValue to a slab, filling it in place, and notes in d.mended
// what it had to mend.
func (d *Decoder) attr(slab []schema.Attr, src string) []schema.Attr {
	slab = append(slab, schema.Attr{})
	a := &slab[len(slab)-1]
	wire := keyValue(a, src, &d.odd)
	a.Key = d.key(a.Key)
	switch a.Value.Type {
	case schema.ValueString:
		a.Value.Str = d.valid(a.Value.Str)
	case schema.ValueArray, schema.ValueMap:
		d.odd = d.odd || check(msgAnyValue, wire) != nil
		f := nested(a.Value, 1)
		d.mended |= f
		if f&schema.FlagDeepValue != 0 {
			a.Value = schema.Value{Type: schema.ValueRaw, Str: wire}
		}
	default: // nothing in it can be invalid
	}
	return slab
}

// valid gives s as valid UTF-8, in the decoder's memory if it was not.
func (d *Decoder) valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	d.mended |= schema.FlagInvalidUTF8
	start := len(d.text)
	d.text = appendValid(d.text, s)
	return alias(d.text[start:])
}

// appendValid appends s with U+FFFD for each byte that is not UTF-8.
func appendValid(dst []byte, s string) []byte {
	for _, r := range s {
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

// keyValue reads a KeyValue into a, which is zero. wire is the AnyValue that the
// value was taken from: protobuf merges a repeated value, so an empty one
// changes nothing. odd is as in cursor, and set too by a value that hides another.
func keyValue(a *schema.Attr, src string, odd *bool) (wire string) {
	c := cursor{src: src, m: msgKeyValue, odd: odd}
	for c.next() {
		switch c.num {
		case 1:
			a.Key = c.data
		case 2:
			if a.Value.Type != schema.ValueEmpty {
				c.mark()
			}
			if anyValue(&a.Value, c.data, odd) {
				wire = c.data
			}
		}
	}
	return wire
}

// anyValue sets v to what an AnyValue holds, its last member, and reports
// whether it holds anything.
func anyValue(v *schema.Value, src string, odd *bool) bool {
	if isShortString(src) {
		*v = schema.Value{Type: schema.ValueString, Str: src[2:]}
		return true
	}
	found := false
	c := cursor{src: src, m: msgAnyValue, odd: odd}
	for c.next() {
		if found {
			c.mark()
		}
		switch c.num {
		case 1:
			*v = schema.Value{Type: schema.ValueString, Str: c.data}
		case 2:
			*v = schema.Value{Type: schema.ValueBool}
			if c.val != 0 {
				v.Num = 1
			}
		case 3:
			*v = schema.Value{Type: schema.ValueInt, Num: c.val}
		case 4:
			*v = schema.Value{Type: schema.ValueDouble, Num: c.val}
		case 5:
			*v = schema.Value{Type: schema.ValueArray, Str: c.data}
		case 6:
			*v = schema.Value{Type: schema.ValueMap, Str: c.data}
		case 7:
			*v = schema.Value{Type: schema.ValueBytes, Str: c.data}
		case 8: // an index into a table that only profiles have
			*v = schema.Value{}
		default:
			continue
		}
		found = true
	}
	return found
}

// nested looks for invalid UTF-8 and for values beyond maxDepth inside v, which
// is the depth-th AnyValue from the attribute down.
func nested(v schema.Value, depth int) schema.SpanFlags {
	var f schema.SpanFlags
	switch v.Type {
	case schema.ValueString:
		return invalidUTF8(v.Str)
	case schema.ValueArray, schema.ValueMap:
	default:
		return 0
	}
	c := cursor{src: v.Str, m: listOf(v.Type)}
	for c.next() {
		if c.num != 1 {
			continue
		}
		if depth == maxDepth {
			return f | schema.FlagDeepValue
		}
		var e schema.Attr
		if v.Type == schema.ValueArray {
			anyValue(&e.Value, c.data, nil)
		} else {
			keyValue(&e, c.data, nil)
		}
		f |= invalidUTF8(e.Key) | nested(e.Value, depth+1)
	}
	return f
}

// listOf is the message that a nested value's wire form is.
func listOf(t schema.ValueType) message {
	if t == schema.ValueArray {
		return msgArrayValue
	}
	return msgKeyValueList
}

func invalidUTF8(s string) schema.SpanFlags {
	if utf8.ValidString(s) {
		return 0
	}
	return schema.FlagInvalidUTF8
}
