package app

import (
	"context"
	"time"

	"github.com/spanmill/spanmill/internal/store"
	"github.com/spanmill/spanmill/internal/writer"
	"github.com/spanmill/spanmill/pkg/pipeline"
)

// tables shows the store to the writer in the writer's words.
type tables struct {
	store   *store.Store
	spans   *store.Table[*store.SpanBlock]
	parts   *store.Table[*store.TracePartBlock]
	events  eventTables
	rollups rollupTable
}

var (
	_ writer.Store       = tables{}
	_ writer.RollupStore = rollupTable{}
)

func newTables(s *store.Store) tables {
	return tables{s, s.Spans(), s.TraceParts(), newEventTables(s), rollupTable{s.Rollups(), s}}
}

// Events implements writer.Store.
func (t tables) Events() writer.EventStore { return t.events }

// NewSpans implements writer.Store.
func (t tables) NewSpans() writer.SpanBlock {
	b := store.NewSpanBlock()
	return spanBlock{b, block[*store.SpanBlock]{b, t.spans}}
}

// NewParts implements writer.Store.
func (t tables) NewParts() writer.PartBlock {
	b := store.NewTracePartBlock()
	return partBlock{b, block[*store.TracePartBlock]{b, t.parts}}
}

// rollupTable shows table rollups to the writer in the writer's words.
type rollupTable struct {
	*store.Table[*store.RollupBlock]

	store *store.Store
}

// How old days of metrics become minutes and hours. Spans that end 30 days before
// they come count when they come, so nothing is added to older days; five days
// more are for writers that lag.
const (
	compactAfter = 35 * 24 * time.Hour
	minuteDays   = 400     // a year and a month can be compared with the one before
	hourDays     = 3 * 365 // so can three years
)

// Compact implements writer.RollupStore.
func (t rollupTable) Compact(ctx context.Context) (int, error) {
	return t.store.CompactRollups(ctx, store.Compaction{AfterDays: int(compactAfter / (24 * time.Hour)), MinuteDays: minuteDays, HourDays: hourDays})
}

// NewRollups implements writer.RollupStore.
func (t rollupTable) NewRollups() writer.RollupBlock {
	b := store.NewRollupBlock()
	return rollupBlock{b, block[*store.RollupBlock]{b, t.Table}}
}

// LastOffset implements writer.Store: a batch lands in spans first, but a batch
// of resends only may leave trace_parts behind, so both are asked.
func (t tables) LastOffset(ctx context.Context, log string, partition int32) (int64, bool, error) {
	spans, inSpans, err := t.spans.LastOffset(ctx, log, partition)
	if err != nil {
		return 0, false, err
	}
	parts, inParts, err := t.parts.LastOffset(ctx, log, partition)
	if err != nil {
		return 0, false, err
	}
	return max(spans, parts), inSpans || inParts, nil
}

// OtherLog implements writer.Store.
func (t tables) OtherLog(ctx context.Context, log string, partition int32) (string, error) {
	return t.spans.OtherLog(ctx, log, partition)
}

// Stored implements writer.Store.
func (t tables) Stored(ctx context.Context, q writer.LifeQuery) ([]writer.SpanLife, error) {
	ask := store.LivesQuery{Tenant: q.Tenant, Origin: q.Origin, Log: q.Log, Before: q.Before}
	for _, l := range q.Spans {
		ask.Spans = append(ask.Spans, store.Life(l))
	}
	found, err := t.store.Lives(ctx, ask)
	out := make([]writer.SpanLife, len(found))
	for i, l := range found {
		out[i] = writer.SpanLife(l)
	}
	return out, err
}

// block is a store's block together with its table.
type block[B store.Block] struct {
	rows  B
	table *store.Table[B]
}

type (
	spanBlock struct {
		*store.SpanBlock
		block[*store.SpanBlock]
	}
	rollupBlock struct {
		*store.RollupBlock
		block[*store.RollupBlock]
	}
	partBlock struct {
		*store.TracePartBlock
		block[*store.TracePartBlock]
	}
)

func (b block[B]) Table() string { return b.table.Name() }

func (b block[B]) Insert(ctx context.Context, a pipeline.Attempt) error {
	return b.table.Insert(ctx, b.rows, a.Token, a.Deadline, a.Skip)
}

func (b block[B]) Present(ctx context.Context, at writer.Place, days []uint16) ([]uint16, error) {
	return b.table.Present(ctx, at.Log, at.Partition, at.Range.First, at.Range.Last, days)
}

func (b block[B]) Probe(ctx context.Context) error {
	return b.table.InsertScratch(ctx, b.rows)
}
