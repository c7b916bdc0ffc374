package sim

import (
	"context"
	"errors"
	"slices"

	"github.com/spanmill/spanmill/internal/writer"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

// view is the store as one process reaches it.
type view struct{ p *process }

var _ writer.Store = view{}

// NewSpans implements writer.Store.
func (v view) NewSpans() writer.SpanBlock {
	return &spanBlock{rowBlock{p: v.p, name: tableSpans}}
}

// NewParts implements writer.Store.
func (v view) NewParts() writer.PartBlock {
	return &partBlock{rowBlock{p: v.p, name: tableParts}}
}

// LastOffset implements writer.Store.
func (v view) LastOffset(ctx context.Context, topicID string, partition int32) (offset int64, found bool, err error) {
	err = v.p.ask(ctx, func() error {
		offset, found = v.p.w.tables.last(topicID, partition)
		return nil
	})
	return offset, found, err
}

// OtherLog implements writer.Store.
func (v view) OtherLog(ctx context.Context, log string, partition int32) (other string, err error) {
	err = v.p.ask(ctx, func() error {
		other = v.p.w.tables.other(log, partition)
		return nil
	})
	return other, err
}

// Stored implements writer.Store.
func (v view) Stored(context.Context, writer.LifeQuery) ([]writer.SpanLife, error) {
	return nil, errors.New("nothing is driven again in a history")
}

// Events implements writer.Store: histories are of topic spans alone.
func (v view) Events() writer.EventStore { return nil }

// rowBlock is what the blocks of both tables share.
type rowBlock struct {
	p    *process
	name string
	rows []row
}

func (b *rowBlock) Table() string { return b.name }
func (b *rowBlock) Rows() int     { return len(b.rows) }
func (b *rowBlock) Reset()        { b.rows = nil }

func (b *rowBlock) Insert(ctx context.Context, a pipeline.Attempt) error {
	return b.p.insert(ctx, block{table: b.name, rows: slices.Clone(b.rows), Attempt: a})
}

func (b *rowBlock) Present(ctx context.Context, at writer.Place, days []uint16) (have []uint16, err error) {
	err = b.p.ask(ctx, func() error {
		have = b.p.w.tables.present(b.name, at.Log, at.Partition, at.Range, days)
		return nil
	})
	return have, err
}

func (b *rowBlock) Probe(ctx context.Context) error {
	rows := slices.Clone(b.rows)
	return b.p.ask(ctx, func() error {
		t := b.p.w.tables
		t.mu.Lock()
		defer t.mu.Unlock()
		return t.check(rows)
	})
}

type (
	spanBlock struct{ rowBlock }
	partBlock struct{ rowBlock }
)

// Append implements writer.SpanBlock.
func (b *spanBlock) Append(rows []schema.SpanRow) {
	for i := range rows {
		r := &rows[i]
		b.rows = append(b.rows, row{
			key: key{
				log: r.Log, partition: r.Partition, first: r.Offset, offset: r.Offset, index: int(r.Span.Index),
				tenant: string([]byte(r.Tenant)), trace: r.Span.TraceID, span: r.Span.SpanID,
			},
			day: r.PartDay, spans: 1, poison: r.Span.Name == poisonName,
		})
	}
}

// Append implements writer.PartBlock.
func (b *partBlock) Append(p *schema.TracePart) {
	b.rows = append(b.rows, row{
		key: key{
			log: p.Log, partition: p.Partition, first: p.FirstOffset, offset: p.LastOffset,
			tenant: string([]byte(p.Tenant)), trace: p.TraceID,
		},
		day: p.PartDay, spans: int(p.Spans),
	})
}
