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
