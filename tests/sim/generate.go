package sim

import (
	"math/rand/v2"
	"slices"
)

// span of virtual time in which things happen, milliseconds.
const horizonMilli = 40_000

// Generate draws the plan of a seed.
func Generate(seed uint64) Plan {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 1))}
	g.plan = Plan{
		Seed: seed, Partitions: 1 + g.IntN(3),
		DedupSpans: 2 + g.IntN(12), DedupMilli: int64(5_000 + g.IntN(40_000)), Window: 1 + g.IntN(6),
	}
	for range 1 + g.IntN(4) {
		g.plan.Rows = append(g.plan.Rows, 2+g.IntN(6))
	}
	g.produce()
	g.processes()
	for range 2 + g.IntN(9) {
		g.fault()
	}
	switch g.IntN(14) {
	case 2:
		g.add(Event{Kind: Recreate})
	case 0:
		g.expire()
	case 1:
		g.mend()
	}
	slices.SortStableFunc(g.plan.Events, func(a, b Event) int { return a.AtMilli - b.AtMilli })
	return g.plan
}

type generator struct {
	*rand.Rand
	plan  Plan
	spans int
	sent  []Sent
}

// add puts an event anywhere in the history.
func (g *generator) add(e Event) { g.addAt(g.IntN(horizonMilli), e) }

func (g *generator) addAt(milli int, e Event) {
	e.AtMilli = milli
	g.plan.Events = append(g.plan.Events, e)
}

func (g *generator) slot() int { return g.IntN(len(g.plan.Rows)) }

// milli draws from a range, short times more often than long ones.
func (g *generator) milli(from, to int) int {
	return from + int(float64(to-from)*g.Float64()*g.Float64())
}

// produce spreads records over the history, in order, resends among them.
func (g *generator) produce() {
	var at []int
	for range 6 + g.IntN(8) {
		at = append(at, g.IntN(horizonMilli))
	}
	slices.Sort(at)
	for _, milli := range at {
		e := Event{Kind: Produce}
		for range 1 + g.IntN(4) {
			e.Sent = append(e.Sent, g.record())
		}
		g.addAt(milli, e)
	}
}

// record draws what a client sends: something new, something that it sent
// before, the same spans in other records, late spans, and what nobody can use.
func (g *generator) record() Sent {
	s := Sent{Trace: g.IntN(3 * g.plan.Partitions)}
	if g.IntN(5) == 0 {
		s.Tenant = "acme"
	}
	if g.IntN(4) == 0 {
		s.DaysAgo = 1 + g.IntN(2)
	}
	if g.IntN(4) == 0 {
		s.AgoMilli = g.milli(0, 30_000)
	}
	switch n := g.IntN(40); {
	case n == 0:
		s.Garbage = true
	case n == 1:
		s.Poison = true
		s.Spans = append(s.Spans, g.fresh())
	case n < 10 && len(g.sent) > 0: // the whole record again, perhaps from another clock
		old := g.sent[max(0, len(g.sent)-1-g.IntN(8))]
		s.Trace, s.Tenant, s.DaysAgo, s.Poison, s.Spans = old.Trace, old.Tenant, old.DaysAgo, old.Poison, old.Spans
	case n < 14 && len(g.sent) > 0: // some of it among new spans
		old := g.sent[max(0, len(g.sent)-1-g.IntN(8))]
		s.Trace, s.Tenant, s.DaysAgo = old.Trace, old.Tenant, old.DaysAgo
		s.Spans = append(slices.Clone(old.Spans), g.fresh())
	default:
		for range 1 + g.IntN(3) {
			s.Spans = append(s.Spans, g.fresh())
		}
		if n == 14 {
			s.Spans = append(s.Spans, 0)
		}
	}
	if len(s.Spans) > 0 {
		g.sent = append(g.sent, s)
	}
	return s
}

func (g *generator) fresh() int {
	g.spans++
	return g.spans
}

