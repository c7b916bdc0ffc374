package otlp

import (
	"encoding/base64"
	"encoding/hex"
	"math"
	"strconv"
	"strings"
)

// scalar writes field num of kind k from token t, or says why it cannot.
func (r *jsonReader) scalar(num int, k kind, t jsonToken) (reason string) {
	switch k {
	case kindString, kindBytes, kindID:
		if t.kind != '"' {
			return "wrong JSON type"
		}
		return r.text(num, k, t.text)
	case kindBool:
		switch t.kind {
		case 't':
			r.w.varint(num, 1)
		case 'f':
			r.w.varint(num, 0)
		default:
			return "wrong JSON type"
		}
		return ""
	default: // numbers and enums, below
	}
	text := t.text
	if t.kind != '0' && t.kind != '"' {
		return "wrong JSON type"
	}
	if k == kindDouble {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return "not a number in range"
		}
		r.w.fixed64(num, math.Float64bits(f))
		return ""
	}
	v, ok := integer(k, text)
	switch {
	case !ok && (k == kindSpan || k == kindStatus || k == kindLevel):
		return "not a name or number of this enum"
	case !ok:
		return "not an integer in range"
	case k.wire() == wireI64:
		r.w.fixed64(num, v)
	case k.wire() == wireI32:
		r.w.fixed32(num, uint32(v))
	default:
		r.w.varint(num, v)
	}
	return ""
}

func (r *jsonReader) text(num int, k kind, s string) (reason string) {
	switch k {
	case kindID:
		id, err := hex.AppendDecode(r.scratch[:0], []byte(s))
		if err != nil {
			id = append(id[:0], 0) // no id has one byte: Split rejects the span
		}
		r.scratch = id
		r.w.text(num, alias(id))
	case kindBytes:
		enc := base64.RawStdEncoding
		if strings.ContainsAny(s, "-_") {
			enc = base64.RawURLEncoding
		}
		b, err := enc.AppendDecode(r.scratch[:0], []byte(strings.TrimRight(s, "=")))
		if err != nil {
			return "not base64"
		}
		r.scratch = b
		r.w.text(num, alias(b))
	default:
		r.w.text(num, s)
	}
	return ""
}

// integer reads an integer or enum of kind k as the bits that protobuf sends.
func integer(k kind, text string) (uint64, bool) {
	switch k {
	case kindSpan:
		if v, ok := strings.CutPrefix(text, "SPAN_KIND_"); ok {
			return named(v, "UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
		}
	case kindStatus:
		if v, ok := strings.CutPrefix(text, "STATUS_CODE_"); ok {
			return named(v, "UNSET", "OK", "ERROR")
		}
	case kindLevel:
		if v, ok := strings.CutPrefix(text, "SEVERITY_NUMBER_"); ok {
			return level(v)
		}
	default: // plain integers
	}
	text, ok := plainInteger(text)
	if !ok {
		return 0, false
	}
	switch k {
	case kindFixed64:
		v, err := strconv.ParseUint(text, 10, 64)
		return v, err == nil
	case kindFixed32, kindUint32:
		v, err := strconv.ParseUint(text, 10, 32)
		return v, err == nil
	case kindInt64:
		v, err := strconv.ParseInt(text, 10, 64)
		return uint64(v), err == nil
	default:
		v, err := strconv.ParseInt(text, 10, 32)
		return uint64(v), err == nil
	}
}

// level gives the number of a severity: four of each kind, as INFO, INFO2, ….
func level(name string) (uint64, bool) {
	if name == "UNSPECIFIED" {
		return 0, true
	}
	word, nth := name, uint64(1)
	if last := len(name) - 1; last >= 0 && '2' <= name[last] && name[last] <= '4' {
		word, nth = name[:last], uint64(name[last]-'0')
	}
	i, ok := named(word, "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
	return 4*i + nth, ok
}

// named gives the index of name among an enum's names.
func named(name string, names ...string) (uint64, bool) {
	for i, n := range names {
		if n == name {
			return uint64(i), true
		}
	}
	return 0, false
}

// plainInteger turns forms such as 1e3, 1.50E1 and 2.0 into plain digits,
// exactly: a detour through float64 would change large numbers.
func plainInteger(s string) (string, bool) {
	if !strings.ContainsAny(s, ".eE") {
		return s, true
	}
	exp := 0
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		var err error
		if exp, err = strconv.Atoi(s[i+1:]); err != nil {
			return "", false
		}
		s = s[:i]
	}
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	whole, fraction, _ := strings.Cut(s, ".")
	if whole == "" {
		return "", false
	}
	digits := strings.TrimLeft(whole+fraction, "0")
	if digits == "" {
		return "0", true
	}
	significant := strings.TrimRight(digits, "0")
	exp += len(digits) - len(significant) - len(fraction)
	const most = len("18446744073709551615")
	if exp < 0 || exp > most || len(significant)+exp > most {
		return "", false
	}
	return sign + significant + strings.Repeat("0", exp), true
}
