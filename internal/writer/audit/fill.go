package audit

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/writer"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

// Fill is where blocks come from that can store what their table lacks.
type Fill interface {
	NewSpans() SpanFill
	NewParts() PartFill
	NewEvents(kind schema.EventKind) EventFill
}

// Filler stores those rows of a block that the table has not; the answer is
// how many. Errors are those of pipeline.Table's Insert.
type Filler interface {
	InsertMissing(ctx context.Context, at writer.Place, a pipeline.Attempt) (written int, err error)
}

// SpanFill fills table spans.
type SpanFill interface {
	writer.SpanBlock
	Filler
}

// PartFill fills table trace_parts.
type PartFill interface {
	writer.PartBlock
	Filler
}

// stageOf is the writer's stage over blocks that only fill.
func stageOf(p *Replayer, e Extent, f *filling) pipeline.Stage {
	w := writer.New(p.Config, nil, f, f, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if p.Books != nil {
		w.PriceBy(p.Books)
	}
	return w.Stage(e.Log, e.Partitions)
}

// NewSpans implements writer.Store.
func (f *filling) NewSpans() writer.SpanBlock { return &fillSpans{f.p.Fill.NewSpans(), f} }

// NewParts implements writer.Store.
func (f *filling) NewParts() writer.PartBlock { return &fillParts{f.p.Fill.NewParts(), f} }

// LastOffset implements writer.Store.
func (f *filling) LastOffset(context.Context, string, int32) (int64, bool, error) {
	return 0, false, errNoTables
}

// OtherLog implements writer.Store.
func (f *filling) OtherLog(context.Context, string, int32) (string, error) { return "", errNoTables }

// Stored implements writer.Store.
func (f *filling) Stored(ctx context.Context, q writer.LifeQuery) ([]writer.SpanLife, error) {
	return f.p.Stored.ask(ctx, q)
}

// Events implements writer.Store.
func (f *filling) Events() writer.EventStore { return filledEvents{f: f} }

// Partitions implements writer.Producer.
func (f *filling) Partitions(context.Context, string) (int, error) { return f.extent.Partitions, nil }

// Produce implements writer.Producer: dead letters were written when the record
// was met first.
func (f *filling) Produce(context.Context, []pipeline.Record) error { return nil }

// wanted reports whether rows of the tenant and the day are to be stored.
func (f *filling) wanted(tenant string, day uint16) bool {
	return (f.p.Tenant == "" || f.p.Tenant == tenant) && !f.p.Terms.over(tenant, day)
}

// gone reports whether a trace was deleted after that was received of it.
func (f *filling) gone(tenant string, trace schema.TraceID, receivedMilli int64) bool {
	return len(f.p.Terms.Deleted) > 0 && f.p.Terms.gone(tenant, trace.String(), receivedMilli)
}

// fillSpans takes the rows that are wanted.
type fillSpans struct {
	SpanFill
	f *filling
}

// Append implements writer.SpanBlock.
func (b *fillSpans) Append(rows []schema.SpanRow) {
	for i := range rows {
		r := &rows[i]
		if b.f.wanted(r.Tenant, r.PartDay) && !b.f.gone(r.Tenant, r.Span.TraceID, r.ReceivedMilli) {
			b.SpanFill.Append(rows[i : i+1])
		}
	}
}

// Insert implements writer.Block.
func (b *fillSpans) Insert(ctx context.Context, a pipeline.Attempt) error {
	n, err := b.InsertMissing(ctx, b.f.extent.place(b.f.open.Range), a)
	b.f.p.Result.Spans.Add(int64(n))
	return err
}

// fillParts takes the sums that are wanted, and none over a part of a batch.
type fillParts struct {
	PartFill
	f *filling
}

// Append implements writer.PartBlock.
func (b *fillParts) Append(p *schema.TracePart) {
	if b.f.wanted(p.Tenant, p.PartDay) && b.f.open.whole && !b.f.gone(p.Tenant, p.TraceID, p.ReceivedMilli) {
		b.PartFill.Append(p)
	}
}

// Insert implements writer.Block.
func (b *fillParts) Insert(ctx context.Context, a pipeline.Attempt) error {
	n, err := b.InsertMissing(ctx, b.f.extent.place(b.f.open.Range), a)
	b.f.p.Result.Parts.Add(int64(n))
	return err
}
