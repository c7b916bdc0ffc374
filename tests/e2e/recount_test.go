package e2e_test

import (
	"testing"
	"time"

	"github.com/spanmill/spanmill/internal/demo"
	"github.com/spanmill/spanmill/tests/e2e/harness"
	"github.com/spanmill/spanmill/tests/recount"
)

// recountsOfPanes holds table rollups, in every series and pane of every view,
// against what the generator knows and what SQL counts of table spans. It is for
// when 3,000 spans of seeds 1 and 2 are all there is.
func recountsOfPanes(t *testing.T, up *harness.Instance, start time.Time) {
	t.Helper()
	want := recount.NewWant()
	for seed := range uint64(2) {
		g, err := demo.NewGenerator(demo.DefaultOptions(seed+1, start))
		if err != nil {
			t.Fatal(err)
		}
		maker := g.NewMaker()
		piece, _ := g.NewCursor(demo.Position{}, 3000).Next(3000)
		piece.Each(g, func(i uint64, from, to uint32) {
			for s := from; s < to; s++ {
				want.Count(maker.Span(i, s), false)
			}
		})
	}
	want.SelfTimes()
	got, err := recount.ReadStream(t.Context(), up)
	if err != nil {
		t.Fatal(err)
	}
	dropTold(got)
	bySQL, err := recount.BySQL(t.Context(), up)
	if err != nil {
		t.Fatal(err)
	}
	recount.Compare(t, want, got, bySQL)
}
