package aggregator

import (
	"strings"

	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// series is one series. There may be twenty thousand in each partition, so what
// it is about is told by its key alone.
type series struct {
	key    string // see catalogue.find
	hash   uint64 // of its words
	number uint32 // among those of its generation
	touch  uint32 // its place among those that were touched, from 1; 0: it was not
}

// Parts of a key: the place of the view in two bytes, whether it is of
// evaluations, and the tenant and the labels, each with an end. Behind the tenant
// of a series that stands for those not admitted is otherKey.
const (
	keyEval  = 2
	keyWords = 3
	keyEnd   = 0xff // occurs in no text
	otherKey = "\x01"
)

// place is that of the view.
func (s *series) place() int { return int(s.key[0])<<8 | int(s.key[1]) }

func (s *series) eval() byte { return s.key[keyEval] }

// is reports whether it is the series of a span, given the labels' values.
func (s *series) is(f *facts, values []string) bool {
	rest, same := cutWord(s.key[keyWords:], f.tenant)
	for i := 0; same && i < len(values); i++ {
		rest, same = cutWord(rest, values[i])
	}
	return same && rest == "" && s.eval() == bit(f.eval)
}

// cutWord cuts a word and its end from the beginning of a key's words, if they are
// there.
func cutWord(words, word string) (rest string, there bool) {
	n := len(word)
	if len(words) <= n || words[n] != keyEnd || words[:n] != word {
		return "", false
	}
	return words[n+1:], true
}

// nextWord is the first of a key's words.
func nextWord(words string) (word, rest string) {
	n := strings.IndexByte(words, keyEnd)
	return words[:n], words[n+1:]
}

// touched is what was added to a series since the last flush.
type touched struct {
	series *series
	panes  []pane
}

// pane is what was added to a series in one pane.
type pane struct {
	view    *view
	start   int64
	have    metricSet
	content []rollup.Partial // in the order of the view's metrics
}

// partial gives the content of a metric that the view has.
func (p *pane) partial(m metric) *rollup.Partial {
	p.have |= 1 << m
	return &p.content[p.view.metrics.rank(m)]
}

// add adds an observation of a metric that the view has.
func (p *pane) add(m metric, o rollup.Observation) { p.view.definition(m).form.add(p.partial(m), o) }

// add puts all that a span tells into one of its series.
func (c *catalogue) add(s *series, f *facts) {
	have := f.have & c.view(s).metrics
	if have == 0 {
		return
	}
	p := c.pane(s, f.pane)
	for have != 0 {
		m := have.first()
		have &^= 1 << m
		switch m {
		case users:
			p.partial(m).Distinct.Add(f.user)
		case sessions:
			p.partial(m).Distinct.Add(f.session)
		default:
			p.add(m, f.values[m])
		}
	}
}

// observe puts one observation into a series, in a pane that may be long past.
func (c *catalogue) observe(s *series, start int64, m metric, o rollup.Observation) {
	c.pane(s, start).add(m, o)
}

// correct changes a sum by what became of an observation.
func (c *catalogue) correct(s *series, start int64, m metric, o rollup.Observation) {
	c.pane(s, start).partial(m).Correct(o)
}

// pane gives the pane of a start for additions. Most spans are of the newest.
func (c *catalogue) pane(s *series, start int64) *pane {
	if s.touch == 0 {
		c.touch(s)
	}
	t := &c.touched[s.touch-1]
	for i := len(t.panes) - 1; i >= 0; i-- {
		if t.panes[i].start == start {
			return &t.panes[i]
		}
	}
	c.open++
	t.panes = append(t.panes, c.memory(s))
	p := &t.panes[len(t.panes)-1]
	p.start, p.have = start, 0
	return p
}

// touch makes room for what is added to a series. The memory of one that was
// touched before is used again.
func (c *catalogue) touch(s *series) {
	if n := len(c.touched); n < cap(c.touched) {
		c.touched = c.touched[:n+1]
		c.touched[n].series = s
	} else {
		c.touched = append(c.touched, touched{series: s})
	}
	s.touch = uint32(len(c.touched))
}

// memory gives an empty pane.
func (c *catalogue) memory(s *series) pane {
	place := s.place()
	free := c.free[place]
	last := len(free) - 1
	if last < 0 {
		v := &c.views[place]
		return pane{view: v, content: make([]rollup.Partial, v.metrics.len())}
	}
	c.free[place] = free[:last]
	return free[last]
}

// clear forgets what was added, and keeps the series. Memory is kept for as many
// panes of a view as were open just now: a burst does not hold it for long.
func (c *catalogue) clear() {
	for i := range c.free {
		clear(c.free[i])
		c.free[i] = c.free[i][:0]
	}
	for i := range c.touched {
		t := &c.touched[i]
		for j := range t.panes {
			for k := range t.panes[j].content {
				t.panes[j].content[k].Reset()
			}
		}
		place := t.series.place()
		c.free[place] = append(c.free[place], t.panes...)
		clear(t.panes)
		t.panes = t.panes[:0]
		if cap(t.panes) > keepPanes {
			t.panes = nil
		}
		t.series.touch, t.series = 0, nil
	}
	c.touched, c.open = c.touched[:0], 0
}

// keepPanes is for how many panes places are kept from one touched series to
// another.
const keepPanes = 4
