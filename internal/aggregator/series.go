package aggregator

import (
	"strings"

	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// series is one series, and what was added to it since the last flush.
type series struct {
	rollup.Series
	view  *view
	hash  uint64
	panes []pane // touched ones first; the rest is memory to use again
	open  int    // of them, touched
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

// at gives the pane of a start. Most spans are of the newest.
func (s *series) at(start int64) *pane {
	for i := s.open - 1; i >= 0; i-- {
		if s.panes[i].start == start {
			return &s.panes[i]
		}
	}
	if s.open == len(s.panes) {
		s.panes = append(s.panes, pane{content: make([]rollup.Partial, s.view.metrics.len())})
	}
	p := &s.panes[s.open]
	s.open++
	p.start, p.have = start, 0
	return p
}

// partial gives the content of a metric that the view has.
func (p *pane) partial(v *view, m metric) *rollup.Partial {
	p.have |= 1 << m
	return &p.content[v.metrics.rank(m)]
}

// keepPanes is how much memory of late panes a series keeps.
const keepPanes = 4

// reset forgets what was added.
func (s *series) reset() {
	for i := range s.panes[:s.open] {
		for j := range s.panes[i].content {
			s.panes[i].content[j].Reset()
		}
	}
	if s.open = 0; len(s.panes) > keepPanes {
		s.panes = append([]pane(nil), s.panes[:keepPanes]...)
	}
}

// catalogue knows the series of one partition. Which are admitted depends on
// the log alone: in each generation (a range of offsets) a tenant's first so
// many, from an empty catalogue on.
type catalogue struct {
	views  []view
	most   int // series of a tenant
	known  map[string]*series
	counts map[string]int // admitted, by tenant
	key    []byte
	labels []string
	// recent are series that were found lately, by the place of the view and a
	// hash of their labels: spans that come together are mostly of the same few.
	recent  [][recentSeries]*series
	touched []*series
	open    int // panes
	// overflown counts spans' contributions to __other__, by the place of the view.
	overflown []uint64
}

func newCatalogue(views []view, most int) *catalogue {
	c := &catalogue{views: views, most: most, recent: make([][recentSeries]*series, len(views)), overflown: make([]uint64, len(views))}
	c.forget()
	return c
}

// forget begins a generation.
func (c *catalogue) forget() {
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
		*recent = c.admit(v, f)
		return *recent
	}
	c.overflown[i]++
	c.key = append(c.key[:0], byte(i), bit(f.eval))
	c.key = append(append(c.key, f.tenant...), keyEnd, 1)
	if s := c.known[string(c.key)]; s != nil {
		return s
	}
	for j := range c.labels {
		c.labels[j] = otherLabel
	}
	return c.admit(v, f)
}

// admit makes a series of the key and the labels.
func (c *catalogue) admit(v *view, f *facts) *series {
	s := &series{view: v, Series: rollup.Series{Tenant: strings.Clone(f.tenant), View: v.name, Eval: f.eval}}
	for i, name := range v.labels() {
		s.Labels = append(s.Labels, rollup.Label{Name: name, Value: strings.Clone(c.labels[i])})
	}
	s.hash = s.Hash()
	c.known[string(c.key)] = s
	c.counts[s.Tenant]++
	return s
}

func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// pane opens a pane of a series for additions.
func (c *catalogue) pane(s *series, start int64) *pane {
	if s.open == 0 {
		c.touched = append(c.touched, s)
	}
	before := s.open
	p := s.at(start)
	c.open += s.open - before
	return p
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

// clear forgets what was added, and keeps the series.
func (c *catalogue) clear() {
	for _, s := range c.touched {
		s.reset()
	}
	clear(c.touched)
	c.touched, c.open = c.touched[:0], 0
}
