package demo

import (
	"encoding/binary"
	"math/bits"
)

// mulFold is a 64-to-128-bit multiplication folded back to 64 bits: not
// invertible, good for seeds.
func mulFold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// mix is a bijection of 64-bit numbers that looks random (Stafford's variant
// 13 of the MurmurHash3 finalizer), and unmix its inverse.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

func unmix(x uint64) uint64 {
	x ^= x>>31 ^ x>>62
	x *= 0x319642b2d24d8ec3
	x ^= x>>27 ^ x>>54
	x *= 0x96de1b173f119089
	return x ^ x>>30 ^ x>>60
}

// identity makes and reads the ids of one seed.
type identity struct {
	prefix uint64 // first half of every trace id, never 0
	key    uint64 // of the second half
}

func newIdentity(seed uint64) identity {
	return identity{
		prefix: mix(seed+0x9e3779b97f4a7c15) | 1,
		key:    mix(seed ^ 0x6a09e667f3bcc908),
	}
}

func (d identity) traceID(i uint64) (id [16]byte) {
	binary.BigEndian.PutUint64(id[:8], d.prefix)
	binary.BigEndian.PutUint64(id[8:], mix(i^d.key))
	return id
}

// traceOf inverts traceID; false for ids of another seed.
func (d identity) traceOf(id [16]byte) (i uint64, ok bool) {
	return unmix(binary.BigEndian.Uint64(id[8:])) ^ d.key, binary.BigEndian.Uint64(id[:8]) == d.prefix
}

// spanKey keys the span ids of a trace. Its top bits are 10, so that key + s is
// never 0 and neither is the id.
func (d identity) spanKey(i uint64) uint64 {
	return mulFold(i^d.key, d.prefix)>>2 | 1<<63
}

func (d identity) spanID(i uint64, s uint32) (id [8]byte) {
	binary.BigEndian.PutUint64(id[:], mix(d.spanKey(i)+uint64(s)))
	return id
}

// spanOf inverts spanID: which span of trace i has this id. The caller bounds
// it by the trace's size.
func (d identity) spanOf(i uint64, id [8]byte) uint64 {
	return unmix(binary.BigEndian.Uint64(id[:])) - d.spanKey(i)
}

// reference is a number that message m of span s of trace i shares with no
// other message. It holds for i < 2^40, s < 2^20, m < 2^4.
func (d identity) reference(i uint64, s uint32, m int) uint64 {
	return mix((i<<24 | uint64(s)<<4 | uint64(m)) ^ d.key)
}
