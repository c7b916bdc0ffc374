package audit

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanmill/spanmill/internal/writer"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

// landed makes a log of n records in batches, with resends near and far.
func landed(t *testing.T, rng *rand.Rand, n int) *world {
	w := newWorld(t)
	next := 0
	for range n {
		var numbers []int
		for range 1 + rng.IntN(4) {
			if len(w.sent)+len(numbers) > 0 && rng.IntN(4) == 0 {
				numbers = append(numbers, max(0, next-1-rng.IntN(2*k)))
			} else {
				numbers = append(numbers, next)
				next++
			}
		}
		w.add(numbers...)
	}
	for first := int64(0); first < int64(n); {
		last := min(int64(n)-1, first+int64(rng.IntN(6)))
		w.land(first, last)
		first = last + 1
	}
	return w
}

func expect(t *testing.T, r *Report, spans, parts map[string]int64) {
	t.Helper()
	if got, want := fmt.Sprint(r.Differences[tableSpans], r.Differences[tableParts]), fmt.Sprint(spans, parts); got != want {
		t.Errorf("differences %s, want %s\n%s\n%v", got, want, r.Summary(), r.First)
	}
}

func TestVerifyCountsWhatWasDone(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		w := landed(t, rng, 40)
		expect(t, w.verify(w.extent()), nil, nil)
		part := w.extent()
		part.From, part.To = int64(rng.IntN(40)), int64(rng.IntN(41))
		expect(t, w.verify(part), nil, nil)
		spans, parts := map[string]int64{}, map[string]int64{}
		for range rng.IntN(4) { // each on a row of its own: rows are taken from the front
			s := w.spans[0]
			w.spans = w.spans[1:]
			switch rng.IntN(3) {
			case 0:
				spans[Missing]++
			case 1:
				w.spans = append(w.spans, s, s)
				spans[Doubled]++
			case 2:
				wrong := s
				wrong.Span[7]++
				w.spans = append(w.spans, s, wrong)
				spans[Extra]++
			}
		}
		for range rng.IntN(4) {
			p := w.parts[0]
			w.parts = w.parts[1:]
			switch {
			case rng.IntN(3) == 0 && slices.ContainsFunc(w.parts, func(q schema.StoredPart) bool { return q.First == p.First }):
				parts[Missing]++
			case rng.IntN(2) == 0:
				w.parts = append(w.parts, p, p)
				parts[Doubled]++
			default:
				p.Spans++
				w.parts = append(w.parts, p)
				parts[Wrong]++
			}
		}
		for _, tally := range []*map[string]int64{&spans, &parts} {
			if len(*tally) == 0 {
				*tally = nil
			}
		}
		expect(t, w.verify(w.extent()), spans, parts)
	}
}

func TestReplayMendsAndDoublesNothing(t *testing.T) {
	for seed := range uint64(100) {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 2))
			w := landed(t, rng, 40)
			want := len(w.spans)
			w.flaky = rng.IntN(5)
			lose := func() {
				w.spans = slices.DeleteFunc(w.spans, func(schema.StoredSpan) bool { return rng.IntN(3) == 0 })
				if rng.IntN(3) == 0 {
					w.parts = nil // its batches are cut anew
				} else {
					w.parts = slices.DeleteFunc(w.parts, func(schema.StoredPart) bool { return rng.IntN(3) == 0 })
				}
			}
			lose()
			e := w.extent()
			if e.From = int64(rng.IntN(20)); e.From > 0 { // in two goes, the first of which loses its lease
				if _, err := w.replay(e, &alone{lostAt: 1 + rng.IntN(4)}, ""); err != nil && !errors.Is(err, pipeline.ErrLost) {
					t.Fatal(err)
				}
			}
			for i := range 3 {
				if _, err := w.replay(w.extent(), &alone{}, ""); err != nil {
					t.Fatal(err)
				}
				if i == 0 {
					lose() // the same rows again, perhaps
				}
			}
			if r := w.verify(w.extent()); !r.Exact() || len(w.spans) != want {
				t.Errorf("seed %d: %d rows of %d: %s\n%v", seed, len(w.spans), want, r.Summary(), r.First)
			}
		})
	}
}

