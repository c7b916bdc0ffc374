package ledger_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/spanmill/spanmill/internal/demo"
	"github.com/spanmill/spanmill/internal/demo/ledger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var base = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

func somePieces(t *testing.T, n int) []demo.Piece {
	t.Helper()
	g, err := demo.NewGenerator(demo.DefaultOptions(7, base))
	if err != nil {
		t.Fatal(err)
	}
	c := g.NewCursor(demo.Position{}, uint64(n*100))
	var all []demo.Piece
	for p, ok := c.Next(100); ok; p, ok = c.Next(100) {
		all = append(all, p)
	}
	return all
}

func openTestLedger(t *testing.T, path string) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(path, demo.DefaultOptions(7, base))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func record(t *testing.T, l *ledger.Ledger, entries ...ledger.Entry) {
	t.Helper()
	for _, e := range entries {
		if err := l.Record(e); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLedgerIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger")
	p := somePieces(t, 5)
	l := openTestLedger(t, path)
	want := []ledger.Entry{
		{Piece: p[0], Outcome: ledger.Acked},
		{Piece: p[1], Outcome: ledger.Refused, Reason: "413: body too \"large\"\n"},
		{Piece: p[2], Outcome: ledger.Doubt},
		{Piece: p[3], Outcome: ledger.Partial, Rejected: 3, Reason: "span_too_large"},
		{Piece: p[4], Outcome: ledger.Acked},
	}
	for _, at := range []int{1, 0, 4, 2, 3} { // as workers finish
		record(t, l, ledger.Entry{Piece: want[at].Piece})
		if want[at].Outcome != ledger.Doubt {
			record(t, l, want[at])
		}
	}
	read, err := ledger.Read(path) // while it is in use
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, read.Entries()); d != "" {
		t.Error(d)
	}
	if read.Options() != demo.DefaultOptions(7, base) || read.End() != p[4].To {
		t.Errorf("options %+v, end %v", read.Options(), read.End())
	}
}

// TestLedgerSurvivesAKillAtAnyByte cuts the file everywhere: what was written
// in whole lines counts, and writing goes on after it.
func TestLedgerSurvivesAKillAtAnyByte(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	whole := filepath.Join(dir, "whole")
	p := somePieces(t, 3)
	l := openTestLedger(t, whole)
	record(t, l, ledger.Entry{Piece: p[0]}, ledger.Entry{Piece: p[0], Outcome: ledger.Acked}, ledger.Entry{Piece: p[1]})
	text, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range text {
		path := filepath.Join(dir, "cut")
		if err := os.WriteFile(path, text[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		torn, err := ledger.Open(path, demo.DefaultOptions(7, base))
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		before := torn.Entries()
		record(t, torn, ledger.Entry{Piece: p[2]}, ledger.Entry{Piece: p[2], Outcome: ledger.Acked})
		if err := torn.Close(); err != nil {
			t.Fatal(err)
		}
		again, err := ledger.Read(path)
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if d := cmp.Diff(append(before, ledger.Entry{Piece: p[2], Outcome: ledger.Acked}), again.Entries()); d != "" {
			t.Fatalf("cut at %d: %s", cut, d)
		}
	}
}

func TestLedgerRefusesWhatIsNoLedger(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"another file":  "hello\n",
		"a broken line": "spanmill-ledger 1 " + "{}\na 0.0 nonsense\na 0.0 1.0 8\n",
	} {
		path := filepath.Join(t.TempDir(), "ledger")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ledger.Read(path); err == nil {
			t.Errorf("%s: no error", name)
		}
		if _, err := ledger.Open(path, demo.DefaultOptions(7, base)); err == nil {
			t.Errorf("%s: opened", name)
		}
		if kept, err := os.ReadFile(path); err != nil || string(kept) != text {
			t.Errorf("%s: changed to %q (%v)", name, kept, err)
		}
	}
}

func TestLedgerTakesManySendersAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger")
	l := openTestLedger(t, path)
	p := somePieces(t, 40)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := w; i < len(p); i += 4 {
				for _, o := range []ledger.Outcome{ledger.Doubt, ledger.Acked} {
					if err := l.Record(ledger.Entry{Piece: p[i], Outcome: o}); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	read, err := ledger.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range read.Entries() {
		if e.Piece != p[i] || e.Outcome != ledger.Acked {
			t.Errorf("entry %d is %+v", i, e)
		}
	}
}
