package aggregator

import (
	"encoding/binary"
	"runtime"
	"testing"

	"github.com/spanmill/spanmill/internal/dedup"
	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// Memory of one span in the window, as docs/limits.md says: the most that it may
// be, and what a span and a model call are where relatives come together.
const (
	mostSpanBytes = 330
	callBytes     = 200
	spanBytes     = 130
)

// TestBytesOfSpansInTheWindow measures what a full window holds, in the steady
// state: after three windows' worth of spans, two of which left.
func TestBytesOfSpansInTheWindow(t *testing.T) {
	const held = 100_000
	for _, c := range []struct {
		what    string
		most    int64
		family  int // spans that have one parent
		orphans bool
		request func(i int) uint64
	}{
		{"forty under a root", spanBytes, 40, false, func(int) uint64 { return 0 }},
		{"three under a root", spanBytes, 4, false, func(int) uint64 { return 0 }},
		{"forty calls, each of another thing", callBytes, 40, false, func(i int) uint64 { return uint64(i) + 1 }},
		{"calls, each under a span that does not come", mostSpanBytes, 1, true, func(i int) uint64 { return uint64(i) + 1 }},
	} {
		f, hasher := &facts{tenant: "t", weight: rollup.Once}, dedup.NewHasher("k")
		span := func(n int) dedup.Fingerprint {
			var id schema.SpanID
			binary.BigEndian.PutUint64(id[:], uint64(n))
			return hasher.Key("t", schema.TraceID{}, id)
		}
		cat := newCatalogue(views, 1000)
		in := make([]*series, len(views))
		for i := range in {
			in[i] = cat.find(i, f)
		}
		before := heapNow()
		w := newWindow(1<<40, held)
		for i := range 3 * held {
			first := i - i%c.family
			f.fp, f.parent, f.root, f.request = span(2*i), span(2*first), i == first, c.request(i)
			if c.orphans {
				f.parent, f.root = span(2*i+1), false
			}
			f.start = uint64(1000 * (i + 1))
			f.end = f.start + 500
			w.add(cat, f, int64(i), in)
			cat.clear()
		}
		each := (heapNow() - before) / held
		if n := w.size(); n != held || each > c.most {
			t.Errorf("%s: %d held, %d bytes each, at most %d", c.what, n, each, c.most)
		}
		t.Logf("%s: %d bytes each", c.what, each)
		runtime.KeepAlive(w)
	}
}
