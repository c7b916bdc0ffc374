package query

import (
	"errors"
	"math"
	"time"

	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// Metric asks for a metric of a view's series, in windows that end at From, From
// plus Step, and so on up to To. From zero is To: one window. All of it is event
// time; windows lie on panes' bounds.
type Metric struct {
	View string
	// Name is what the metric is called.
	Name string
	// Eval asks for what belongs to evaluations instead of production.
	Eval bool
	// Labels are what the series must have.
	Labels map[string]string
	// By, if not nil, are the labels that series are told apart by: those that
	// differ in others are added up.
	By []string

	From, To time.Time
	// Window is how much each point is the sum of, Step what lies between their
	// ends; zero is Window.
	Window, Step time.Duration
}

// Series is the answer for one combination of labels.
type Series struct {
	// Labels are in the order of the view's dimensions, or of By.
	Labels []rollup.Label
	// Points are the windows with anything in them, oldest first.
	Points []Point
}

// Point is all that was added to a metric in [From, To), Unix seconds. Where
// panes have become wider the window is too, so that it begins and ends with
// panes.
type Point struct {
	From, To int64
	rollup.Partial
}

// Label gives a label's value, "" if there is none of the name.
func (x *Series) Label(name string) string {
	for _, l := range x.Labels {
		if l.Name == name {
			return l.Value
		}
	}
	return ""
}

// What a question for a metric is refused with; the text says what to ask
// instead.
var (
	ErrMetric = errors.New("the metric cannot be answered")
	ErrTooBig = errors.New("the answer would be too large")
)

// Stat is what of a point is asked for.
type Stat string

// The statistics. Rates are per second of the point's window; Estimated and
// EstimatedCount are of all that sampled spans stand for, SampleRate is the part
// of those that came. Low and High bound the share behind observations that are 1
// or 0, with a confidence of 95 %.
const (
	Count          Stat = "count"
	Rate           Stat = "rate"
	Sum            Stat = "sum"
	SumRate        Stat = "sum_rate"
	Mean           Stat = "mean"
	Min            Stat = "min"
	Max            Stat = "max"
	Quantile       Stat = "quantile"
	Distinct       Stat = "distinct"
	EstimatedCount Stat = "estimated_count"
	Estimated      Stat = "estimated"
	Low            Stat = "low"
	High           Stat = "high"
	SampleRate     Stat = "sample_rate"
)

// Stats lists them.
var Stats = []Stat{Count, Rate, Sum, SumRate, Mean, Min, Max, Quantile, Distinct, EstimatedCount, Estimated, Low, High, SampleRate}

// Value gives a statistic of the point, in the metric's unit; quantile, in
// (0, 1], is for Quantile. false: there is none, such as the mean of nothing.
func (p *Point) Value(stat Stat, quantile float64) (float64, bool) {
	seconds := float64(p.To - p.From)
	switch stat {
	case Count:
		return float64(p.Count), true
	case Rate:
		return float64(p.Count) / seconds, true
	case Sum:
		return float64(p.Sum), true
	case SumRate:
		return float64(p.Sum) / seconds, true
	case Mean:
		return float64(p.Sum) / float64(p.Count), p.Count > 0
	case Min:
		return float64(p.Min), p.Bounded
	case Max:
		return float64(p.Max), p.Bounded
	case Quantile:
		return p.quantile(quantile)
	case Distinct:
		return p.Distinct.Estimate(), true
	case EstimatedCount:
		return float64(p.Weight) / float64(rollup.Once), true
	case Estimated:
		return float64(p.Estimated), true
	case Low:
		low, _ := rollup.Wilson(float64(p.Sum), float64(p.Count))
		return low, p.Count > 0
	case High:
		_, high := rollup.Wilson(float64(p.Sum), float64(p.Count))
		return high, p.Count > 0
	case SampleRate:
		return float64(p.Count) * float64(rollup.Once) / float64(p.Weight), p.Weight > 0
	}
	return 0, false
}

// quantile minds that what is estimated lies between the least and the greatest.
func (p *Point) quantile(q float64) (float64, bool) {
	v, ok := p.Hist.Quantile(q)
	if ok && p.Bounded {
		v = math.Min(math.Max(v, float64(p.Min)), float64(p.Max))
	}
	return v, ok
}