// TestReplayWaitsOutWhoeverWasBefore: an insert of a former owner may land until
// its deadline.
func TestReplayWaitsOutWhoeverWasBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := landed(t, rand.New(rand.NewPCG(1, 1)), 10)
		late, begin := w.spans[3], time.Now()
		w.spans = w.spans[:3]
		time.AfterFunc(testWriter().Pipeline.Deadline, func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.spans = append(w.spans, late)
		})
		if _, err := w.replay(w.extent(), &alone{}, ""); err != nil {
			t.Fatal(err)
		}
		if r := w.verify(w.extent()); !r.Exact() || time.Since(begin) < testWriter().Pipeline.Deadline {
			t.Errorf("%s\n%v", r.Summary(), r.First)
		}
	})
}

func TestReplayStoresTheTenantsRowsOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := landed(t, rand.New(rand.NewPCG(1, 1)), 10)
		w.spans, w.parts = nil, nil
		p, err := w.replay(w.extent(), &alone{}, "somebody")
		if err != nil || len(w.spans)+len(w.parts) > 0 || p.Result.Records.Load() != 10 {
			t.Errorf("%d rows, %v", len(w.spans), err)
		}
	})
}

// trim takes away the beginning of the log, as retention does, in the middle of
// a batch.
func (w *world) trim() {
	for _, p := range w.parts {
		if p.Last > p.First {
			w.start = p.Last
			return
		}
	}
	w.t.Fatal("no batch has a middle")
}

// TestWhatTheLogHasNoMoreIsNotDecided: resends of it are no rows that miss, and
// nothing of them is stored.
func TestWhatTheLogHasNoMoreIsNotDecided(t *testing.T) {
	undecided := int64(0)
	for seed := range uint64(50) {
		synctest.Test(t, func(t *testing.T) {
			w := landed(t, rand.New(rand.NewPCG(seed, 3)), 40)
			w.trim()
			r := w.verify(w.extent())
			if !r.Exact() {
				t.Fatalf("seed %d: %s\n%v", seed, r.Summary(), r.First)
			}
			undecided += r.Undecided
			before := len(w.spans)
			w.spans = slices.DeleteFunc(w.spans, func(s schema.StoredSpan) bool { return s.Offset >= w.start })
			deleted := before - len(w.spans)
			p, err := w.replay(w.extent(), &alone{}, "")
			if err != nil || p.Result.Undecided.Load() == 0 {
				t.Fatalf("%d records were not decided, %v", p.Result.Undecided.Load(), err)
			}
			if r := w.verify(w.extent()); !r.Exact() || r.Undecided == 0 || len(w.spans) > before || deleted == 0 {
				t.Errorf("seed %d, after the replay: %s\n%v", seed, r.Summary(), r.First)
			}
		})
	}
	if undecided == 0 {
		t.Error("no seed had a resend of what is gone")
	}
}

func TestBoundsMoveOutwardToBatches(t *testing.T) {
	w := newWorld(t)
	for i := range 30 {
		w.add(i)
	}
	w.land(0, 9)
	w.land(10, 19)
	w.land(20, 29)
	e := w.extent()
	e.From, e.To = 12, 15
	if r := w.verify(e); !r.Exact() || r.Records != 10 || r.Spans != 10 || r.Parts != 3 {
		t.Error(r.Summary(), r.First)
	}
	e.From, e.To = 29, 100
	if r := w.verify(e); r.Records != 10 {
		t.Error(r.Summary())
	}
	e.From, e.To = 50, 100
	if r := w.verify(e); !r.Exact() || r.Records != 0 {
		t.Error(r.Summary())
	}
}

