package rollup

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// The part of msgpack that records of topic rollups are made of. Numbers are
// written in their shortest form, so that the same words give the same bytes.

func appendArray(b []byte, n int) []byte {
	switch {
	case n < 16:
		return append(b, 0x90|byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, 0xdc), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(b, 0xdd), uint32(n))
}

func appendUint(b []byte, n uint64) []byte {
	switch {
	case n < 1<<7:
		return append(b, byte(n))
	case n <= math.MaxUint8:
		return append(b, 0xcc, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, 0xcd), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, 0xce), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, 0xcf), n)
}

func appendInt(b []byte, n int64) []byte {
	switch {
	case n >= 0:
		return appendUint(b, uint64(n))
	case n >= -32:
		return append(b, byte(n))
	case n >= math.MinInt8:
		return append(b, 0xd0, byte(n))
	case n >= math.MinInt16:
		return binary.BigEndian.AppendUint16(append(b, 0xd1), uint16(n))
	case n >= math.MinInt32:
		return binary.BigEndian.AppendUint32(append(b, 0xd2), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, 0xd3), uint64(n))
}

func appendText(b []byte, s string) []byte {
	switch n := len(s); {
	case n < 32:
		b = append(b, 0xa0|byte(n))
	case n <= math.MaxUint8:
		b = append(b, 0xd9, byte(n))
	case n <= math.MaxUint16:
		b = binary.BigEndian.AppendUint16(append(b, 0xda), uint16(n))
	default:
		b = binary.BigEndian.AppendUint32(append(b, 0xdb), uint32(n))
	}
	return append(b, s...)
}

var (
	errShort = errors.New("the value ends too early")
	errRange = errors.New("a number is out of range")
)

// unpacker reads what the functions above write. After an error it gives zeros.
type unpacker struct {
	b     []byte
	err   error
	words map[string]string // texts that were met before; nil: none are remembered
}

func (u *unpacker) fail(err error) {
	if u.err == nil {
		u.err = err
		u.b = nil
	}
}

// take gives the next n bytes, nil if there are not so many.
func (u *unpacker) take(n uint64) []byte {
	if uint64(len(u.b)) < n {
		u.fail(errShort)
		return nil
	}
	out := u.b[:n]
	u.b = u.b[n:]
	return out
}

func (u *unpacker) byte() byte {
	if b := u.take(1); b != nil {
		return b[0]
	}
	return 0
}

// big reads a big-endian number of n bytes.
func (u *unpacker) big(n uint64) (v uint64) {
	for _, b := range u.take(n) {
		v = v<<8 | uint64(b)
	}
	return v
}

// array gives the length of an array; no element is shorter than a byte.
func (u *unpacker) array() int {
	c := u.byte()
	n := uint64(c & 0x0f)
	switch {
	case u.err != nil:
		return 0
	case c == 0xdc:
		n = u.big(2)
	case c == 0xdd:
		n = u.big(4)
	case c&0xf0 != 0x90:
		u.fail(fmt.Errorf("byte %#x begins no array", c))
		return 0
	}
	if n > uint64(len(u.b)) {
		u.fail(errShort)
		return 0
	}
	return int(n)
}

// int reads a number as two's complement of 64 bits.
func (u *unpacker) int() int64 {
	switch c := u.byte(); {
	case u.err != nil:
		return 0
	case c < 0x80, c >= 0xe0:
		return int64(int8(c))
	case c >= 0xcc && c <= 0xcf:
		return int64(u.big(1 << (c - 0xcc)))
	case c == 0xd0:
		return int64(int8(u.big(1)))
	case c == 0xd1:
		return int64(int16(u.big(2)))
	case c == 0xd2:
		return int64(int32(u.big(4)))
	case c == 0xd3:
		return int64(u.big(8))
	default:
		u.fail(fmt.Errorf("byte %#x begins no number", c))
		return 0
	}
}

// within reads a number of a range.
func (u *unpacker) within(low, high int64) int64 {
	n := u.int()
	if n < low || n > high {
		u.fail(errRange)
		return low
	}
	return n
}

func (u *unpacker) text() string {
	c := u.byte()
	n := uint64(c & 0x1f)
	switch {
	case u.err != nil:
		return ""
	case c >= 0xd9 && c <= 0xdb:
		n = u.big(1 << (c - 0xd9))
	case c&0xe0 != 0xa0:
		u.fail(fmt.Errorf("byte %#x begins no text", c))
		return ""
	}
	b := u.take(n)
	if u.words == nil {
		return string(b)
	}
	word, known := u.words[string(b)]
	if !known {
		word = string(b)
		u.words[word] = word
	}
	return word
}
