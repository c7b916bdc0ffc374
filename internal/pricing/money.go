package pricing

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"strconv"
	"strings"
)

// Powers of ten that money is counted in.
const (
	attoPerNano  = 1_000_000_000
	attoDigits   = 18 // atto-dollars in a dollar
	milliDigits  = attoDigits - 6
	nanoDigits   = 9
	maxNumberLen = 64
)

// MaxNano bounds a cost: more than a billion dollars for one call is an error of
// whoever counted its tokens, and column cost could not hold it.
const MaxNano = 1e18 - 1

var (
	errNotMoney   = errors.New("is not an amount of dollars")
	errMoneyRange = errors.New("is beyond what a price can be")
)

// money reads an amount of dollars as an integer number of 10^-digits dollars.
// What is finer than that is rounded half to even: files that were computed in
// floating point have such noise.
func money(text string, digits int) (uint64, error) {
	if n, ok := plain(text, digits); ok {
		return n, nil
	}
	// ParseFloat bounds the exponent before big.Rat multiplies it out.
	f, err := strconv.ParseFloat(text, 64)
	switch {
	case len(text) > maxNumberLen || strings.ContainsFunc(text, notNumeric) || err != nil || f < 0:
		return 0, fmt.Errorf("%q %w", clip(text), errNotMoney)
	case f > 1e9 || f != 0 && f < 1e-30:
		return 0, fmt.Errorf("%q %w", text, errMoneyRange)
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return 0, fmt.Errorf("%q %w", text, errNotMoney)
	}
	r.Mul(r, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)))
	n := roundHalfEven(r)
	if !n.IsUint64() || n.Uint64() > math.MaxInt64 {
		return 0, fmt.Errorf("%q %w", text, errMoneyRange)
	}
	return n.Uint64(), nil
}

// plain reads what nearly all amounts look like: some digits, perhaps a point
// and digits again, no finer than asked for.
func plain(text string, digits int) (n uint64, ok bool) {
	fraction := -1 // how many digits follow the point; -1: none has come
	for i := range len(text) {
		switch c := text[i]; {
		case c == '.' && fraction < 0 && i > 0:
			fraction = 0
		case c < '0' || c > '9' || n > math.MaxInt64/100:
			return 0, false
		default:
			n = n*10 + uint64(c-'0')
			if fraction >= 0 {
				fraction++
			}
		}
	}
	for range digits - max(fraction, 0) {
		if n > math.MaxInt64/10 {
			return 0, false
		}
		n *= 10
	}
	return n, text != "" && fraction != 0 && fraction <= digits
}

func clip(text string) string {
	return text[:min(len(text), maxNumberLen)]
}

func roundHalfEven(r *big.Rat) *big.Int {
	q, rest := new(big.Int).QuoRem(r.Num(), r.Denom(), new(big.Int))
	switch rest.Lsh(rest, 1).Cmp(r.Denom()) {
	case 1:
		q.Add(q, big.NewInt(1))
	case 0:
		q.Add(q, big.NewInt(int64(q.Bit(0))))
	}
	return q
}

// sum is atto-dollars: 128 bits, and whether they were enough.
type sum struct {
	hi, lo uint64
	over   bool
}

func (s *sum) add(count, atto uint64) {
	hi, lo := bits.Mul64(count, atto)
	var carry, over uint64
	s.lo, carry = bits.Add64(s.lo, lo, 0)
	s.hi, over = bits.Add64(s.hi, hi, carry)
	s.over = s.over || over != 0
}

// nano is the sum in nano-dollars, rounded half to even, at most MaxNano.
func (s *sum) nano() uint64 {
	if s.over || s.hi >= attoPerNano {
		return MaxNano
	}
	n, rest := bits.Div64(s.hi, s.lo, attoPerNano)
	if half := uint64(attoPerNano / 2); rest > half || rest == half && n&1 == 1 {
		n++
	}
	return min(n, MaxNano)
}

func notNumeric(r rune) bool { return !strings.ContainsRune("0123456789.eE+-", r) }
