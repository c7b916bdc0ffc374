package aggregator

import (
	"math/rand/v2"
	"testing"

	"github.com/spanmill/spanmill/internal/dedup"
	"github.com/spanmill/spanmill/pkg/schema"
)

// TestNodesAreAMap: whatever is put in and taken out, the table finds what a map
// does.
func TestNodesAreAMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	hasher := dedup.NewHasher("k")
	table, want := newNodes(), map[dedup.Fingerprint]*node{}
	for range 200_000 {
		fp := hasher.Key("t", schema.TraceID{}, schema.SpanID{byte(rng.IntN(256)), byte(rng.IntN(12))})
		n := table.find(fp)
		if n != want[fp] {
			t.Fatalf("%p for %p", n, want[fp])
		}
		switch {
		case n == nil:
			n = &node{fp: fp}
			table.insert(n)
			want[fp] = n
		case rng.IntN(3) > 0:
			table.remove(&node{fp: fp}) // another one, which is not there
			table.remove(n)
			delete(want, fp)
		}
	}
	if table.used != len(want) {
		t.Errorf("%d are in, want %d", table.used, len(want))
	}
}
