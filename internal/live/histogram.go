package live

import (
	"math"

	dto "github.com/prometheus/client_model/go"

	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// nativeSchema is the resolution of Prometheus's native histograms: 2^3 buckets
// an octave, so each is 9 % wide. Ours are four times as narrow and do not lie on
// seconds, so a value is placed by the middle of its bucket.
const nativeSchema = 3

// zeroThreshold is below any observation that is not zero.
const zeroThreshold = 1e-12

// histogram gives a distribution in both of Prometheus's forms: classic buckets
// for its text formats, sparse ones for its binary one. A metric without a
// distribution has a count and a sum.
func (f *family) histogram(p *rollup.Partial) *dto.Histogram {
	h := &dto.Histogram{SampleCount: new(uint64(max(p.Count, 0))), SampleSum: new(float64(p.Sum) * f.scale)}
	classic := make([]uint64, len(f.buckets))
	var native sparse
	for _, b := range p.Hist {
		v := rollup.BucketValue(b.Index) * f.scale
		for i, le := range f.buckets {
			if v <= le {
				classic[i] += b.Count
			}
		}
		native.add(v, b.Count)
	}
	for i, le := range f.buckets {
		h.Bucket = append(h.Bucket, &dto.Bucket{UpperBound: new(le), CumulativeCount: new(classic[i])})
	}
	if len(p.Hist) > 0 {
		native.write(h)
	}
	return h
}

// sparse are the buckets of a native histogram, lowest first.
type sparse struct {
	zero    uint64
	indices []int32
	counts  []uint64
}

// add puts n values into their bucket; values come in order.
func (s *sparse) add(v float64, n uint64) {
	if v <= zeroThreshold {
		s.zero += n // durations and rates are not negative
		return
	}
	index := int32(math.Ceil(math.Log2(v) * (1 << nativeSchema)))
	if last := len(s.indices) - 1; last >= 0 && s.indices[last] == index {
		s.counts[last] += n
		return
	}
	s.indices = append(s.indices, index)
	s.counts = append(s.counts, n)
}

// write gives runs of neighbouring buckets, and each count as the change from
// the one before.
func (s *sparse) write(h *dto.Histogram) {
	h.Schema = new(int32(nativeSchema))
	h.ZeroThreshold, h.ZeroCount = new(float64(zeroThreshold)), new(s.zero)
	var last int64
	for i, index := range s.indices {
		switch {
		case i == 0:
			h.PositiveSpan = append(h.PositiveSpan, &dto.BucketSpan{Offset: new(index), Length: new(uint32(1))})
		case index == s.indices[i-1]+1:
			*h.PositiveSpan[len(h.PositiveSpan)-1].Length++
		default:
			h.PositiveSpan = append(h.PositiveSpan, &dto.BucketSpan{Offset: new(index - s.indices[i-1] - 1), Length: new(uint32(1))})
		}
		h.PositiveDelta = append(h.PositiveDelta, int64(s.counts[i])-last)
		last = int64(s.counts[i])
	}
}
