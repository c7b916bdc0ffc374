package schema

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// Amount is a value in millionths that may be absent.
type Amount struct {
	N   int64 // 1e-6 units
	Set bool
}

// MaxAmount is the greatest magnitude of an amount, in millionths: nine billion
// units. Sums of thousands of them fit 64 bits.
const MaxAmount = 1 << 53

// maxAmountText bounds the text of a number.
const maxAmountText = 64

// ParseAmount reads a decimal number as millionths, rounded half to even. false:
// it is no finite number, or beyond MaxAmount.
func ParseAmount(text string) (int64, bool) {
	if n, ok := plainAmount(text); ok {
		return n, true
	}
	f, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil, len(text) > maxAmountText, strings.ContainsFunc(text, strange), math.IsNaN(f), math.Abs(f) > MaxAmount/1e6:
		return 0, false
	case math.Abs(f) < 1e-7:
		return 0, true // and no exponent is worked out that is as long as somebody likes
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return 0, false
	}
	r.Mul(r, big.NewRat(1e6, 1))
	n := roundHalfEven(r)
	return n, n <= MaxAmount && n >= -MaxAmount
}

// plainAmount reads what nearly all numbers are: up to nine digits and six behind
// a point, with nothing to round. false: it is something else.
func plainAmount(text string) (n int64, ok bool) {
	digits, negative := strings.CutPrefix(text, "-")
	whole, rest, pointed := strings.Cut(digits, ".")
	if len(whole) == 0 || len(whole) > 9 || len(rest) > 6 || pointed && len(rest) == 0 {
		return 0, false
	}
	for _, part := range [...]string{whole, rest} {
		for i := range len(part) {
			if part[i] < '0' || part[i] > '9' {
				return 0, false
			}
			n = 10*n + int64(part[i]-'0')
		}
	}
	for range 6 - len(rest) {
		n *= 10
	}
	if negative {
		n = -n
	}
	return n, true
}

// roundHalfEven gives the whole number nearest to r, which fits.
func roundHalfEven(r *big.Rat) int64 {
	var floor, rest, twice big.Int
	floor.DivMod(r.Num(), r.Denom(), &rest)
	n := floor.Int64()
	switch twice.Lsh(&rest, 1).Cmp(r.Denom()) {
	case 1:
		return n + 1
	case 0:
		return n + n&1
	}
	return n
}

// strange reports whether a character is not of a decimal number: Go's own have
// others too.
func strange(c rune) bool { return !strings.ContainsRune("0123456789+-.eE", c) }
