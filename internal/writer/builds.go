package writer

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/spanmill/spanmill/pkg/schema"
)

// build is what one batch is built in. It is lent, not owned: a partition whose
// batch is not open holds no columns.
type build struct {
	spans  SpanBlock
	parts  PartBlock
	traces traces
	events []eventTable // in place of the others, in a batch of topic events
	turn   bool         // goes back with the build
}

// eventTable is what a batch has for one kind of event.
type eventTable struct {
	kind  schema.EventKind
	block EventBlock
	days  daySet
}

func newEventBuild(store EventStore) *build {
	b := new(build)
	for _, kind := range schema.StoredKinds() {
		b.events = append(b.events, eventTable{kind: kind, block: store.NewEvents(kind)})
	}
	return b
}

func newBuild(store Store) *build {
	b := &build{spans: store.NewSpans(), parts: store.NewParts()}
	b.traces.reset()
	return b
}

func (b *build) reset() {
	for i := range b.events {
		b.events[i].block.Reset()
		b.events[i].days = b.events[i].days[:0]
	}
	if b.spans == nil {
		return
	}
	b.spans.Reset()
	b.parts.Reset()
	b.traces.reset()
}

// builds lends builds to the partitions of one writer. Partitions that are
// behind take turns: their batches are as large as batches get, and all of
// them at once would need that much memory for each partition and end no
// sooner. One that keeps up never waits for those.
type builds struct {
	make   func() *build
	turns  chan struct{}
	behind time.Duration // the age of a record at which its partition is behind
	idle   sync.Pool     // of *build, emptied

	// While partitions are behind, their builds stay as large as they are: growing
	// one anew costs as much as filling it, and a pool forgets in between.
	mu   sync.Mutex
	out  int      // builds lent for a turn
	warm []*build // emptied, of turns that are over
}

// newBuilds shares turns with the others of the writer.
func newBuilds(cfg Config, turns chan struct{}, makeOne func() *build) *builds {
	b := &builds{
		make:  makeOne,
		turns: turns,
		// A partition that keeps up is behind by its batch's age and an insert.
		behind: 2 * cfg.Pipeline.Limits.MaxAge,
	}
	b.idle.New = func() any { return makeOne() }
	return b
}

// lend gives an empty build for a batch that begins with a record received at
// the given time. It waits for a turn if it must, at most until ctx ends.
func (b *builds) lend(ctx context.Context, received time.Time) (*build, error) {
	turn := time.Since(received) > b.behind
	if turn {
		select {
		case b.turns <- struct{}{}:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	lent := b.take(turn)
	lent.turn = turn
	return lent, nil
}

// take finds an empty build, or makes one.
func (b *builds) take(turn bool) *build {
	if turn {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.out++
		if n := len(b.warm); n > 0 {
			lent := b.warm[n-1]
			b.warm = slices.Delete(b.warm, n-1, n)
			return lent
		}
	}
	lent, _ := b.idle.Get().(*build) // New gives nothing else
	return lent
}

// scratch gives a build that is not lent and never comes back.
func (b *builds) scratch() *build { return b.make() }

// back ends a loan; nil is fine.
func (b *builds) back(lent *build) {
	if lent == nil {
		return
	}
	lent.reset()
	if !lent.turn {
		b.idle.Put(lent)
		return
	}
	b.keep(lent)
	<-b.turns
}

// keep has an emptied build ready for the next turn. The last one that comes
// back ends the backlog, and the collector may have them all.
func (b *builds) keep(lent *build) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.warm = append(b.warm, lent)
	if b.out--; b.out > 0 {
		return
	}
	for _, w := range b.warm {
		b.idle.Put(w)
	}
	b.warm = nil
}
