package app

import (
	"context"
	"strings"

	"github.com/spanmill/spanmill/internal/store"
	"github.com/spanmill/spanmill/internal/writer"
	"github.com/spanmill/spanmill/internal/writer/audit"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

// stored shows the store to audits and replays in their words.
type stored struct{ store *store.Store }

var (
	_ audit.Tables = stored{}
	_ audit.Fill   = stored{}
)

// regionOf is the place in whatever incarnation of its topic.
func regionOf(at writer.Place) store.Region {
	topicID, _, _ := strings.Cut(at.Log, "/")
	return store.Region{TopicID: topicID, Partition: at.Partition, Range: at.Range}
}

// StoredSpans implements audit.Tables.
func (s stored) StoredSpans(ctx context.Context, at writer.Place, visit func(*schema.StoredSpan) error) error {
	return s.store.StoredSpans(ctx, regionOf(at), visit)
}

// StoredParts implements audit.Tables.
func (s stored) StoredParts(ctx context.Context, at writer.Place, visit func(*schema.StoredPart) error) error {
	return s.store.StoredParts(ctx, regionOf(at), visit)
}

// StoredEvents implements audit.Tables.
func (s stored) StoredEvents(ctx context.Context, kind schema.EventKind, at writer.Place, visit func(*schema.StoredEvent) error) error {
	return s.store.StoredEvents(ctx, kind, regionOf(at), visit)
}

// NewEvents implements audit.Fill.
func (s stored) NewEvents(kind schema.EventKind) audit.EventFill {
	b := store.NewEventBlock(kind)
	return eventFill{eventBlock{b, block[*store.EventBlock]{b, s.store.Events(kind)}}}
}

// Batches implements audit.Tables.
func (s stored) Batches(ctx context.Context, at writer.Place, n int) ([]pipeline.Range, error) {
	return s.store.Batches(ctx, regionOf(at), n)
}

// NewSpans implements audit.Fill.
func (s stored) NewSpans() audit.SpanFill {
	b := store.NewSpanBlock()
	return spanFill{spanBlock{b, block[*store.SpanBlock]{b, s.store.Spans()}}}
}

// NewParts implements audit.Fill.
func (s stored) NewParts() audit.PartFill {
	b := store.NewTracePartBlock()
	return partFill{partBlock{b, block[*store.TracePartBlock]{b, s.store.TraceParts()}}}
}

type (
	spanFill struct{ spanBlock }
	partFill struct{ partBlock }

	eventFill struct{ eventBlock }
)

// InsertMissing implements audit.Filler.
func (b block[B]) InsertMissing(ctx context.Context, at writer.Place, a pipeline.Attempt) (int, error) {
	return b.table.InsertMissing(ctx, b.rows, a.Token, a.Deadline, regionOf(at))
}
