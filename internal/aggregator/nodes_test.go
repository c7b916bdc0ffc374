package aggregator

import (
	"math/rand/v2"
	"testing"

	"github.com/spanmill/spanmill/internal/dedup"
	"github.com/spanmill/spanmill/pkg/schema"
)

// TestNodesAreAMap: whatever is put in and taken out, the table finds what a map
// does, also where few bits of the hash are left beside the places.
func TestNodesAreAMap(t *testing.T) {
	for _, most := range []int{256 * 12, nodesOf(maxWindowSpans)} {
		rng := rand.New(rand.NewPCG(5, 5))
		hasher := dedup.NewHasher("k")
		table, want := newNodes(most), map[dedup.Fingerprint]place{}
		for range 200_000 {
			fp := hasher.Key("t", schema.TraceID{}, schema.SpanID{byte(rng.IntN(256)), byte(rng.IntN(12))})
			p := table.find(fp)
			if p != want[fp] {
				t.Fatalf("%d for %d", p, want[fp])
			}
			switch {
			case p == 0:
				want[fp] = table.insert(fp)
			case rng.IntN(3) > 0:
				other := table.take() // another one, which is not there
				table.at(other).fp = fp
				table.remove(other)
				table.give(other)
				table.remove(p)
				table.give(p)
				delete(want, fp)
			}
		}
		if table.used != len(want) || int(table.made)-len(table.free) != len(want) {
			t.Errorf("%d are in, %d places are taken, want %d", table.used, int(table.made)-len(table.free), len(want))
		}
	}
}
