// Package pipelinetest is a world for pipeline.Run made of memory: a log, a
// consumer group that fences like Kafka's, and tables that deduplicate by token
// like ClickHouse's, with every fault a seed can draw: commits applied whose
// answer is lost or that arrive late, inserts that land in part, late or twice
// asked, tokens evicted, owners that die at any step. It runs in the virtual
// time of testing/synctest.
package pipelinetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/spanmill/spanmill/pkg/pipeline"
)

// Odds are chances in percent.
type Odds struct {
	// CommitLost: the commit is applied or not, and the answer is lost.
	CommitLost int
	// CommitLate: a lost commit is applied again up to forty seconds later.
	CommitLate int
	// InsertFail: an insert fails before, after or half-way through landing.
	InsertFail int
	// InsertLate: a failed insert lands up to forty seconds later, if the server
	// still accepts it then.
	InsertLate int
	// Crash: the owner dies before the next step.
	Crash int
}

// World is everything outside the process under test.
type World struct {
	mu      sync.Mutex
	rng     *rand.Rand
	odds    Odds
	records []pipeline.Record

	member    int // the group's current member; commits of others are refused
	committed pipeline.Committed
	rewound   bool

	window int // tokens kept per table partition
	tables map[string]*tableState
	poison map[int64]bool

	// Recovered counts adopted intents by state.
	Recovered map[string]int
	// Letters are the offsets that were dead-lettered.
	Letters []int64
	// Mends: the store rejects nothing any more once a scratch table is asked.
	Mends bool
	// Crowded: an owner finds no room for a batch, and is told to drain.
	Crowded bool
}

type tableState struct {
	rows   map[int64]int // by offset
	tokens map[uint16][]string
	ranges map[string]pipeline.Range // what each token was used for
}

// ErrCrash ends an owner as a SIGKILL would: nothing after it runs.
var ErrCrash = errors.New("crashed")

// New makes a world of n records.
func New(seed uint64, n int, odds Odds) *World {
	w := &World{
		rng: rand.New(rand.NewPCG(seed, 1)), odds: odds, window: 8,
		committed: pipeline.Committed{Offset: -1},
		tables:    map[string]*tableState{}, poison: map[int64]bool{},
		Recovered: map[string]int{},
	}
	for i := range n {
		w.records = append(w.records, pipeline.Record{Topic: "t", Offset: int64(i), Value: []byte{byte(w.rng.IntN(3))}})
	}
	for _, name := range []string{"a", "b"} {
		w.tables[name] = &tableState{rows: map[int64]int{}, tokens: map[uint16][]string{}, ranges: map[string]pipeline.Range{}}
	}
	return w
}

// Poison makes the tables reject every block that holds the record.
func (w *World) Poison(offset int64) { w.poison[offset] = true }

// Calm ends all faults.
func (w *World) Calm() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.odds = Odds{}
}

// Done reports whether every record is committed and no intent is open.
func (w *World) Done() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	in, err := pipeline.ParseIntent(w.committed.Metadata)
	return err == nil && !in.Open() && w.committed.Offset == int64(len(w.records))
}

// Verify is the oracle: every record once in each table or once among the dead
// letters, and no token used for two ranges.
func (w *World) Verify() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, t := range w.tables {
		for i := range w.records {
			want := 1
			if w.poison[int64(i)] {
				want = 0
			}
			if got := t.rows[int64(i)]; got != want {
				return fmt.Errorf("table %s: record %d stands there %d times, want %d", name, i, got, want)
			}
		}
	}
	for o := range w.poison {
		if !slices.Contains(w.Letters, o) {
			return fmt.Errorf("poison record %d is no dead letter", o)
		}
	}
	if w.rewound {
		return errors.New("a committed offset went back")
	}
	return nil
}

// draw reports whether an event of the given odds happens. The caller holds mu.
func (w *World) draw(percent int) bool { return percent > 0 && w.rng.IntN(100) < percent }

// later runs f in up to forty virtual seconds, as the network might.
func (w *World) later(f func()) {
	d := time.Duration(w.rng.IntN(40_000)) * time.Millisecond
	time.AfterFunc(d, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		f()
	})
}

// commit is what the broker does with a commit of a member.
func (w *World) commit(member int, c pipeline.Committed) bool {
	if member != w.member {
		return false
	}
	if c.Offset < w.committed.Offset {
		w.rewound = true
	}
	w.committed = c
	return true
}

// insert is what the server does with a block: each table partition lands as a
// unit unless its token is known. The server refuses what is past its deadline.
func (w *World) insert(name string, a pipeline.Attempt, rows []row, upTo int) error {
	t := w.tables[name]
	if time.Now().After(a.Deadline) {
		return pipeline.ErrDeadline
	}
	for _, r := range rows {
		if w.poison[r.offset] {
			return pipeline.ErrRejected
		}
	}
	for i, part := range partsOf(rows) {
		if i >= upTo || slices.Contains(a.Skip, part) || slices.Contains(t.tokens[part], a.Token) {
			continue
		}
		t.tokens[part] = append(t.tokens[part], a.Token)
		if n := len(t.tokens[part]); n > w.window {
			t.tokens[part] = t.tokens[part][n-w.window:]
		}
		for _, r := range rows {
			if r.part == part {
				t.rows[r.offset]++
			}
		}
	}
	return nil
}

type row struct {
	offset int64
	part   uint16
}

func partsOf(rows []row) []uint16 {
	var parts []uint16
	for _, r := range rows {
		if !slices.Contains(parts, r.part) {
			parts = append(parts, r.part)
		}
	}
	return parts
}
