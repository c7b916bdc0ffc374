package semconv

import (
	"math"
	"strconv"
	"strings"

	"github.com/spanmill/spanmill/pkg/schema"
)

// verdict says what a value is worth as a number (R2).
type verdict uint8

const (
	absent   verdict = iota // nothing was said
	usable                  // take it
	rejected                // not a number of that kind; counted
)

// maxNumberText bounds the text that is read as a number.
const maxNumberText = 64

// number reads a value for a numeric column.
func number(c column, v *schema.Value) (uint64, verdict) {
	switch v.Type {
	case schema.ValueEmpty:
		return 0, absent
	case schema.ValueInt:
		return wholeNumber(c, v.Int())
	case schema.ValueDouble:
		return floatNumber(c, v.Double())
	case schema.ValueString:
		return textNumber(c, v.Str)
	default:
		return 0, rejected
	}
}

func wholeNumber(c column, i int64) (uint64, verdict) {
	u := c.unit()
	switch {
	case u.real:
		return math.Float64bits(float64(i)), usable
	case i < 0:
		return 0, rejected
	case u.shift == 0:
		return uint64(i), usable
	}
	if step := int64(math.Pow10(u.shift)); i <= math.MaxInt64/step {
		return uint64(i * step), usable
	}
	return 0, rejected
}

func floatNumber(c column, f float64) (uint64, verdict) {
	u := c.unit()
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return 0, rejected
	case u.real:
		return math.Float64bits(f), usable
	case f < 0:
		return 0, rejected
	case u.shift == 0 && f < 1<<63 && f == math.Trunc(f):
		return uint64(f), usable
	}
	// A double means its shortest decimal form: 0.00015 is 150,000 nano-dollars,
	// not the binary fraction next to it.
	var text [32]byte
	return decimalNumber(u, strconv.AppendFloat(text[:0], f, 'e', -1, 64))
}

// textNumber reads decimal text, a JSON string of it, or the JSON form of an
// OTLP number ({"intValue": n}), which some SDKs leave in.
func textNumber(c column, s string) (uint64, verdict) {
	s = trim(s)
	if strings.HasPrefix(s, "{") && s != "{}" {
		if s = lookup(s, "intValue"); s == "" {
			return 0, rejected
		}
	}
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		s = trim(s[1 : len(s)-1])
	}
	if emptyText(s) || c == maxTokens && s == "Infinity" { // Langfuse's word for no limit
		return 0, absent
	}
	if len(s) > maxNumberText {
		return 0, rejected
	}
	if u := c.unit(); !u.real {
		return decimalNumber(u, s)
	}
	return realNumber(s)
}

// realNumber reads decimal text only: no names, no hexadecimals.
func realNumber(s string) (uint64, verdict) {
	if _, _, ok := decimal(strings.TrimPrefix(s, "-"), 0); !ok {
		return 0, rejected
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, rejected // out of range
	}
	return math.Float64bits(f), usable
}

func decimalNumber[T string | []byte](u unit, s T) (uint64, verdict) {
	n, over, ok := decimal(s, u.shift)
	switch {
	case !ok:
		return 0, rejected
	case u.shift != 0 && (over || n > math.MaxInt64):
		return 0, rejected // no price or time is that; a sum of such would overflow
	case over:
		return math.MaxUint64, usable
	}
	return n, usable
}

// decimal gives s × 10^shift, rounded once, half to even. Over means that it
// does not fit; ok is false for text that is no decimal number or is negative.
func decimal[T string | []byte](s T, shift int) (n uint64, over, ok bool) {
	var (
		digits [maxNumberText]byte
		count  int
		point  = -1
		i      int
	)
	if len(s) > len(digits) {
		return 0, false, false
	}
	negative := i < len(s) && s[i] == '-'
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		i++
	}
	for ; i < len(s); i++ {
		if s[i] == '.' && point < 0 {
			point = count
			continue
		}
		if s[i] < '0' || s[i] > '9' {
			break
		}
		digits[count] = s[i] - '0'
		count++
	}
	if point < 0 {
		point = count
	}
	exponent, ok := exponentOf(s, i)
	if !ok || count == 0 {
		return 0, false, false
	}
	n, over = roundDigits(digits[:count], point+exponent+shift)
	return n, over, !negative || n == 0 && !over
}

// exponentOf reads what follows the digits: nothing, or e and a number.
func exponentOf[T string | []byte](s T, i int) (exponent int, ok bool) {
	if i == len(s) {
		return 0, true
	}
	if s[i]|0x20 != 'e' {
		return 0, false
	}
	i++
	negative := i < len(s) && s[i] == '-'
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		i++
	}
	if i == len(s) {
		return 0, false
	}
	for ; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		exponent = min(exponent*10+int(s[i]-'0'), 10_000)
	}
	if negative {
		exponent = -exponent
	}
	return exponent, true
}

// roundDigits gives the integer before the point, rounded by what is behind it.
func roundDigits(digits []byte, point int) (n uint64, over bool) {
	for i := range point {
		var d uint64
		if i < len(digits) {
			d = uint64(digits[i])
		} else if n == 0 {
			return 0, false // zeros, however many
		}
		if n > (math.MaxUint64-d)/10 {
			return math.MaxUint64, true
		}
		n = n*10 + d
	}
	if roundsUp(digits, point, n&1 == 1) {
		if n == math.MaxUint64 {
			return n, true
		}
		n++
	}
	return n, false
}

func roundsUp(digits []byte, point int, odd bool) bool {
	if point < 0 || point >= len(digits) || digits[point] < 5 {
		return false
	}
	if digits[point] > 5 {
		return true
	}
	for _, d := range digits[point+1:] {
		if d != 0 {
			return true
		}
	}
	return odd
}
