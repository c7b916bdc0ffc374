package live

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// Query asks for a metric of a view's series, in windows that end at From, From
// plus Step, and so on up to To. From zero is To: one window. All of it is event
// time; windows lie on panes' bounds.
type Query struct {
	View   string
	Metric string
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

// maxPoints bounds an answer, maxWindows a series' points.
const (
	maxWindows = 11_000
	maxPoints  = 200_000
)

// What a query is refused with; the text says what to ask instead.
var (
	ErrQuery  = errors.New("the query cannot be answered")
	ErrTooBig = errors.New("the answer would be too large")
)

// Query answers with the tenant's series, in order of their labels. A query that
// cannot work is an ErrQuery or ErrTooBig; metrics and views that nothing is
// known of have no series.
func (s *Store) Query(tenant string, q Query) ([]Series, error) {
	ends, err := q.ends()
	if err != nil {
		return nil, err
	}
	for {
		out, err := s.answer(tenant, &q, ends)
		if !errors.Is(err, errMoved) {
			return out, err
		}
	}
}

// errMoved: panes became wider while they were read.
var errMoved = errors.New("the edges have moved")

// answer looks once. Whoever adds gets their turn in between.
func (s *Store) answer(tenant string, q *Query, ends []int64) ([]Series, error) {
	s.mu.RLock()
	edges := s.edges
	metric, known := s.metrics.numbers[q.Metric]
	windows, err := s.windows(q, ends)
	var list []*series
	if t := s.tenants[tenant]; t != nil && known {
		for _, x := range t.list {
			if x.View == q.View && x.Eval == q.Eval && has(x, q.Labels) {
				list = append(list, x)
			}
		}
	}
	s.mu.RUnlock()
	if err != nil {
		return nil, err
	}
	if len(list)*len(windows) > maxPoints {
		return nil, fmt.Errorf("%w: %d series of %d points; ask for fewer labels, a longer step or a shorter time", ErrTooBig, len(list), len(windows))
	}
	a := answer{metric: metric, by: q.By, windows: windows, byKey: make(map[string]int)}
	for chunk := range slices.Chunk(list, foldAtOnce) {
		s.mu.RLock()
		moved := s.edges != edges
		for _, x := range chunk {
			a.add(x)
		}
		s.mu.RUnlock()
		if moved {
			return nil, errMoved
		}
	}
	return a.series(), nil
}

// ends gives when the windows end, oldest first, and makes the step one.
func (q *Query) ends() ([]int64, error) {
	window, step := int64(q.Window/time.Second), int64(q.Step/time.Second)
	if q.Step == 0 {
		step = window
	}
	from, to := q.From.Unix(), q.To.Unix()
	if q.From.IsZero() {
		from = to
	}
	switch {
	case window < widths[0] || step < widths[0]:
		return nil, fmt.Errorf("%w: window and step must be at least %ds, as long as a pane", ErrQuery, widths[0])
	case to < from:
		return nil, fmt.Errorf("%w: it ends before it begins", ErrQuery)
	case (to-from)/step >= maxWindows:
		return nil, fmt.Errorf("%w: %d points of a series, at most %d; ask for a longer step", ErrTooBig, (to-from)/step+1, maxWindows)
	}
	var ends []int64
	for at := from; at <= to; at += step {
		ends = append(ends, at)
	}
	return ends, nil
}

// window is what a point is the sum of, as panes have it.
type window struct{ from, to int64 }

// windows lays the windows onto the panes that there are.
func (s *Store) windows(q *Query, ends []int64) ([]window, error) {
	length := int64(q.Window / time.Second)
	step := int64(cmp.Or(q.Step, q.Window) / time.Second)
	var all []window
	for _, end := range ends {
		w := window{s.edges.floor(end - length), s.edges.floor(end)}
		if w.to <= s.edges[tierCount-1] {
			continue // from before what is kept
		}
		if width := widths[min(s.edges.tier(w.from), tierCount-1)]; width > length || width > step {
			return nil, fmt.Errorf("%w: at %s panes are %ds wide by now: ask for a window and a step of at least that, or for a later time",
				ErrQuery, time.Unix(w.from, 0).UTC().Format(time.RFC3339), width)
		}
		w.from = max(w.from, s.edges[tierCount-1])
		all = append(all, w)
	}
	return all, nil
}

// has reports whether a series has the labels.
func has(x *series, labels map[string]string) bool {
	found := 0
	for _, l := range x.Labels {
		if want, asked := labels[l.Name]; asked {
			if want != l.Value {
				return false
			}
			found++
		}
	}
	return found == len(labels)
}

// answer is what is known so far of an answer.
type answer struct {
	metric  uint32
	by      []string
	windows []window

	byKey map[string]int
	all   []Series
	sums  [][]rollup.Partial // by series, by window
	key   []byte
}

// add adds a series to the answer's series that it is a part of.
func (a *answer) add(x *series) {
	labels := x.Labels
	if a.by != nil {
		labels = nil
		for _, name := range a.by {
			for _, l := range x.Labels {
				if l.Name == name {
					labels = append(labels, l)
				}
			}
		}
	}
	a.key = a.key[:0]
	for _, l := range labels {
		a.key = append(append(append(append(a.key, l.Name...), keyEnd), l.Value...), keyEnd)
	}
	i, known := a.byKey[string(a.key)]
	if !known {
		i = len(a.all)
		a.byKey[string(a.key)] = i
		a.all = append(a.all, Series{Labels: labels})
		a.sums = append(a.sums, make([]rollup.Partial, len(a.windows)))
	}
	for w := range a.windows {
		x.add(&a.sums[i][w], a.metric, a.windows[w].from, a.windows[w].to)
	}
}

// series gives those that have anything in them, in order of their labels.
func (a *answer) series() []Series {
	var out []Series
	for i, x := range a.all {
		for w := range a.windows {
			if p := &a.sums[i][w]; !p.Zero() {
				x.Points = append(x.Points, Point{a.windows[w].from, a.windows[w].to, *p})
			}
		}
		if len(x.Points) > 0 {
			out = append(out, x)
		}
	}
	slices.SortFunc(out, func(x, y Series) int {
		return slices.CompareFunc(x.Labels, y.Labels, func(l, m rollup.Label) int {
			return cmp.Or(cmp.Compare(l.Name, m.Name), cmp.Compare(l.Value, m.Value))
		})
	})
	return out
}

// Stat is what of a point is asked for.
type Stat string

// The statistics. Rates are per second of the point's window; Estimated and
// EstimatedCount are of all that sampled spans stand for.
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
)

// Stats lists them.
var Stats = []Stat{Count, Rate, Sum, SumRate, Mean, Min, Max, Quantile, Distinct, EstimatedCount, Estimated}

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
