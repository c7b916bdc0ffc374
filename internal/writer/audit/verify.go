package audit

import (
	"context"
	"fmt"
	"strings"

	"github.com/spanmill/spanmill/internal/writer"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

// A window of the log is compared at once: so many expected rows or batches are
// in memory.
const (
	windowSpans   = 100_000
	windowBatches = 2_000
)

// Verifier holds the log against the tables.
type Verifier struct {
	// Config is the writers': K and H, the bounds of a batch, the retention.
	Config  writer.Config
	Log     Log
	Tables  Tables
	Letters AllLetters
	Stored  Stored
	Terms   Terms
	Report  *Report
	// Progress hears how far a partition has been compared.
	Progress func(e Extent, next int64)
}

// Partition audits one partition. The report has the differences; an error
// means that it could not be checked.
func (v *Verifier) Partition(ctx context.Context, e Extent) error {
	if e.Log.Topic == schema.TopicSpans {
		v.Report.Partitions++
	}
	e, err := e.aligned(ctx, v.Tables)
	if err != nil {
		return err
	}
	x := newExpectation(v.Config, e, v.Stored)
	w := &window{
		v: v, extent: e, first: e.From, letters: v.Letters.Of(e.Log.Topic),
		events: make(map[schema.EventKind][]expectedEvent), tenants: make(map[string]string),
	}
	x.letters = w.letter
	x.spans, x.events = w.span, w.event
	walk := &walk{
		extent: e, stage: x.stage, cutter: pipeline.NewCutter(v.Config.Pipeline.Limits),
		batches: &batches{extent: e, tables: v.Tables, overlap: w.overlap},
		record:  w.record, done: w.batch, from: -1,
	}
	if err := walk.warm(ctx, v.Log); err != nil {
		return err
	}
	visit := func(r *pipeline.Record) error { return walk.visit(ctx, r) }
	if err := v.Log.Read(ctx, e.Log, e.From, e.To, visit); err != nil {
		return err
	}
	if err := walk.close(ctx); err != nil {
		return err
	}
	if w.first < e.To { // behind the last batch, or nothing at all
		return w.compare(ctx, e.To-1)
	}
	return nil
}

// window is the part of a partition that is compared next.
type window struct {
	v      *Verifier
	extent Extent

	first   int64 // offset of the window
	letters *Letters
	spans   []expected
	events  map[schema.EventKind][]expectedEvent
	held    int // events
	batches []batch

	current standing
	tenants map[string]string // one copy of each name
}

// standing is what holds for all spans of the record in hand.
type standing struct{ undecided, lettered bool }

func (w *window) record(r *pipeline.Record, decided bool) {
	if r.Topic == schema.TopicSpans {
		w.v.Report.Records++
	} else {
		w.v.Report.EventRecords++
	}
	w.current = standing{
		undecided: !decided,
		lettered:  w.letters.has(r.Partition, firstOffset(r), writer.ReasonRejected),
	}
}

// span notes a row that the writer would store.
func (w *window) span(r *schema.SpanRow) {
	tenant, known := w.tenants[r.Tenant]
	if !known {
		tenant = strings.Clone(r.Tenant)
		w.tenants[tenant] = tenant
	}
	x := expected{
		offset: r.Offset, index: r.Span.Index, trace: r.Span.TraceID, span: r.Span.SpanID, tenant: tenant, day: r.PartDay,
	}
	switch {
	case w.current.lettered:
		x.excuse = lettered
	case w.v.Terms.over(tenant, r.PartDay):
		x.excuse = expired
	case w.deleted(tenant, r):
		x.excuse = deleted
	case w.current.undecided:
		x.excuse = undecided
	}
	w.spans = append(w.spans, x)
}

// deleted spares the text of an id where nothing was deleted.
func (w *window) deleted(tenant string, r *schema.SpanRow) bool {
	return len(w.v.Terms.Deleted) > 0 && w.v.Terms.gone(tenant, r.Span.TraceID.String(), r.ReceivedMilli)
}

// firstOffset is where a record was in its first life: a re-driven one that the
// store rejects again has its dead letter under that.
func firstOffset(r *pipeline.Record) int64 {
	origin, err := schema.ParseOrigin(r.Header(schema.HeaderOrigin))
	if err != nil || origin.Topic != r.Topic || origin.Partition != r.Partition {
		return r.Offset
	}
	return origin.Offset
}

// letter checks that a dead letter that the writer would write is there.
func (w *window) letter(r *pipeline.Record) {
	origin, err := schema.ParseOrigin(r.Header(schema.HeaderOrigin))
	reason := r.Header(schema.HeaderReason)
	if err != nil || w.letters.has(origin.Partition, origin.Offset, reason) {
		return
	}
	if w.letters.Trimmed {
		w.v.Report.Undecided++
		return
	}
	w.v.Report.differsf(schema.TopicDeadLetters, Missing, "%s, %s: %s", origin, reason, r.Header(schema.HeaderError))
}

func (w *window) overlap(a, b pipeline.Range) {
	w.v.Report.differsf(tableParts, Wrong, "%s: batches %d–%d and %d–%d overlap", w.where(), a.First, a.Last, b.First, b.Last)
}

// where names the partition in differences.
func (w *window) where() string {
	return fmt.Sprintf("%s/%d", w.extent.Log.Topic, w.extent.Log.Partition)
}

// batch ends a batch, and the window when it is large enough.
func (w *window) batch(ctx context.Context, b batch) error {
	w.batches = append(w.batches, b)
	if len(w.spans)+w.held < windowSpans && len(w.batches) < windowBatches {
		return nil
	}
	return w.compare(ctx, b.Last)
}

// compare holds the window up to last against the tables, and begins the next.
func (w *window) compare(ctx context.Context, last int64) error {
	at := w.extent.place(pipeline.Range{First: w.first, Last: last})
	if w.extent.Log.Topic == schema.TopicEvents {
		if err := w.compareEvents(ctx, at); err != nil {
			return err
		}
	} else {
		if err := w.compareSpans(ctx, at); err != nil {
			return err
		}
		if err := w.compareParts(ctx, at); err != nil {
			return err
		}
	}
	w.first = last + 1
	w.spans, w.batches = w.spans[:0], w.batches[:0]
	if w.v.Progress != nil {
		w.v.Progress(w.extent, w.first)
	}
	return nil
}
