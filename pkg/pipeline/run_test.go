package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/pipeline/pipelinetest"
)

var testConfig = pipeline.Config{
	Limits:   pipeline.Limits{MaxRows: 7, MaxBytes: 1 << 20, MaxParts: 2, MaxAge: time.Second},
	Deadline: 3 * time.Second, RetryMin: 100 * time.Millisecond, RetryMax: 2 * time.Second,
}

// history plays one seeded history to its end and asks the oracle.
func history(t *testing.T, seed uint64, odds pipelinetest.Odds, poison ...int64) *pipelinetest.World {
	t.Helper()
	var w *pipelinetest.World
	synctest.Test(t, func(t *testing.T) {
		w = pipelinetest.New(seed, 60, odds)
		for _, o := range poison {
			w.Poison(o)
		}
		for life := 0; !w.Done(); life++ {
			if life == 40 {
				w.Calm()
			}
			if life > 60 {
				t.Fatalf("seed %d: not done after %d lives", seed, life)
			}
			err := w.Run(t.Context(), testConfig)
			if err != nil && !errors.Is(err, pipelinetest.ErrCrash) && !errors.Is(err, pipeline.ErrAmbiguous) &&
				!errors.Is(err, pipeline.ErrRejoin) && !errors.Is(err, pipeline.ErrLost) && !errors.Is(err, context.Canceled) {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
		<-time.After(time.Minute) // virtual: whatever is late arrives
		if err := w.Verify(); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
	})
	return w
}

func TestRunWithoutFaults(t *testing.T) {
	history(t, 1, pipelinetest.Odds{})
}

// TestExactlyOnceUnderFaults is the protocol's own proof by example; each rule
// of docs/exactly-once.md taken away makes some seed fail.
func TestExactlyOnceUnderFaults(t *testing.T) {
	seeds := 600
	if testing.Short() {
		seeds = 100
	}
	recovered := map[string]int{}
	for seed := range seeds {
		odds := pipelinetest.Odds{CommitLost: 5, CommitLate: 50, InsertFail: 15, InsertLate: 50, Crash: 4}
		if seed%3 == 0 {
			odds.Crash, odds.InsertFail = 10, 40
		}
		for state, n := range history(t, uint64(seed), odds).Recovered {
			recovered[state] += n
		}
	}
	for _, state := range []string{pipeline.RecoveredOpen, pipeline.RecoveredPartial, pipeline.RecoveredInserted} {
		if recovered[state] < 20 {
			t.Errorf("only %d recoveries in state %q: the faults do not reach it (%v)", recovered[state], state, recovered)
		}
	}
}

func TestPoisonNeverStopsItsNeighbours(t *testing.T) {
	for seed := range 50 {
		odds := pipelinetest.Odds{CommitLost: 3, CommitLate: 50, InsertFail: 10, InsertLate: 30, Crash: 3}
		history(t, uint64(seed), odds, 3, 17, 18, 59)
	}
}

// TestAStoreThatIsMendedTakesTheBatch: what it rejected is no poison if it would
// take it by the time it is asked which record was at fault.
func TestAStoreThatIsMendedTakesTheBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := pipelinetest.New(1, 20, pipelinetest.Odds{})
		w.Poison(3)
		w.Mends = true
		if err := w.Run(t.Context(), testConfig); err != nil {
			t.Fatal(err)
		}
		if err := w.Verify(); err != nil || len(w.Letters) > 0 || !w.Done() {
			t.Errorf("dead letters %v, done %t, %v", w.Letters, w.Done(), err)
		}
	})
}

func TestDrainWithNothingOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := pipelinetest.New(1, 0, pipelinetest.Odds{})
		if err := w.Run(t.Context(), testConfig); err != nil {
			t.Fatal(err)
		}
	})
}

// TestDrainWhileABatchWaitsForRoom: the record that would have begun the batch
// is left to the next owner.
func TestDrainWhileABatchWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := pipelinetest.New(1, 5, pipelinetest.Odds{})
		w.Crowded = true
		if err := w.Run(t.Context(), testConfig); err != nil {
			t.Fatal(err)
		}
		w.Crowded = false
		if w.Done() {
			t.Fatal("done without a batch")
		}
		if err := w.Run(t.Context(), testConfig); err != nil {
			t.Fatal(err)
		}
		if err := w.Verify(); err != nil {
			t.Error(err)
		}
	})
}

func TestForeignMetadataHalts(t *testing.T) {
	for _, text := range []string{"someone's note", `{"v":9}`, `{"v":1,"x":[[5,1]]}`, `{"v":1,"last":-7}`, `{"v":1} trailing`} {
		if _, err := pipeline.ParseIntent(text); err == nil {
			t.Errorf("%q taken for an intent", text)
		}
	}
}

func ExampleIntent() {
	in := pipeline.Intent{Last: 1041, Warm: 17, Config: "30", Exclude: []pipeline.Range{{First: 1003, Last: 1003}}}
	text, _ := in.Encode()
	fmt.Println(text)
	// Output: {"v":1,"last":1041,"warm":17,"cfg":"30","x":[[1003,1003]]}
}
