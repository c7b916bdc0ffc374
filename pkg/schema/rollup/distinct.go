package rollup

import (
	"math"
	"math/bits"
	"slices"

	"github.com/cespare/xxhash/v2"
)

const (
	// DistinctBits is how many bits of a hash choose its register.
	DistinctBits = 12
	registers    = 1 << DistinctBits
	maxRank      = 64 - DistinctBits + 1
)

// DistinctError is the relative standard error of a distinct count,
// 1.04/√registers.
const DistinctError = 0.01625

// Register is the greatest rank that a hash of its index had.
type Register struct {
	Index uint16
	Rank  uint8
}

// Distinct counts different values (HyperLogLog): the registers that are set,
// by index. What was counted cannot be read back from it. The zero value is
// empty.
type Distinct []Register

// RegisterOf is the register that a value sets, and the least rank that it then
// has.
func RegisterOf(value string) Register {
	h := xxhash.Sum64String(value)
	rank := bits.LeadingZeros64(h<<DistinctBits|1<<(DistinctBits-1)) + 1
	return Register{uint16(h >> (64 - DistinctBits)), uint8(rank)}
}

// Add counts a value by its register, if it was not counted before.
func (d *Distinct) Add(r Register) {
	b := *d
	low, high := 0, len(b)
	for low < high {
		if mid := int(uint(low+high) / 2); b[mid].Index < r.Index {
			low = mid + 1
		} else {
			high = mid
		}
	}
	if low == len(b) || b[low].Index != r.Index {
		*d = slices.Insert(b, low, r)
		return
	}
	b[low].Rank = max(b[low].Rank, r.Rank)
}

// Merge makes d count what either counted.
func (d *Distinct) Merge(o Distinct) {
	for _, r := range o {
		d.Add(r)
	}
}

// Estimate is how many different values were counted, within DistinctError. It
// is Ertl's estimator, which needs no tables and no cases for small and large
// counts.
func (d *Distinct) Estimate() float64 {
	const m = float64(registers)
	if len(*d) == 0 {
		return 0
	}
	sum := m * sigma((m-float64(len(*d)))/m)
	for _, r := range *d {
		sum += math.Exp2(-float64(r.Rank))
	}
	return m * m / (2 * math.Ln2 * sum)
}

// sigma is x + Σ x^(2^k)·2^(k−1) over k ≥ 1: what the registers that are not
// set tell, x being their part of all, below 1.
func sigma(x float64) float64 {
	total, factor := x, 1.0
	for x > 0 {
		x *= x
		before := total
		if total += x * factor; total == before {
			break
		}
		factor *= 2
	}
	return total
}
