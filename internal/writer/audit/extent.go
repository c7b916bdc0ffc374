package audit

import (
	"context"
	"fmt"

	"github.com/spanmill/spanmill/internal/writer"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

// Log is a topic, read from outside of the writers' group.
type Log interface {
	// Read visits the records of [from, to) in order. pipeline.ErrExpired: they
	// are not all there any more.
	Read(ctx context.Context, log pipeline.Log, from, to int64, visit func(*pipeline.Record) error) error
}

// Tables is what the rows say about the log they came from. Rows of a place are
// those of its topic, whatever the incarnation.
type Tables interface {
	// StoredSpans visits the rows of table spans in the order of the log.
	StoredSpans(ctx context.Context, at writer.Place, visit func(*schema.StoredSpan) error) error
	// StoredParts visits the rows of table trace_parts whose batch touches the
	// range.
	StoredParts(ctx context.Context, at writer.Place, visit func(*schema.StoredPart) error) error
	// StoredEvents visits the rows of the table of a kind of event in the order
	// of the log.
	StoredEvents(ctx context.Context, kind schema.EventKind, at writer.Place, visit func(*schema.StoredEvent) error) error
	// Batches lists the batches that touch the range, in order, at most n.
	Batches(ctx context.Context, at writer.Place, n int) ([]pipeline.Range, error)
}

// Extent is what of one partition is looked at.
type Extent struct {
	Log         pipeline.Log
	Incarnation uint32
	// Partitions is how many the topic has.
	Partitions int
	// Start is the first offset of the log; above 0 its beginning is gone.
	Start int64
	// Committed is the writers' committed offset: what lies below has landed.
	Committed int64
	// From and To bound the offsets, To excluded. Both are moved outward to
	// where a batch begins or ends.
	From, To int64
}

func (e Extent) id() string { return e.Log.ID(e.Incarnation) }

func (e Extent) place(r pipeline.Range) writer.Place {
	return writer.Place{Log: e.id(), Partition: e.Log.Partition, Range: r}
}

// aligned has the bounds moved outward to the ends of the batches that they cut,
// as far as the log and the commits reach.
func (e Extent) aligned(ctx context.Context, t Tables) (Extent, error) {
	e.From, e.To = max(e.From, e.Start), min(e.To, e.Committed)
	if e.From >= e.To {
		e.From, e.To = e.Start, e.Start
		return e, nil
	}
	for _, edge := range []int64{e.From, e.To - 1} {
		cut, err := t.Batches(ctx, e.place(pipeline.Range{First: edge, Last: edge}), 1)
		if err != nil {
			return e, fmt.Errorf("find the batch of offset %d: %w", edge, err)
		}
		for _, b := range cut {
			e.From = max(e.Start, min(e.From, b.First))
			e.To = min(e.Committed, max(e.To, b.Last+1))
		}
	}
	return e, nil
}
