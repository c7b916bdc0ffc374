package aggregator

import "testing"

// TestEndlessChildren: what a parent's children come to has a bound; up to it
// nothing is left out.
func TestEndlessChildren(t *testing.T) {
	var s families
	of := s.of(&node{})
	for i := range uint64(10 * mostAsks) {
		if _, is := s.ask(of, call{request: i, start: i}); is {
			t.Fatalf("call %d asks what none before it did", i)
		}
	}
	if made := int(s.calls.made); made > mostAsks+1 {
		t.Errorf("%d calls are held, want %d", made, mostAsks)
	}
	if again, is := s.ask(of, call{request: mostAsks - 1, start: 1 << 40}); !is || again.start != 1<<40 {
		t.Errorf("%+v, %v: a call that asks what a held one did is a retry", again, is)
	}
	var under cover
	var sum uint64
	everything := interval{0, 1 << 62}
	for i := range uint64(2 * mostPieces) {
		sum += under.add(interval{10 * i, 10*i + 1}, everything)
	}
	if len(under) != mostPieces || sum != mostPieces || under.covered(everything) != sum {
		t.Errorf("%d pieces, %d added, %d covered; want %d each", len(under), sum, under.covered(everything), mostPieces)
	}
	if gain := under.add(interval{0, 10}, everything); gain != 9 {
		t.Errorf("a piece that grows gains %d, want 9", gain)
	}
}
