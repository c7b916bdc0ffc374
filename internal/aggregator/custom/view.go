package custom

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// Kind is what a metric keeps of its values.
type Kind string

// The kinds. A value is kept in millionths.
const (
	Counter   Kind = "counter"   // what they add up to; never negative
	Gauge     Kind = "gauge"     // that, and the least and the greatest: mean, minimum, maximum
	Histogram Kind = "histogram" // that, and how they are distributed
	Distinct  Kind = "distinct"  // how many different ones there are
)

// View says which series exist, of a metric of its own or of shipped ones.
type View struct {
	Name, About string
	// Of is which spans are asked at all.
	Of string
	// Kind is that of its own metric, which has the view's name; "" if it has none.
	Kind Kind
	// Metrics are the shipped ones that it shows.
	Metrics []string
	// Labels are what its series are told apart by.
	Labels []string

	where, value cel.Program // nil: every span; 1
	by           []cel.Program
}

// Set is a file's views, and what it says of scorers.
type Set struct {
	Views   []*View
	Scorers []Scorer
}

// Matches reports whether a span counts.
func (v *View) Matches(in *Input) (bool, error) {
	if v.where == nil {
		return true, nil
	}
	out, err := in.eval(v.where)
	return err == nil && out == types.True, err
}

// AppendLabels adds the span's labels, in the order of Labels.
func (v *View) AppendLabels(to []string, in *Input) ([]string, error) {
	for _, p := range v.by {
		out, err := in.eval(p)
		if err != nil {
			return to, err
		}
		to = append(to, textOf(out))
	}
	return to, nil
}

// ErrRange says that a value is beyond what a sum could hold many of, or one that
// a counter cannot count.
var ErrRange = errors.New("out of range")

// Millionths is the value of a span.
func (v *View) Millionths(in *Input) (int64, error) {
	if v.value == nil {
		return one, nil
	}
	out, err := in.eval(v.value)
	if err != nil {
		return 0, err
	}
	n, ok := millionths(out)
	if !ok || v.Kind == Counter && n < 0 {
		return 0, fmt.Errorf("%w: %v", ErrRange, out.Value())
	}
	return n, nil
}

// Register is what a span sets of a distinct count; false: nothing, its value is
// an empty text.
func (v *View) Register(in *Input) (rollup.Register, bool, error) {
	out, err := in.eval(v.value)
	if err != nil {
		return rollup.Register{}, false, err
	}
	text := textOf(out)
	return rollup.RegisterOf(text), text != "", nil
}

func (in *Input) eval(p cel.Program) (ref.Val, error) {
	out, _, err := p.Eval(in.frame)
	return out, err
}

func textOf(v ref.Val) string {
	switch v := v.(type) {
	case types.String:
		return string(v)
	case types.Int:
		return strconv.FormatInt(int64(v), 10)
	case types.Bool:
		return strconv.FormatBool(bool(v))
	default:
		return ""
	}
}

const one = 1_000_000

// millionths is a number in millionths, rounded half to even; durations count in
// seconds.
func millionths(v ref.Val) (int64, bool) {
	switch v := v.(type) {
	case types.Int:
		return int64(v) * one, v <= rollup.MaxValue/one && v >= -rollup.MaxValue/one
	case types.Uint:
		return int64(v) * one, v <= rollup.MaxValue/one
	case types.Double:
		n := math.RoundToEven(float64(v) * one)
		return int64(n), math.Abs(n) <= rollup.MaxValue // false for NaN
	case types.Duration:
		return v.Microseconds(), true
	default:
		return 0, false
	}
}
