package aggregator

import (
	"strings"

	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// catalogue knows the series of one partition. Which are admitted depends on
// the log alone: in each generation (a range of offsets) a tenant's first so
// many, from an empty catalogue on.
type catalogue struct {
	views []view
	names [][]string // of their labels, by the place of the view
	most  int        // series of a tenant
	known map[string]*series
	// generation is the present one, list are its series by number; before are those
	// of the one before it, for as long as spans of it are in the window.
	generation   int64
	list, before []*series
	counts       map[string]int // admitted, by tenant
	key          []byte
	labels       []string
	words        rollup.Series // of the series in hand
	// recent are series that were found lately, by the place of the view and a
	// hash of their labels: spans that come together are mostly of the same few.
	recent  [][recentSeries]*series
	touched []touched
	open    int // panes
	// free is the memory of panes to use again, by the place of the view. A series
	// has none of its own: of twenty thousand, few are added to between two flushes.
	free [][]pane
	// overflown counts spans' contributions to __other__, by the place of the view.
	overflown []uint64
}

func newCatalogue(views []view, most int) *catalogue {
	n := len(views)
	c := &catalogue{
		views: views, names: make([][]string, n), most: most,
		recent: make([][recentSeries]*series, n), overflown: make([]uint64, n), free: make([][]pane, n),
	}
	for i := range views {
		c.names[i] = views[i].labels()
	}
	c.forget()
	return c
}

// view is that of a series.
func (c *catalogue) view(s *series) *view { return &c.views[s.place()] }

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

// find gives the series of a view that a span belongs to.
func (c *catalogue) find(i int, f *facts) *series {
	c.labels = c.views[i].values(f, c.labels[:0])
	recent := &c.recent[i][labelsHash(c.labels)]
	if s := *recent; s != nil && s.is(f, c.labels) {
		return s
	}
	c.begin(i, f)
	for _, l := range c.labels {
		c.key = append(append(c.key, l...), keyEnd)
	}
	if s := c.known[string(c.key)]; s != nil {
		*recent = s
		return s
	}
	if len(c.labels) == 0 || c.counts[f.tenant] < c.most {
		*recent = c.admit(f.tenant)
		return *recent
	}
	c.overflown[i]++
	c.begin(i, f)
	c.key = append(c.key, otherKey...)
	if s := c.known[string(c.key)]; s != nil {
		return s
	}
	return c.admit(f.tenant)
}

// begin begins a key.
func (c *catalogue) begin(i int, f *facts) {
	c.key = append(c.key[:0], byte(i>>8), byte(i), bit(f.eval))
	c.key = append(append(c.key, f.tenant...), keyEnd)
}

// admit makes a series of the key.
func (c *catalogue) admit(tenant string) *series {
	s := &series{key: string(c.key), number: uint32(len(c.list))}
	s.hash = c.wordsOf(s).Hash()
	c.known[s.key], c.list = s, append(c.list, s)
	if _, known := c.counts[tenant]; !known {
		tenant = strings.Clone(tenant) // it is the record's
	}
	c.counts[tenant]++
	return s
}

// wordsOf is what a series is about. It is good until it is asked again.
func (c *catalogue) wordsOf(s *series) *rollup.Series {
	to, place := &c.words, s.place()
	tenant, rest := nextWord(s.key[keyWords:])
	*to = rollup.Series{Tenant: tenant, View: c.views[place].name, Eval: s.eval() != 0, Labels: to.Labels[:0]}
	for _, name := range c.names[place] {
		value := otherLabel
		if rest != otherKey {
			value, rest = nextWord(rest)
		}
		to.Labels = append(to.Labels, rollup.Label{Name: name, Value: value})
	}
	return to
}

func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}