func TestRowsWhoseTimeIsOverAreNoLoss(t *testing.T) {
	w := landed(t, rand.New(rand.NewPCG(1, 1)), 10)
	rows := int64(len(w.spans))
	w.spans, w.parts = nil, nil
	w.now = time.Unix((day+30)*secondsPerDay-1, 0)
	if r := w.verify(w.extent()); r.Differences[tableSpans][Missing] != rows || r.Expired != 0 {
		t.Errorf("a second before: %s", r.Summary())
	}
	w.now = w.now.Add(time.Second)
	if r := w.verify(w.extent()); !r.Exact() || r.Expired < rows {
		t.Errorf("at the end of its retention: %s", r.Summary())
	}
}

func letter(offset int64, reason string) *pipeline.Record {
	return &pipeline.Record{Headers: []pipeline.Header{
		{Key: schema.HeaderOrigin, Value: []byte(schema.Origin{Topic: schema.TopicSpans, Offset: offset, Index: -1}.String())},
		{Key: schema.HeaderReason, Value: []byte(reason)},
	}}
}

func TestDeadLettersAccountForRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.add(0, 1)
		w.addValue([]byte{0xff})
		w.add(2, 3)
		w.land(0, 2)
		w.spans = slices.DeleteFunc(w.spans, func(s schema.StoredSpan) bool { return s.Offset == 2 })
		for i := range w.parts {
			if w.parts[i].Spans == 2 { // of spans 0 and 3
				w.parts[i].Spans = 1
			}
		}
		w.parts = slices.DeleteFunc(w.parts, func(p schema.StoredPart) bool { trace, _ := idOf(2); return p.Trace == trace })
		if r := w.verify(w.extent()); r.Differences[schema.TopicDeadLetters][Missing] != 1 || r.Differences[tableSpans][Missing] != 2 ||
			!strings.Contains(fmt.Sprint(r.First), "dead-letters: missing spans/0/1/-1, undecodable") {
			t.Errorf("without letters: %s\n%v", r.Summary(), r.First)
		}
		for _, l := range []*pipeline.Record{letter(1, writer.ReasonUndecodable), letter(2, writer.ReasonRejected), {}} {
			if err := w.letters.Add(l); err != nil {
				t.Fatal(err)
			}
		}
		if r := w.verify(w.extent()); !r.Exact() || r.Lettered != 3 {
			t.Errorf("%s\n%v", r.Summary(), r.First)
		}
		if _, err := w.replay(w.extent(), &alone{}, ""); err != nil || len(w.spans) != 2 {
			t.Errorf("the replay stored what the store had rejected: %d rows, %v", len(w.spans), err)
		}
	})
}

func TestAnotherLifeOfTheLogIsNotLookedAt(t *testing.T) {
	w := landed(t, rand.New(rand.NewPCG(1, 1)), 10)
	old := w.spans[2]
	old.Log, old.Span = "00000000000000000000000000000000/1", schema.SpanID{9}
	w.spans = append(w.spans, old)
	if r := w.verify(w.extent()); !r.Exact() || r.EarlierLife != 1 {
		t.Errorf("%s\n%v", r.Summary(), r.First)
	}
}

func TestBatchesThatOverlapAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for i := range 10 {
			w.add(i)
		}
		w.land(0, 6)
		w.parts = append(w.parts, schema.StoredPart{Log: life, First: 5, Last: 9, Tenant: "default", Trace: schema.TraceID{1}, Spans: 2})
		w.committed = 10
		if r := w.verify(w.extent()); !strings.Contains(fmt.Sprint(r.First), "batches 0–6 and 5–9 overlap") {
			t.Error(r.Summary(), r.First)
		}
		if _, err := w.replay(w.extent(), &alone{}, ""); !errors.Is(err, pipeline.ErrFatal) {
			t.Errorf("replay over overlapping batches: %v", err)
		}
	})
}

// TestBatchesAreAskedForInPages: not one by one.
func TestBatchesAreAskedForInPages(t *testing.T) {
	w := newWorld(t)
	for i := range int64(2*batchPage + 10) {
		w.add(int(i))
		w.land(i, i)
	}
	if r := w.verify(w.extent()); !r.Exact() || w.asked > 6 {
		t.Errorf("asked %d times: %s", w.asked, r.Summary())
	}
}
