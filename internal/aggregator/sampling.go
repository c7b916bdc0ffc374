package aggregator

import (
	"math"
	"math/bits"
	"strconv"
	"strings"

	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// attrSampleRatio is a resource or span attribute: the part of its like that was
// sent, above 0 and up to 1.
const attrSampleRatio = "spanmill.sample_ratio"

// maxWeight keeps an absurd ratio from standing for everything.
const maxWeight = 1_000_000 * rollup.Once

// weightOf says how many spans a span stands for: by the threshold that its
// sampler wrote into the tracestate (ot=th:…), else by the ratio that it or its
// resource states; nil: none.
func weightOf(tracestate string, ratio *schema.Value) rollup.Weight {
	if w, ok := thresholdWeight(tracestate); ok {
		return w
	}
	if ratio == nil {
		return rollup.Once
	}
	return ratioWeight(ratio)
}

func ratioWeight(v *schema.Value) rollup.Weight {
	ratio := 1.0
	switch v.Type {
	case schema.ValueDouble:
		ratio = v.Double()
	case schema.ValueInt:
		ratio = float64(v.Int())
	case schema.ValueString:
		if f, err := strconv.ParseFloat(v.Str, 64); err == nil {
			ratio = f
		}
	default:
	}
	if !(ratio > 0 && ratio <= 1) {
		return rollup.Once
	}
	return min(rollup.Weight(math.Round(float64(rollup.Once)/ratio)), maxWeight)
}

// thresholdWeight reads a tracestate: a trace was kept if its 56 random bits are
// not below the threshold, given as up to 14 hexadecimal digits.
func thresholdWeight(tracestate string) (rollup.Weight, bool) {
	if tracestate == "" {
		return 0, false
	}
	for member := range strings.SplitSeq(tracestate, ",") {
		ot, found := strings.CutPrefix(strings.TrimSpace(member), "ot=")
		if !found {
			continue
		}
		for part := range strings.SplitSeq(ot, ";") {
			if digits, found := strings.CutPrefix(part, "th:"); found {
				return weightOfThreshold(digits)
			}
		}
	}
	return 0, false
}

func weightOfThreshold(digits string) (rollup.Weight, bool) {
	if digits == "" || len(digits) > 14 {
		return 0, false
	}
	t, err := strconv.ParseUint(digits, 16, 64)
	if err != nil {
		return 0, false
	}
	t <<= 4 * (14 - len(digits))
	kept := uint64(1)<<56 - t
	hi, lo := bits.Mul64(uint64(rollup.Once), 1<<56)
	lo, carry := bits.Add64(lo, kept/2, 0)
	if hi += carry; hi >= kept {
		return maxWeight, true
	}
	w, _ := bits.Div64(hi, lo, kept)
	return min(rollup.Weight(min(w, math.MaxInt64)), maxWeight), true
}
