package dedup

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
)

// KeyOf is the fingerprint of a list of words: no two different lists make the
// same message.
func (h Hasher) KeyOf(words ...string) Fingerprint {
	return Fingerprint{hi: sumOf(h.seed, words), lo: sumOf(h.seed^loSeed, words)}
}

// Within is the fingerprint of something that goes by a word and a mark within
// what has a fingerprint.
func (h Hasher) Within(f Fingerprint, word string, mark bool) Fingerprint {
	var head [17]byte
	binary.BigEndian.PutUint64(head[:], f.hi)
	binary.BigEndian.PutUint64(head[8:], f.lo)
	if mark {
		head[16] = 1
	}
	return Fingerprint{hi: sumWithin(h.seed, &head, word), lo: sumWithin(h.seed^loSeed, &head, word)}
}

func sumWithin(seed uint64, head *[17]byte, word string) uint64 {
	var d xxhash.Digest
	d.ResetWithSeed(seed)
	_, _ = d.Write(head[:])
	_, _ = d.WriteString(word)
	return d.Sum64()
}

func sumOf(seed uint64, words []string) uint64 {
	var d xxhash.Digest
	d.ResetWithSeed(seed)
	var length [8]byte
	for _, w := range words {
		binary.BigEndian.PutUint64(length[:], uint64(len(w)))
		_, _ = d.Write(length[:])
		_, _ = d.WriteString(w)
	}
	return d.Sum64()
}
