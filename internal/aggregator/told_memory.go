package aggregator

import (
	"slices"

	"github.com/spanmill/spanmill/internal/dedup"
)

// memory is a window of the last positions of topic events: the business events
// that were met, and the assessments that were told in full or deleted. What is
// in it depends on positions alone.
type memory struct {
	reach int64 // offsets
	most  int   // things remembered

	events map[dedup.Fingerprint]uint64  // by the mark of the last sight
	judged map[dedup.Fingerprint]*judged // by assessment
	traces map[dedup.Fingerprint]*judged // the first of a trace's list
	groups map[dedup.Fingerprint]*group  // by trace, name and whether it is an evaluation's

	ring  []kept // a queue: first is the oldest
	first int
	marks uint64 // given out
	// early things left because of most. unresolved assessments left while others of
	// their group stayed: what the group adds up to knows them no more.
	early, unresolved uint64
}

// kept is why something is remembered.
type kept struct {
	offset int64
	mark   uint64
	fp     dedup.Fingerprint
	judged *judged // nil: an event
}

// group are the assessments of one trace by one name that have a value and count.
type group struct {
	key dedup.Fingerprint
	// by has those of people, of judges and of others, each by when it was made.
	by [sourceKinds][]*judged
}

func newMemory(reach int64, most int) *memory {
	return &memory{
		reach: reach, most: most, events: make(map[dedup.Fingerprint]uint64), judged: make(map[dedup.Fingerprint]*judged),
		traces: make(map[dedup.Fingerprint]*judged), groups: make(map[dedup.Fingerprint]*group),
	}
}

// keep remembers something as of an offset, and gives the mark of that.
func (m *memory) keep(offset int64, fp dedup.Fingerprint, j *judged) uint64 {
	m.marks++
	m.ring = append(m.ring, kept{offset, m.marks, fp, j})
	return m.marks
}

// met notes a business event, and reports whether it was met before.
func (m *memory) met(fp dedup.Fingerprint, offset int64) bool {
	_, known := m.events[fp]
	m.events[fp] = m.keep(offset, fp, nil)
	return known
}

// leave lets go of what is out of reach from an offset.
func (m *memory) leave(offset int64) {
	for m.first < len(m.ring) {
		k := &m.ring[m.first]
		far := k.offset <= offset-m.reach
		if !far && m.size() <= m.most {
			break
		}
		if !far {
			m.early++
		}
		m.release(k)
		*k = kept{}
		m.first++
	}
	if m.first > len(m.ring)/2 && m.first > 1024 {
		m.ring = m.ring[:copy(m.ring, m.ring[m.first:])]
		m.first = 0
	}
}

// release lets go of one thing, unless it was remembered again since.
func (m *memory) release(k *kept) {
	j := k.judged
	if j == nil {
		if m.events[k.fp] == k.mark {
			delete(m.events, k.fp)
		}
		return
	}
	if j.base == k.mark {
		j.base, j.counted = 0, false
		if m.part(j) {
			m.unresolved++
		}
	}
	if j.gone == k.mark {
		j.gone = 0
	}
	m.tidy(j)
}

// tidy drops an assessment of which nothing is remembered.
func (m *memory) tidy(j *judged) {
	if j.base != 0 || j.gone != 0 || m.judged[j.fp] != j {
		return
	}
	delete(m.judged, j.fp)
	if j.after != nil {
		j.after.before = j.before
	}
	switch {
	case j.before != nil:
		j.before.after = j.after
	case j.after != nil:
		m.traces[j.trace] = j.after
	default:
		delete(m.traces, j.trace)
	}
}

// assessment finds or makes what is known of an assessment.
func (m *memory) assessment(fp, trace dedup.Fingerprint) *judged {
	if j := m.judged[fp]; j != nil {
		return j
	}
	j := &judged{fp: fp, trace: trace, after: m.traces[trace]}
	if j.after != nil {
		j.after.before = j
	}
	m.traces[trace], m.judged[fp] = j, j
	return j
}

// ofTrace lists what is known of a trace's assessments, in the order in which it
// was told.
func (m *memory) ofTrace(trace dedup.Fingerprint) (list []*judged) {
	for j := m.traces[trace]; j != nil; j = j.after {
		list = append(list, j)
	}
	slices.Reverse(list)
	return list
}

// group finds or makes a group.
func (m *memory) group(key dedup.Fingerprint) *group {
	g := m.groups[key]
	if g == nil {
		g = &group{key: key}
		m.groups[key] = g
	}
	return g
}

// join puts an assessment into a group.
func (m *memory) join(j *judged, g *group) {
	list := &g.by[j.kind()]
	i, _ := slices.BinarySearchFunc(*list, j, (*judged).compare)
	*list = slices.Insert(*list, i, j)
	j.in = g
}

// part takes an assessment out of its group, and reports whether others stay.
func (m *memory) part(j *judged) (others bool) {
	g := j.in
	if g == nil {
		return false
	}
	j.in = nil
	list := &g.by[j.kind()]
	if i, found := slices.BinarySearchFunc(*list, j, (*judged).compare); found {
		*list = slices.Delete(*list, i, i+1)
	}
	if g.empty() {
		delete(m.groups, g.key)
		return false
	}
	return true
}

// size is how many things are remembered.
func (m *memory) size() int { return len(m.ring) - m.first }

func (g *group) empty() bool { return g.first() == nil }

// first is the assessment that was made first.
func (g *group) first() (first *judged) {
	for _, list := range g.by {
		if len(list) > 0 && (first == nil || list[0].compare(first) < 0) {
			first = list[0]
		}
	}
	return first
}

// last is the assessment of a kind of source that was made last, nil if there is
// none.
func (g *group) last(kind int) *judged {
	list := g.by[kind]
	if len(list) == 0 {
		return nil
	}
	return list[len(list)-1]
}
