package rollup

import (
	"math"
	"math/bits"
)

// MaxValue is the greatest magnitude of a single contribution: 104 days in
// nanoseconds, 9 million dollars in nano-dollars. A thousand of them a second
// do not wrap a sum within an hour.
const MaxValue = 1 << 53

// Weight says how many a span stands for, in millionths.
type Weight int64

// Once is the weight of a span that was not sampled.
const Once Weight = 1_000_000

// Observation is a value ready to be added to any number of partials.
type Observation struct {
	Value     int64
	Weight    Weight
	Estimated int64 // of all that it stands for
	Bucket    int16
}

// Of makes an observation of a value.
func Of(v int64, w Weight) Observation {
	return Observation{v, w, w.times(v), BucketOf(v)}
}

// Plain is Of for partials that keep no distribution.
func Plain(v int64, w Weight) Observation {
	return Observation{Value: v, Weight: w, Estimated: w.times(v)}
}

// times is v × w/1e6, rounded half to even.
func (w Weight) times(v int64) int64 {
	if w == Once {
		return v
	}
	negative := v < 0
	if negative {
		v = -v
	}
	hi, lo := bits.Mul64(uint64(v), uint64(w))
	if hi >= uint64(Once) {
		hi = uint64(Once) - 1 // beyond 64 bits: as far as it goes
	}
	n, rest := bits.Div64(hi, lo, uint64(Once))
	if half := uint64(Once) / 2; rest > half || rest == half && n&1 == 1 {
		n++
	}
	n = min(n, math.MaxInt64)
	if negative {
		return -int64(n)
	}
	return int64(n)
}
