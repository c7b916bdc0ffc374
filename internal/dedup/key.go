package dedup

import (
	"github.com/cespare/xxhash/v2"

	"github.com/spanmill/spanmill/pkg/schema"
)

// Fingerprint stands for (tenant, trace id, span id). It has 128 bits: with
// K = 1 M spans in the ring the odds that a new span meets a stranger's
// fingerprint are K/2^128, about 3e-33 a span. (64 bits would give 5e-14, which
// at a hundred thousand spans a second is a lost span every six years for the
// saving of a quarter of the memory.)
type Fingerprint struct{ hi, lo uint64 }

// Hash is as good as random: what tables of fingerprints go by.
func (f Fingerprint) Hash() uint64 { return f.lo }

// Less orders fingerprints, in no order that means anything.
func (f Fingerprint) Less(o Fingerprint) bool {
	return f.hi < o.hi || f.hi == o.hi && f.lo < o.lo
}

// Hasher makes fingerprints with a key that is fixed for a deployment. The
// writer and the aggregator must be given the same one. The zero value is the
// hasher of the empty secret.
//
// The key keeps a client from working out a span that collides with a span of
// somebody else; the hash is not cryptographic, and whoever holds the key can.
type Hasher struct{ seed uint64 }

// NewHasher derives the key from a deployment's secret.
func NewHasher(secret string) Hasher {
	if secret == "" {
		return Hasher{}
	}
	return Hasher{seed: xxhash.Sum64String(secret)}
}

// loSeed sets the second half's seed apart from the first half's.
const loSeed = 0x9e3779b97f4a7c15

// Key is the fingerprint of a span. Its content never enters: MLflow's dual
// export and collectors that re-batch send the same span in other bytes.
func (h Hasher) Key(tenant string, trace schema.TraceID, span schema.SpanID) Fingerprint {
	// The ids have a fixed length and come first, so that no two different
	// triples make the same message.
	var ids [len(trace) + len(span)]byte
	copy(ids[:], trace[:])
	copy(ids[len(trace):], span[:])
	return Fingerprint{hi: sum(h.seed, &ids, tenant), lo: sum(h.seed^loSeed, &ids, tenant)}
}

func sum(seed uint64, ids *[24]byte, tenant string) uint64 {
	var d xxhash.Digest
	d.ResetWithSeed(seed)
	_, _ = d.Write(ids[:])
	_, _ = d.WriteString(tenant)
	return d.Sum64()
}
