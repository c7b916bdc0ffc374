package oracle

import (
	"math/bits"

	"github.com/spanmill/spanmill/internal/demo"
	"github.com/spanmill/spanmill/internal/demo/ledger"
)

// tally remembers which spans were found: a bit a span.
type tally struct {
	gen      *demo.Generator
	from, to demo.Position // of what the ledger covers, widened to whole traces
	// bases[k] is the number of spans before trace from + k*tallyGroup: sizes
	// are cheap to compute, so not every trace needs its own.
	bases []uint64
	seen  []uint64
	parts []uint64 // a bit a trace: found in trace_parts
}

const tallyGroup = 16

func newTally(g *demo.Generator, entries []ledger.Entry) *tally {
	t := &tally{gen: g}
	if len(entries) == 0 {
		return t
	}
	t.from.Trace = entries[0].From.Trace
	for _, e := range entries {
		end := e.To.Trace
		if e.To.Span > 0 {
			end++
		}
		t.to.Trace = max(t.to.Trace, end)
	}
	sum, traces := uint64(0), t.to.Trace-t.from.Trace
	for k := range traces {
		if k%tallyGroup == 0 {
			t.bases = append(t.bases, sum)
		}
		sum += uint64(g.Size(t.from.Trace + k))
	}
	t.seen = make([]uint64, (sum+63)/64)
	t.parts = make([]uint64, (traces+63)/64)
	return t
}

// covers tells whether trace i was among what was sent.
func (t *tally) covers(i uint64) bool { return i >= t.from.Trace && i < t.to.Trace }

// index numbers the spans.
func (t *tally) index(i uint64, s uint32) uint64 {
	k := i - t.from.Trace
	n := t.bases[k/tallyGroup] + uint64(s)
	for first := k - k%tallyGroup; first < k; first++ {
		n += uint64(t.gen.Size(t.from.Trace + first))
	}
	return n
}

// mark notes a span, and tells whether it was noted before.
func (t *tally) mark(i uint64, s uint32) (again bool) { return setBit(t.seen, t.index(i, s)) }

// markParts notes that trace i is in trace_parts.
func (t *tally) markParts(i uint64) (again bool) { return setBit(t.parts, i-t.from.Trace) }

func setBit(set []uint64, n uint64) (again bool) {
	again = set[n/64]>>(n%64)&1 != 0
	set[n/64] |= 1 << (n % 64)
	return again
}

// count gives how many of spans [from, to) of trace i were noted.
func (t *tally) count(i uint64, from, to uint32) (n uint64) {
	if from >= to {
		return 0
	}
	first := t.index(i, from)
	for at, end := first, first+uint64(to-from); at < end; {
		word := t.seen[at/64] >> (at % 64)
		if left := end - at; left < 64 {
			word &= 1<<left - 1
		}
		n += uint64(bits.OnesCount64(word))
		at += 64 - at%64
	}
	return n
}