// processes starts the writers, and lets them come and go.
func (g *generator) processes() {
	for slot := range g.plan.Rows {
		g.addAt(g.milli(0, 10_000), Event{Kind: Start, Writer: slot})
	}
	for range g.IntN(4) {
		slot, at := g.slot(), g.IntN(horizonMilli)
		kind := Crash
		if g.IntN(3) == 0 {
			kind = Drain
		}
		g.addAt(at, Event{Kind: kind, Writer: slot})
		g.addAt(at+g.milli(100, 30_000), Event{Kind: Start, Writer: g.slot()})
	}
}

// expire lets retention take what no writer has read, because none is there.
func (g *generator) expire() {
	at, partition := g.IntN(horizonMilli), g.IntN(g.plan.Partitions)
	for slot := range g.plan.Rows {
		g.addAt(at, Event{Kind: Crash, Writer: slot})
		g.addAt(at+3_000+g.milli(0, 20_000), Event{Kind: Start, Writer: slot})
	}
	e := Event{Kind: Produce}
	for range 3 {
		e.Sent = append(e.Sent, Sent{Trace: partition, Spans: []int{g.fresh()}})
	}
	g.addAt(at+1_000, e)
	g.addAt(at+2_000, Event{Kind: Expire, Partition: int32(partition)})
}

// mend has a block with poison in it come late, when the store no longer minds
// it, and its neighbours have landed without it.
func (g *generator) mend() {
	at, trace := 15_000+g.IntN(horizonMilli-15_000), g.IntN(3*g.plan.Partitions)
	g.addAt(at, Event{Kind: Insert, Table: tableSpans, Fate: Late, ForMilli: 3_000 + g.IntN(5_000)})
	g.addAt(at, Event{Kind: Produce, Sent: []Sent{
		{Trace: trace, Spans: []int{g.fresh()}},
		{Trace: trace, Spans: []int{g.fresh()}, Poison: true, DaysAgo: g.IntN(2)},
	}})
	g.addAt(at+2_500, Event{Kind: Mend})
}

var (
	serverCodes = []int{0, 159, 241, 252, 999}
	// brokerCodes: what may pass, what is unknown, and what is over.
	brokerCodes = []int{14, 15, 16, 27, 22, 7, -1, 25}
)

// fault draws one thing that goes wrong.
func (g *generator) fault() {
	table := []string{tableSpans, tableParts}[g.IntN(2)]
	code := serverCodes[g.IntN(len(serverCodes))]
	switch n := g.IntN(20); {
	case n < 6:
		e := Event{Kind: Commit, Fate: []Fate{Lost, Unanswered, Late, Slow}[g.IntN(4)]}
		if e.Fate == Late || e.Fate == Slow {
			e.ForMilli = g.milli(100, 20_000)
		}
		g.add(e)
	case n < 12:
		e := Event{Kind: Insert, Table: table, Fate: []Fate{Failed, Half, Unanswered, Late, Slow}[g.IntN(5)]}
		if e.Fate == Failed || e.Fate == Half {
			e.Code = code
		}
		if e.Fate == Late || e.Fate == Slow {
			e.ForMilli = g.milli(500, 30_000)
		}
		g.add(e)
	case n == 12:
		g.add(Event{Kind: Ask, Code: code})
	case n == 13:
		g.add(Event{Kind: Away, Code: code, ForMilli: g.milli(500, 20_000)})
	case n == 14:
		g.add(Event{Kind: Refuse, Code: brokerCodes[g.IntN(len(brokerCodes))]})
	case n < 17:
		g.add(Event{Kind: Stall, Writer: g.slot(), ForMilli: g.milli(500, 25_000)})
	case n == 17:
		g.add(Event{Kind: Cut, Writer: g.slot()})
	case n == 18:
		g.add(Event{Kind: Expel})
	default:
		g.add(Event{Kind: Crash, Writer: g.slot()})
	}
}
