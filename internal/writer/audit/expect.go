package audit

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/writer"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

// excuse is why a row may be absent without anything being wrong.
type excuse uint8

const (
	none      excuse = iota
	undecided        // it may be a resend of a span that the log has no more
	expired          // its retention is over
	lettered         // the store rejected it: it is a dead letter
	deleted          // its trace was deleted
)

// expected is a row that must be there once.
type expected struct {
	offset int64
	index  uint32
	trace  schema.TraceID
	span   schema.SpanID
	tenant string
	day    uint16 // the day its retention counts from
	excuse excuse
	found  int
}

// Terms say when the retention of a row is over.
type Terms struct {
	// Now is the server's time: it is the server that deletes.
	Now time.Time
	// Days is what new rows are kept, Least what the rows of a tenant are whose
	// retention was changed.
	Days  uint16
	Least map[string]uint16
	// Deleted has the last deletion of each trace that was deleted: what was
	// received up to it is not to be there, and may be for a while.
	Deleted map[TraceKey]int64 // Unix milliseconds
}

// TraceKey names a trace, by the text that tables have.
type TraceKey struct{ Tenant, TraceID string }

// gone reports whether what was received about a trace at a time is deleted.
func (t Terms) gone(tenant, trace string, receivedMilli int64) bool {
	at, ok := t.Deleted[TraceKey{tenant, trace}]
	return ok && receivedMilli <= at
}

const secondsPerDay = 24 * 60 * 60

// over reports whether a tenant's row of the day may be deleted by now.
func (t Terms) over(tenant string, day uint16) bool {
	days := t.Days
	if least, ok := t.Least[tenant]; ok {
		days = min(days, least)
	}
	return (int64(day)+int64(days))*secondsPerDay <= t.Now.Unix()
}

// expectation is a stage that keeps what it would store and what it would
// dead-letter. It is the writer's Store and Producer.
type expectation struct {
	stage   pipeline.Stage
	spans   func(*schema.SpanRow)
	events  func(*schema.EventRow)
	letters func(*pipeline.Record)

	partitions int
	stored     Stored
}

// Stored is writer.Store's: which spans of a re-driven record had rows before.
// nil: none.
type Stored func(context.Context, writer.LifeQuery) ([]writer.SpanLife, error)

func (s Stored) ask(ctx context.Context, q writer.LifeQuery) ([]writer.SpanLife, error) {
	if s == nil {
		return nil, nil
	}
	return s(ctx, q)
}

// errNoTables: an expectation has no tables, and nobody should ask it for some.
var errNoTables = errors.New("an audit stores nothing")

func newExpectation(cfg writer.Config, e Extent, stored Stored) *expectation {
	x := &expectation{partitions: e.Partitions, stored: stored}
	w := writer.New(cfg, nil, x, x, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	x.stage = w.Stage(e.Log, e.Partitions)
	return x
}

// NewSpans implements writer.Store.
func (x *expectation) NewSpans() writer.SpanBlock { return &keptSpans{of: x} }

// NewParts implements writer.Store. Sums are made of the spans.
func (x *expectation) NewParts() writer.PartBlock { return keptParts{&nowhere{}} }

// LastOffset implements writer.Store.
func (x *expectation) LastOffset(context.Context, string, int32) (int64, bool, error) {
	return 0, false, errNoTables
}

// OtherLog implements writer.Store.
func (x *expectation) OtherLog(context.Context, string, int32) (string, error) {
	return "", errNoTables
}

// Stored implements writer.Store.
func (x *expectation) Stored(ctx context.Context, q writer.LifeQuery) ([]writer.SpanLife, error) {
	return x.stored.ask(ctx, q)
}

// Events implements writer.Store.
func (x *expectation) Events() writer.EventStore { return expectedEvents{of: x} }

// Partitions implements writer.Producer.
func (x *expectation) Partitions(context.Context, string) (int, error) { return x.partitions, nil }

// Produce implements writer.Producer.
func (x *expectation) Produce(_ context.Context, records []pipeline.Record) error {
	for i := range records {
		x.letters(&records[i])
	}
	return nil
}

// nowhere is a block that goes nowhere.
type nowhere struct{ rows int }

func (b *nowhere) Table() string { return "" }
func (b *nowhere) Rows() int     { return b.rows }
func (b *nowhere) Reset()        { b.rows = 0 }

func (b *nowhere) Insert(context.Context, pipeline.Attempt) error { return errNoTables }
func (b *nowhere) Probe(context.Context) error                    { return errNoTables }
func (b *nowhere) Present(context.Context, writer.Place, []uint16) ([]uint16, error) {
	return nil, errNoTables
}

// keptSpans hands its rows on.
type keptSpans struct {
	nowhere
	of *expectation
}

// Append implements writer.SpanBlock.
func (b *keptSpans) Append(rows []schema.SpanRow) {
	b.rows += len(rows)
	for i := range rows {
		b.of.spans(&rows[i])
	}
}

type keptParts struct{ *nowhere }

// Append implements writer.PartBlock.
func (keptParts) Append(*schema.TracePart) {}
