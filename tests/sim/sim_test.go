package sim

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// seedsInTest is the share of the seeds that every `make test` plays; `make
// soak` plays ten thousand.
const seedsInTest = 300

// TestSeeds plays the first seeds. A failing one is shrunk and printed.
func TestSeeds(t *testing.T) {
	seeds := seedsInTest
	if testing.Short() {
		seeds = 40
	}
	playSeeds(t, seeds).expect(t, seeds)
}

// TestKept plays every plan in testdata: histories that once failed, and those
// that reach what seeds reach too rarely. Each is played several times, since
// Go schedules its goroutines anew.
func TestKept(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no plans kept: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var plan Plan
			if err := json.Unmarshal(text, &plan); err != nil {
				t.Fatal(err)
			}
			if plan.String() != string(text) {
				t.Errorf("a plan is kept as it is printed:\n%s", plan)
			}
			for range 5 {
				if r := play(t, plan); r.Err != nil {
					t.Fatalf("%v\n%s", r.Err, strings.Join(r.Trace, "\n"))
				}
			}
		})
	}
}

// play lives a plan through in virtual time.
func play(t *testing.T, plan Plan) (r Report) {
	t.Helper()
	over := false
	defer func() {
		if !over { // it panicked, as synctest does when everything waits for ever
			fmt.Fprintf(os.Stderr, "in this history:\n%s", plan)
		}
	}()
	synctest.Test(t, func(*testing.T) { r = Play(plan) })
	over = true
	return r
}

// tally is what many histories were like.
type tally struct {
	mu     sync.Mutex
	hits   map[string]int
	next   uint64
	played int
	failed bool
}

// playSeeds plays seeds from 0 on, on all cores, up to the first that fails.
func playSeeds(t *testing.T, seeds int) *tally {
	t.Helper()
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // many short lives, little memory
	all, began := &tally{hits: map[string]int{}}, time.Now()
	t.Run("all", func(t *testing.T) {
		for i := range runtime.GOMAXPROCS(0) {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				for seed, more := all.take(seeds); more; seed, more = all.take(seeds) {
					plan := Generate(seed)
					r := play(t, plan)
					nth, fails := all.add(r)
					if fails {
						t.Errorf("the %d. history fails: %v\n%s", nth, r.Err, explain(t, plan, r))
					}
					if nth%1000 == 0 {
						t.Logf("%d histories", nth)
					}
				}
			})
		}
	})
	t.Logf("%d histories, %.0f a second", all.played, float64(all.played)/time.Since(began).Seconds())
	for _, fault := range slices.Sorted(maps.Keys(all.hits)) {
		t.Logf("%8d  %s", all.hits[fault], fault)
	}
	return all
}

func (a *tally) take(seeds int) (seed uint64, more bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.next++
	return a.next - 1, a.next <= uint64(seeds) && !a.failed
}

// add gives the report's place in the order, and whether it is the first failure.
func (a *tally) add(r Report) (nth int, first bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.played++
	for fault, n := range r.Hits {
		a.hits[fault] += n
	}
	first = r.Err != nil && !a.failed
	a.failed = a.failed || first
	return a.played, first
}

// expect holds the histories to having been about something.
func (a *tally) expect(t *testing.T, seeds int) {
	t.Helper()
	for _, fault := range reachable {
		if want := max(1, seeds/50); !a.failed && a.hits[fault] < want {
			t.Errorf("%q came %d times in %d histories, want %d at least", fault, a.hits[fault], seeds, want)
		}
	}
}

// reachable are the faults and states that the seeds must come to.
var reachable = []string{
	"commit late", "commit lost", "commit slow", "commit unanswered",
	"insert failed", "insert half", "insert late", "insert slow", "insert unanswered",
	"insert landed after its writer was gone", "a question failed", "deadline passed", "data rejected",
	"dropped by token", "token forgotten", "crash", "drain", "stall", "cut", "expel", "refuse", "away", "expire", "mend", "recreate", "partition halted for its expired log",
	"recovered open", "recovered partial", "recovered inserted", "rejoined", "resent span dropped",
}

// explain shrinks a failing plan and shows what is left of it.
func explain(t *testing.T, plan Plan, r Report) string {
	t.Helper()
	const tries = 3 // of one plan: Go schedules its goroutines anew
	least := Shrink(plan, 60, func(smaller Plan) bool {
		for range tries {
			if got := play(t, smaller); got.Err != nil {
				r = got
				return true
			}
		}
		return false
	})
	return fmt.Sprintf("shrunk, it fails so: %v\n%s\nkeep it in testdata:\n%s", r.Err, strings.Join(r.Trace, "\n"), least)
}
