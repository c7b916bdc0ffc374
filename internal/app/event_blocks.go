package app

import (
	"context"
	"time"

	"github.com/spanmill/spanmill/internal/store"
	"github.com/spanmill/spanmill/internal/writer"
	"github.com/spanmill/spanmill/pkg/schema"
)

// eventTables shows the tables of events to the writer in the writer's words.
type eventTables struct {
	store *store.Store
	of    map[schema.EventKind]*store.Table[*store.EventBlock]
}

var _ writer.EventStore = eventTables{}

func newEventTables(s *store.Store) eventTables {
	t := eventTables{s, make(map[schema.EventKind]*store.Table[*store.EventBlock])}
	for _, kind := range schema.StoredKinds() {
		t.of[kind] = s.Events(kind)
	}
	return t
}

type eventBlock struct {
	*store.EventBlock
	block[*store.EventBlock]
}

// NewEvents implements writer.EventStore.
func (t eventTables) NewEvents(kind schema.EventKind) writer.EventBlock {
	b := store.NewEventBlock(kind)
	return eventBlock{b, block[*store.EventBlock]{b, t.of[kind]}}
}

type experimentBlock struct {
	*store.ExperimentBlock
	block[*store.ExperimentBlock]
}

// NewExperiments implements writer.EventStore.
func (t eventTables) NewExperiments() writer.ExperimentBlock {
	b := store.NewExperimentBlock()
	return experimentBlock{b, block[*store.ExperimentBlock]{b, t.store.Experiments()}}
}

// LastOffset implements writer.EventStore.
func (t eventTables) LastOffset(ctx context.Context, topicID string, partition int32) (last int64, found bool, err error) {
	filled, err := t.filled(ctx)
	if err != nil {
		return 0, false, err
	}
	for _, table := range filled {
		offset, there, err := table.LastOffset(ctx, topicID, partition)
		if err != nil {
			return 0, false, err
		}
		last, found = max(last, offset), found || there
	}
	return last, found, nil
}

// OtherLog implements writer.EventStore: the first that a table names, one of
// the same topic before any other.
func (t eventTables) OtherLog(ctx context.Context, log string, partition int32) (other string, err error) {
	filled, err := t.filled(ctx)
	if err != nil {
		return "", err
	}
	for _, table := range filled {
		found, err := table.OtherLog(ctx, log, partition)
		if err != nil {
			return "", err
		}
		if other == "" || found != "" && sameTopic(found, log) {
			other = found
		}
	}
	return other, nil
}

// filled gives the tables that have rows, in the order of their kinds. Most of
// them have none for long, and each partition asks all of them for its place.
func (t eventTables) filled(ctx context.Context) ([]*store.Table[*store.EventBlock], error) {
	kinds := schema.StoredKinds()
	names := make([]string, len(kinds))
	for i, kind := range kinds {
		names[i] = t.of[kind].Name()
	}
	some, err := t.store.Filled(ctx, names...)
	if err != nil {
		return nil, err
	}
	var tables []*store.Table[*store.EventBlock]
	for i, kind := range kinds {
		if some[names[i]] {
			tables = append(tables, t.of[kind])
		}
	}
	return tables, nil
}

// sameTopic reports whether two logs are lives of one topic.
func sameTopic(a, b string) bool {
	const hexID = 32
	return len(a) > hexID && len(b) > hexID && a[:hexID] == b[:hexID]
}

// Now implements writer.EventStore.
func (t eventTables) Now(ctx context.Context) (time.Time, error) { return t.store.ServerTime(ctx) }

// DueDeletions implements writer.EventStore.
func (t eventTables) DueDeletions(ctx context.Context, q writer.DueQuery) ([]schema.Deletion, error) {
	return t.store.DueDeletions(ctx, store.DeletionsQuery(q))
}

// DeleteTraces implements writer.EventStore.
func (t eventTables) DeleteTraces(ctx context.Context, deletions []schema.Deletion) (int64, error) {
	return t.store.DeleteTraces(ctx, deletions)
}
