package writer

import (
	"context"
	"time"

	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

// Block is the columns of one batch for one table, and the way to store them.
type Block interface {
	Table() string
	Rows() int
	Reset()
	// Insert stores the block (rules W9, W10); see pipeline.Table.
	Insert(ctx context.Context, a pipeline.Attempt) error
	// Present asks which of days already hold rows of the range (W8).
	Present(ctx context.Context, at Place, days []uint16) ([]uint16, error)
	// Probe stores the block in a scratch table of the same DDL and drops it.
	Probe(ctx context.Context) error
}

// SpanBlock is a Block of table spans.
type SpanBlock interface {
	Block
	Append(rows []schema.SpanRow)
}

// PartBlock is a Block of table trace_parts.
type PartBlock interface {
	Block
	Append(part *schema.TracePart)
}

// Place says which rows are a batch's: log, partition and range.
type Place struct {
	Log       string
	Partition int32
	Range     pipeline.Range
}

// Store is where blocks come from.
type Store interface {
	NewSpans() SpanBlock
	NewParts() PartBlock
	// LastOffset is the greatest offset of the partition that any row came
	// from, in whatever incarnation of the topic (W6).
	LastOffset(ctx context.Context, topicID string, partition int32) (offset int64, found bool, err error)
	// OtherLog names a log (pipeline.Log.ID) other than the given one that rows
	// of the partition came from, preferably one of the same topic; "": none.
	OtherLog(ctx context.Context, log string, partition int32) (string, error)
	// Stored tells which of the spans have a row that counts, from their first
	// life or a later one.
	Stored(ctx context.Context, q LifeQuery) ([]SpanLife, error)
	// Events is where topic events goes; nil: it is not read.
	Events() EventStore
}

// EventBlock is a Block of one of the tables of events.
type EventBlock interface {
	Block
	Append(row *schema.EventRow)
}

// ExperimentBlock is a block of table experiments.
type ExperimentBlock interface {
	Rows() int
	Reset()
	Append(row *schema.ExperimentRow)
	// Insert stores the block; that it is there in part does no harm.
	Insert(ctx context.Context, a pipeline.Attempt) error
}

// EventStore is the tables of what is told about traces beside their spans.
type EventStore interface {
	// NewEvents gives a block for a kind of event, one of schema.StoredKinds.
	NewEvents(kind schema.EventKind) EventBlock
	NewExperiments() ExperimentBlock
	// LastOffset and OtherLog are Store's, of the tables of events.
	LastOffset(ctx context.Context, topicID string, partition int32) (offset int64, found bool, err error)
	OtherLog(ctx context.Context, log string, partition int32) (string, error)
	// Now is the server's time.
	Now(ctx context.Context) (time.Time, error)
	// DueDeletions lists deletions whose trace may have rows.
	DueDeletions(ctx context.Context, q DueQuery) ([]schema.Deletion, error)
	// DeleteTraces deletes what the deletions hide, and tells how many rows.
	DeleteTraces(ctx context.Context, deletions []schema.Deletion) (rows int64, err error)
}

// table is one block of the open batch as the loop sees it.
type table struct {
	block Block
	at    Place
	days  []uint16
}

var _ pipeline.Table = (*table)(nil)

func (t *table) Name() string    { return t.block.Table() }
func (t *table) Rows() int       { return t.block.Rows() }
func (t *table) Parts() []uint16 { return t.days }

func (t *table) Insert(ctx context.Context, a pipeline.Attempt) error {
	return t.block.Insert(ctx, a)
}

func (t *table) Present(ctx context.Context) ([]uint16, error) {
	return t.block.Present(ctx, t.at, t.days)
}
