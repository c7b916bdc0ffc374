package semconv

import (
	"math"
	"math/bits"
	"strconv"
	"strings"

	"github.com/spanmill/spanmill/pkg/schema"
)

// mark is what an attribute tells that no dialect has a word for: whose traces
// are evaluations, what is sampled, and how an HTTP call was answered.
type mark uint8

const (
	noMark      mark = iota
	httpStatus       // an HTTP status code
	evalName         // the name of an evaluation: that there is one is enough
	evalFlag         // true for an evaluation
	sampleRatio      // the part of its like that was sent, above 0 and up to 1
)

var marks = []struct {
	key  string
	mark mark
}{
	{"http.response.status_code", httpStatus},
	{"http.status_code", httpStatus},
	{"mlflow.sourceRun", evalName},
	{"mlflow.trace.sourceScorer", evalName},
	{"langfuse.experiment.id", evalName},
	{"langfuse.experiment.run.id", evalName},
	{"spanmill.eval", evalFlag},
	{"spanmill.sample_ratio", sampleRatio},
}

// marked is what a span's marks say.
type marked struct {
	status int64
	eval   bool
	ratio  *schema.Value
}

// note takes what one attribute of the span or of its resource says. A resource
// answers no calls; of two ratios the span's own counts.
func (m *marked) note(kind mark, v *schema.Value, b band) {
	switch kind {
	case httpStatus:
		if n, ok := float(v); ok && b == onSpan && m.status == 0 {
			m.status = int64(n)
		}
	case evalName:
		m.eval = m.eval || v.Type == schema.ValueString && v.Str != "" && v.Str != `""`
	case evalFlag:
		m.eval = m.eval || v.Type == schema.ValueBool && v.Bool() || v.Type == schema.ValueString && v.Str == "true"
	case sampleRatio:
		if b == onSpan || m.ratio == nil {
			m.ratio = v
		}
	case noMark:
	}
}

// float reads a number that may be written as text.
func float(v *schema.Value) (float64, bool) {
	switch v.Type {
	case schema.ValueInt:
		return float64(v.Int()), true
	case schema.ValueDouble:
		return v.Double(), !math.IsNaN(v.Double())
	case schema.ValueString:
		n, err := strconv.ParseFloat(strings.Trim(v.Str, `"`), 64)
		return n, err == nil && !math.IsNaN(n)
	default:
		return 0, false
	}
}

// maxWeight keeps an absurd ratio from standing for everything.
const maxWeight = 1_000_000 * schema.WeightOnce

// weightOf says how many spans a span stands for: by the threshold that its
// sampler wrote into the tracestate (ot=th:…), else by the ratio that it or its
// resource states; nil: none.
func weightOf(tracestate string, ratio *schema.Value) int64 {
	if w, ok := thresholdWeight(tracestate); ok {
		return w
	}
	if ratio == nil {
		return schema.WeightOnce
	}
	r, ok := float(ratio)
	if !ok || !(r > 0 && r <= 1) {
		return schema.WeightOnce
	}
	return int64(min(math.Round(schema.WeightOnce/r), maxWeight))
}

// thresholdWeight reads a tracestate: a trace was kept if its 56 random bits are
// not below the threshold, given as up to 14 hexadecimal digits.
func thresholdWeight(tracestate string) (int64, bool) {
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

func weightOfThreshold(digits string) (int64, bool) {
	if digits == "" || len(digits) > 14 {
		return 0, false
	}
	t, err := strconv.ParseUint(digits, 16, 64)
	if err != nil {
		return 0, false
	}
	t <<= 4 * (14 - len(digits))
	kept := uint64(1)<<56 - t
	hi, lo := bits.Mul64(schema.WeightOnce, 1<<56)
	lo, carry := bits.Add64(lo, kept/2, 0)
	if hi += carry; hi >= kept {
		return maxWeight, true
	}
	w, _ := bits.Div64(hi, lo, kept)
	return int64(min(w, maxWeight)), true
}
