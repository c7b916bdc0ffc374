package live

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spanmill/spanmill/internal/query"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// maxPoints bounds an answer, maxWindows a series' points.
const (
	maxWindows = 11_000
	maxPoints  = 200_000
)

// Query answers with the tenant's series, in order of their labels. A query that
// cannot work is an query.ErrMetric or query.ErrTooBig; metrics and views that nothing is
// known of have no series.
func (s *Store) Query(tenant string, q query.Metric) ([]query.Series, error) {
	ends, err := endsOf(&q)
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
func (s *Store) answer(tenant string, q *query.Metric, ends []int64) ([]query.Series, error) {
	s.mu.RLock()
	edges := s.edges
	metric, known := s.metrics.numbers[q.Name]
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
		return nil, fmt.Errorf("%w: %d series of %d points; ask for fewer labels, a longer step or a shorter time", query.ErrTooBig, len(list), len(windows))
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
func endsOf(q *query.Metric) ([]int64, error) {
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
		return nil, fmt.Errorf("%w: window and step must be at least %ds, as long as a pane", query.ErrMetric, widths[0])
	case to < from:
		return nil, fmt.Errorf("%w: it ends before it begins", query.ErrMetric)
	case (to-from)/step >= maxWindows:
		return nil, fmt.Errorf("%w: %d points of a series, at most %d; ask for a longer step", query.ErrTooBig, (to-from)/step+1, maxWindows)
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
func (s *Store) windows(q *query.Metric, ends []int64) ([]window, error) {
	length := int64(q.Window / time.Second)
	step := int64(cmp.Or(q.Step, q.Window) / time.Second)
	var all []window
	for _, end := range ends {
		w := window{s.edges.floor(end - length), s.edges.floor(end)}
		if w.to <= s.edges[tierCount-1] {
			continue // from before what is kept
		}
		if width := s.edges.width(w.from); width > length {
			return nil, tooNarrow("a window", w.from, width)
		}
		if width := s.edges.width(w.to - 1); width > step {
			return nil, tooNarrow("a step", w.to, width)
		}
		w.from = max(w.from, s.edges[tierCount-1])
		all = append(all, w)
	}
	return all, nil
}

func tooNarrow(what string, at, width int64) error {
	return fmt.Errorf("%w: at %s panes are %ds wide by this time: ask for %s of at least that, or for a later time",
		query.ErrMetric, time.Unix(at, 0).UTC().Format(time.RFC3339), width, what)
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
	all   []query.Series
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
		a.all = append(a.all, query.Series{Labels: labels})
		a.sums = append(a.sums, make([]rollup.Partial, len(a.windows)))
	}
	for w := range a.windows {
		x.add(&a.sums[i][w], a.metric, a.windows[w].from, a.windows[w].to)
	}
}

// series gives those that have anything in them, in order of their labels.
func (a *answer) series() []query.Series {
	var out []query.Series
	for i, x := range a.all {
		for w := range a.windows {
			if p := &a.sums[i][w]; !p.Zero() {
				x.Points = append(x.Points, query.Point{From: a.windows[w].from, To: a.windows[w].to, Partial: *p})
			}
		}
		if len(x.Points) > 0 {
			out = append(out, x)
		}
	}
	slices.SortFunc(out, func(x, y query.Series) int {
		return slices.CompareFunc(x.Labels, y.Labels, compareLabels)
	})
	return out
}

func compareLabels(l, m rollup.Label) int {
	return cmp.Or(cmp.Compare(l.Name, m.Name), cmp.Compare(l.Value, m.Value))
}
