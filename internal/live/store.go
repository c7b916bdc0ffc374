package live

import (
	"slices"
	"sync"
	"time"

	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// otherLabel stands for every value of the labels of a series that was not
// admitted.
const otherLabel = "__other__"

// What a series and a packed pane cost in memory besides their words and bytes:
// structs, headers, their place in maps.
const (
	seriesBytes = 600
	cellBytes   = 48
)

// Store keeps what was added to series. Safe for concurrent use: the goroutines
// that read partitions add, whoever asks reads.
type Store struct {
	cfg      Config
	began    time.Time
	families []*family // what Prometheus is told of, the most asked for first

	mu       sync.RWMutex
	tenants  map[string]*tenant
	metrics  names
	now      int64 // Unix seconds, as Advance was told
	edges    edges
	pressure int
	bytes    int64
	series   int
	counts   Counts
	pack     packer
	packing  []byte
	scratch  content
	key      []byte
}

// Counts say what was added and what was not.
type Counts struct {
	// Rollups that were added.
	Rollups uint64
	// Overflown are those that were added up as __other__ of their view.
	Overflown uint64
	// Old are panes from before what is kept, Ahead those that begin so far ahead
	// of the clock that nobody asks for them.
	Old, Ahead uint64
	// Series, Bytes and Pressure are what is in memory, and how narrow it is
	// there: 0 is not at all.
	Series   int
	Bytes    int64
	Pressure int
	// Since is the first instant of what is kept, in Unix seconds.
	Since int64
}

// tenant is the series of one tenant.
type tenant struct {
	byKey map[string]*series
	list  []*series
}

// names number metrics.
type names struct {
	numbers map[string]uint32
	texts   []string
}

func (n *names) number(text string) uint32 {
	if i, ok := n.numbers[text]; ok {
		return i
	}
	if n.numbers == nil {
		n.numbers = make(map[string]uint32)
	}
	i := uint32(len(n.texts))
	n.numbers[text] = i
	n.texts = append(n.texts, text)
	return i
}

// New gives an empty store. It keeps nothing before Advance.
func New(cfg Config) *Store {
	return &Store{cfg: cfg, began: time.Now(), families: allFamilies(cfg.Own), tenants: make(map[string]*tenant)}
}

// Counts gives what there is now.
func (s *Store) Counts() Counts {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c := s.counts
	c.Series, c.Bytes, c.Pressure, c.Since = s.series, s.bytes, s.pressure, s.edges[tierCount-1]
	return c
}

// Clear forgets everything but the time and the counts.
func (s *Store) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tenants = make(map[string]*tenant)
	s.series, s.bytes = 0, 0
}

// Tenants lists those who have series, in order.
func (s *Store) Tenants() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := make([]string, 0, len(s.tenants))
	for name := range s.tenants {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// Add adds what a rollup has. counting: it is also added to the totals that
// Prometheus sees, which begin when the process does.
func (s *Store) Add(r *rollup.Rollup, counting bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.find(&r.Series)
	s.counts.Rollups++
	for i := range r.Panes {
		p := &r.Panes[i]
		t := s.edges.tier(p.Start)
		if counting {
			x.count(s, p.Metrics)
		}
		if t == tierCount {
			s.counts.Old++
			continue
		}
		if p.Start > s.now+maxAhead {
			s.counts.Ahead++
			continue
		}
		x.latest = max(x.latest, p.Start)
		to := x.open(s, t, p.Start-p.Start%widths[t])
		for j := range p.Metrics {
			m := &p.Metrics[j]
			to.of(s.metrics.number(m.Name)).Merge(&m.Partial)
		}
	}
}

// maxAhead is how many seconds a sender's clock may be ahead of ours. Panes that
// lie further ahead would not get wider, so nothing would bound them.
const maxAhead = 600

// keyEnd ends a word of a key. It occurs in no text.
const keyEnd = 0xff

func (s *Store) keyOf(r *rollup.Series, label func(rollup.Label) string) {
	s.key = append(append(s.key[:0], r.View...), keyEnd)
	if r.Eval {
		s.key = append(s.key, 1)
	}
	for _, l := range r.Labels {
		s.key = append(append(s.key, keyEnd), l.Name...)
		s.key = append(append(s.key, keyEnd), label(l)...)
	}
}

// find gives a series, that of the view's __other__ if there are too many.
func (s *Store) find(r *rollup.Series) *series {
	t := s.tenants[r.Tenant]
	if t == nil {
		t = &tenant{byKey: make(map[string]*series)}
		s.tenants[r.Tenant] = t
	}
	s.keyOf(r, func(l rollup.Label) string { return l.Value })
	if x := t.byKey[string(s.key)]; x != nil {
		return x
	}
	if s.series < s.cfg.MaxSeries || len(r.Labels) == 0 {
		return s.admit(t, *r)
	}
	s.counts.Overflown++
	s.keyOf(r, func(rollup.Label) string { return otherLabel })
	if x := t.byKey[string(s.key)]; x != nil {
		return x
	}
	other := *r
	other.Labels = slices.Clone(r.Labels)
	for i := range other.Labels {
		other.Labels[i].Value = otherLabel
	}
	return s.admit(t, other)
}

// admit makes a series of the key. It keeps nothing of r but strings.
func (s *Store) admit(t *tenant, r rollup.Series) *series {
	r.Labels = slices.Clone(r.Labels)
	x := &series{Series: r, size: int64(seriesBytes + 2*len(s.key))}
	t.byKey[string(s.key)] = x
	t.list = append(t.list, x)
	s.series++
	s.bytes += x.size
	return x
}

// foldAtOnce is how many series are folded before others get their turn.
const foldAtOnce = 200

// Advance makes now the time: panes that are old by now become wider, or go, and
// series without any go too. It is called every few seconds.
func (s *Store) Advance(now time.Time) {
	s.mu.Lock()
	s.press()
	s.now = now.Unix()
	s.edges.advance(s.now, s.pressure, s.cfg.History)
	s.mu.Unlock()
	for _, name := range s.Tenants() {
		for from := 0; from >= 0; {
			from = s.fold(name, from)
		}
	}
}

// press decides how narrow panes may stay, by the bytes that there are.
func (s *Store) press() {
	switch {
	case s.bytes > s.cfg.MaxBytes:
		if s.pressure++; s.pressure == len(reaches) {
			s.pressure--
			s.shorten()
		}
	case s.bytes < s.cfg.MaxBytes/4 && s.pressure > 0:
		s.pressure--
	}
}

// shorten gives up the oldest hour.
func (s *Store) shorten() {
	if last := &s.edges[tierCount-1]; *last < s.edges[tierCount-2] {
		*last += widths[tierCount-1]
	}
}

// fold folds some of a tenant's series from a place in its list on, and gives the
// place to go on from, -1 at the end.
func (s *Store) fold(name string, from int) (next int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tenants[name]
	if t == nil {
		return -1
	}
	kept := min(from, len(t.list))
	at := kept
	for ; at < len(t.list) && at < from+foldAtOnce; at++ {
		x := t.list[at]
		if x.fold(s); !x.empty() {
			t.list[kept] = x
			kept++
			continue
		}
		s.series--
		s.bytes -= x.size
		s.keyOf(&x.Series, func(l rollup.Label) string { return l.Value })
		delete(t.byKey, string(s.key))
	}
	end := at == len(t.list)
	t.list = slices.Delete(t.list, kept, at)
	if len(t.list) == 0 {
		delete(s.tenants, name)
	}
	if end {
		return -1
	}
	return kept
}
