package aggregator

import (
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// series is one series, and what was added to it since the last flush.
type series struct {
	rollup.Series
	view   *view
	place  int    // of the view
	number uint32 // among those of its generation
	hash   uint64
	panes  []pane // that were touched
}

// is reports whether it is the series of a span, given the labels' values.
func (s *series) is(f *facts, values []string) bool {
	if s.Eval != f.eval || s.Tenant != f.tenant {
		return false
	}
	for i, v := range values {
		if s.Labels[i].Value != v {
			return false
		}
	}
	return true
}

// pane is what was added to a series in one pane.
type pane struct {
	start   int64
	have    metricSet
	content []rollup.Partial // in the order of the view's metrics
}

// partial gives the content of a metric that the view has.
func (p *pane) partial(v *view, m metric) *rollup.Partial {
	p.have |= 1 << m
	return &p.content[v.metrics.rank(m)]
}

// catalogue knows the series of one partition. Which are admitted depends on
// the log alone: in each generation (a range of offsets) a tenant's first so
// many, from an empty catalogue on.
type catalogue struct {
	views []view
	most  int // series of a tenant
	known map[string]*series
	// generation is the present one, list are its series by number; before are those
	// of the one before it, for as long as spans of it are in the window.
	generation   int64
	list, before []*series
	counts       map[string]int // admitted, by tenant
	key          []byte
	labels       []string
	// recent are series that were found lately, by the place of the view and a
	// hash of their labels: spans that come together are mostly of the same few.
	recent  [][recentSeries]*series
	touched []*series
	open    int // panes
	// free is the memory of panes to use again, by the place of the view. A series
	// has none of its own: of twenty thousand, few are added to between two flushes.
	free [][]pane
	// overflown counts spans' contributions to __other__, by the place of the view.
	overflown []uint64
}

func newCatalogue(views []view, most int) *catalogue {
	c := &catalogue{views: views, most: most, recent: make([][recentSeries]*series, len(views)), overflown: make([]uint64, len(views)), free: make([][]pane, len(views))}
	c.forget()
	return c
}

// enter begins a generation, if it is not the present one.
func (c *catalogue) enter(generation int64) {
	if generation != c.generation {
		c.generation = generation
		c.forget()
	}
}

// of gives the series of a generation, the present one or that before it, by their
// numbers.
func (c *catalogue) of(generation int64) []*series {
	if generation == c.generation {
		return c.list
	}
	return c.before
}

// release lets the series of the generation before go, which no span is of.
func (c *catalogue) release() { c.before = nil }

// forget begins with no series.
func (c *catalogue) forget() {
	c.list, c.before = nil, c.list
	c.known, c.counts = make(map[string]*series), make(map[string]int)
	clear(c.recent)
}

// recentSeries is how many series of a view are found without their key.
const recentSeries = 1 << recentBits

const recentBits = 6

// labelsHash need not be good: it chooses among few places.
func labelsHash(values []string) (h uint64) {
	const odd = 0x9e3779b97f4a7c15
	for _, v := range values {
		h ^= uint64(len(v))
		if n := len(v); n >= 8 {
			h ^= lastWord(v)
		} else {
			for i := range n {
				h = h<<8 | uint64(v[i])
			}
		}
		h *= odd
	}
	return h >> (64 - recentBits)
}

// lastWord is the last eight bytes of a text that has as many.
func lastWord(v string) uint64 {
	b := v[len(v)-8:]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

// keyEnd ends a word of a key. It occurs in no text.
const keyEnd = 0xff

// find gives the series of a view that a span belongs to.
func (c *catalogue) find(i int, f *facts) *series {
	v := &c.views[i]
	c.labels = v.values(f, c.labels[:0])
	recent := &c.recent[i][labelsHash(c.labels)]
	if s := *recent; s != nil && s.is(f, c.labels) {
		return s
	}
	c.key = append(c.key[:0], byte(i), bit(f.eval))
	c.key = append(append(c.key, f.tenant...), keyEnd)
	for _, l := range c.labels {
		c.key = append(append(c.key, l...), keyEnd)
	}
	if s := c.known[string(c.key)]; s != nil {
		*recent = s
		return s
	}
	if len(c.labels) == 0 || c.counts[f.tenant] < c.most {
		*recent = c.admit(i, f, false)
		return *recent
	}
	c.overflown[i]++
	c.key = append(c.key[:0], byte(i), bit(f.eval))
	c.key = append(append(c.key, f.tenant...), keyEnd, 1)
	if s := c.known[string(c.key)]; s != nil {
		return s
	}
	return c.admit(i, f, true)
}

// admit makes a series of the key and the labels, whose text is the key's; other
// stands for those that are not admitted.
func (c *catalogue) admit(i int, f *facts, other bool) *series {
	v, key := &c.views[i], string(c.key)
	at := len("ve")
	text := func(n int) string {
		from := at
		at += n + len("\xff")
		return key[from : from+n]
	}
	s := &series{view: v, place: i, number: uint32(len(c.list)), Series: rollup.Series{Tenant: text(len(f.tenant)), View: v.name, Eval: f.eval}}
	names := v.labels()
	s.Labels = make([]rollup.Label, len(names))
	for j, name := range names {
		value := otherLabel
		if !other {
			value = text(len(c.labels[j]))
		}
		s.Labels[j] = rollup.Label{Name: name, Value: value}
	}
	s.hash = s.Hash()
	c.known[key], c.list = s, append(c.list, s)
	c.counts[s.Tenant]++
	return s
}

func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// pane gives the pane of a start for additions. Most spans are of the newest.
func (c *catalogue) pane(s *series, start int64) *pane {
	for i := len(s.panes) - 1; i >= 0; i-- {
		if s.panes[i].start == start {
			return &s.panes[i]
		}
	}
	if len(s.panes) == 0 {
		c.touched = append(c.touched, s)
	}
	c.open++
	s.panes = append(s.panes, c.memory(s))
	p := &s.panes[len(s.panes)-1]
	p.start, p.have = start, 0
	return p
}

// memory gives an empty pane.
func (c *catalogue) memory(s *series) pane {
	free := c.free[s.place]
	last := len(free) - 1
	if last < 0 {
		return pane{content: make([]rollup.Partial, s.view.metrics.len())}
	}
	c.free[s.place] = free[:last]
	return free[last]
}

// add puts all that a span tells into one of its series.
func (c *catalogue) add(s *series, f *facts) {
	have := f.have & s.view.metrics
	if have == 0 {
		return
	}
	p := c.pane(s, f.pane)
	for have != 0 {
		m := have.first()
		have &^= 1 << m
		to := p.partial(s.view, m)
		switch m {
		case users:
			to.Distinct.Add(f.user)
		case sessions:
			to.Distinct.Add(f.session)
		default:
			s.view.definition(m).form.add(to, f.values[m])
		}
	}
}

// observe puts one observation into a series, in a pane that may be long past.
func (c *catalogue) observe(s *series, start int64, m metric, o rollup.Observation) {
	s.view.definition(m).form.add(c.pane(s, start).partial(s.view, m), o)
}

// correct changes a sum by what became of an observation.
func (c *catalogue) correct(s *series, start int64, m metric, o rollup.Observation) {
	c.pane(s, start).partial(s.view, m).Correct(o)
}

// clear forgets what was added, and keeps the series. Memory is kept for as many
// panes of a view as were open just now: a burst does not hold it for long.
func (c *catalogue) clear() {
	for i := range c.free {
		clear(c.free[i])
		c.free[i] = c.free[i][:0]
	}
	for _, s := range c.touched {
		for i := range s.panes {
			for j := range s.panes[i].content {
				s.panes[i].content[j].Reset()
			}
		}
		c.free[s.place] = append(c.free[s.place], s.panes...)
		clear(s.panes)
		s.panes = s.panes[:0]
		if cap(s.panes) > keepPanes {
			s.panes = nil
		}
	}
	clear(c.touched)
	c.touched, c.open = c.touched[:0], 0
}

// keepPanes is for how many panes at a time a series keeps places.
const keepPanes = 1
