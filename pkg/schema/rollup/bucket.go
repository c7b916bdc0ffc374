package rollup

import (
	"math"
	"math/bits"
)

// BucketsPerOctave is how many buckets there are between a value and its double.
const BucketsPerOctave = 32

// QuantileError is the greatest relative error of a value that is known by its
// bucket only: (b−1)/(b+1) with b the ratio of a bucket's bounds, 2^(1/32).
const QuantileError = 0.01084

// zeroBucket is the index of the bucket that holds 0 alone. Positive values are
// at 0 and above, the bucket of -v is at [negated] the bucket of v.
const zeroBucket = -1

// thresholds[k] is the least mantissa, as a number with its top bit set, of the
// k-th bucket of an octave. Comparing integers with a table puts a value into
// the same bucket on every machine; a logarithm would not.
var thresholds = [BucketsPerOctave]uint64{
	0x8000000000000000, 0x82cd8698ac2ba1d8, 0x85aac367cc487b15, 0x88980e8092da8528,
	0x8b95c1e3ea8bd6e7, 0x8ea4398b45cd53c1, 0x91c3d373ab11c337, 0x94f4efa8fef70962,
	0x9837f0518db8a970, 0x9b8d39b9d54e5539, 0x9ef5326091a111ae, 0xa27043030c496819,
	0xa5fed6a9b15138eb, 0xa9a15ab4ea7c0ef9, 0xad583eea42a14ac7, 0xb123f581d2ac2590,
	0xb504f333f9de6485, 0xb8fbaf4762fb9eea, 0xbd08a39f580c36bf, 0xc12c4cca66709457,
	0xc5672a115506dade, 0xc9b9bd866e2f27a3, 0xce248c151f8480e4, 0xd2a81d91f12ae45b,
	0xd744fccad69d6af5, 0xdbfbb797daf23756, 0xe0ccdeec2a94e112, 0xe5b906e77c8348a9,
	0xeac0c6e7dd24392f, 0xefe4b99bdcdaf5cc, 0xf5257d152486cc2d, 0xfa83b2db722a033b,
}

// BucketOf gives the bucket that a value falls into.
func BucketOf(v int64) int16 {
	switch {
	case v == 0:
		return zeroBucket
	case v < 0:
		return negated(bucketOf(uint64(-v)))
	}
	return bucketOf(uint64(v))
}

func bucketOf(v uint64) int16 {
	octave := bits.Len64(v) - 1
	mantissa := v << (63 - octave)
	k := 0 // thresholds[k] <= mantissa
	for step := BucketsPerOctave / 2; step > 0; step /= 2 {
		next := k + step
		if mantissa < thresholds[next] {
			next = k
		}
		k = next
	}
	return int16(octave*BucketsPerOctave + k)
}

func negated(index int16) int16 { return zeroBucket - 1 - index }

// BucketValue stands for all values of a bucket: no value in it is further away
// than QuantileError of itself.
func BucketValue(index int16) float64 {
	switch {
	case index == zeroBucket:
		return 0
	case index < zeroBucket:
		return -BucketValue(negated(index))
	}
	low := math.Exp2(float64(index) / BucketsPerOctave)
	high := math.Exp2(float64(index+1) / BucketsPerOctave)
	return 2 * low * high / (low + high)
}
