package aggregator

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// TestCatalogueIsAMap: whatever tenants and labels are called, in whatever order
// they come, each series is the one of its words and has no other's, a tenant's
// first so many in a generation are admitted, and numbers give what they gave.
func TestCatalogueIsAMap(t *testing.T) {
	texts := []string{"", "a", "ab", "b", otherKey, otherLabel, "\x00", "é", "embedded-" + otherKey, "a name that is longer than a word"}
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 11))
		text := func() string { return texts[rng.IntN(len(texts))] }
		most := 20 + rng.IntN(300)
		c, known, admitted := newCatalogue(views, most), map[string]*series{}, map[string]int{}
		overflown := map[int]uint64{}
		for step := range 5000 {
			if step%1000 == 999 {
				before := c.list
				c.enter(c.generation + 1)
				known, admitted = map[string]*series{}, map[string]int{}
				if len(before) == 0 || len(c.of(c.generation-1)) != len(before) || len(c.of(c.generation)) != 0 {
					t.Fatalf("seed %d: %d series of before, %d now", seed, len(c.of(c.generation-1)), len(c.of(c.generation)))
				}
			}
			f, i := &facts{tenant: text(), eval: rng.IntN(2) == 0}, rng.IntN(len(views))
			for d := range f.labels {
				f.labels[d] = text()
			}
			want := rollup.Series{Tenant: f.tenant, View: views[i].name, Eval: f.eval}
			for _, d := range views[i].dims {
				want.Labels = append(want.Labels, rollup.Label{Name: dimNames[d], Value: f.labels[d]})
			}
			key := textOf(&want)
			if known[key] == nil && len(want.Labels) > 0 && admitted[f.tenant] >= most {
				overflown[i]++
				for j := range want.Labels {
					want.Labels[j].Value = otherLabel
				}
				key = "other " + textOf(&want)
			}
			got := c.find(i, f)
			if known[key] == nil {
				known[key] = got
				admitted[f.tenant]++
			}
			words := c.wordsOf(got)
			if got != known[key] || textOf(words) != textOf(&want) || got.hash != want.Hash() || c.list[got.number] != got {
				t.Fatalf("seed %d: %+v, want %+v", seed, *words, want)
			}
		}
		for i, n := range c.overflown {
			if n != overflown[i] {
				t.Errorf("seed %d: %d of %s are counted as others, want %d", seed, n, views[i].name, overflown[i])
			}
		}
		if len(known) != len(c.known) {
			t.Errorf("seed %d: %d series, want %d", seed, len(c.known), len(known))
		}
	}
}

// textOf tells series apart by all their words.
func textOf(s *rollup.Series) string {
	text := fmt.Sprintf("%s %q %t", s.View, s.Tenant, s.Eval)
	for _, l := range s.Labels {
		text += fmt.Sprintf(" %s=%q", l.Name, l.Value)
	}
	return text
}
