package audit

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spanmill/spanmill/internal/writer"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

// eventTableName is the table of a kind of event, as the store has it.
func eventTableName(kind schema.EventKind) string {
	switch kind {
	case schema.EventTraceInfo:
		return "trace_info"
	case schema.EventTag:
		return "trace_tags"
	case schema.EventAssessment:
		return "assessments"
	case schema.EventTraceDeleted:
		return "trace_deletions"
	case schema.EventContent:
		return "span_content"
	case schema.EventBusiness:
		return "business_events"
	}
	return ""
}

// tables are all that are compared.
func tables() []string {
	names := []string{tableSpans, tableParts}
	for _, kind := range schema.StoredKinds() {
		names = append(names, eventTableName(kind))
	}
	return names
}

// maxDeletions bounds the deletions that are held in memory.
const maxDeletions = 2_000_000

// Deletions collects the last deletion of each trace.
type Deletions map[TraceKey]int64

// Add takes note of one.
func (d Deletions) Add(x schema.Deletion) error {
	key := TraceKey{x.Tenant, x.TraceID}
	if d[key] = max(d[key], x.ReceivedMilli); len(d) > maxDeletions {
		return fmt.Errorf("more than %d traces were deleted: too many to hold in memory", maxDeletions)
	}
	return nil
}

// Record takes note of those in a record of topic events.
func (d Deletions) Record(r *pipeline.Record) error {
	events, err := schema.DecodeEvents(r.Value)
	if err != nil {
		return nil //nolint:nilerr // a dead letter: it deletes nothing
	}
	tenant := r.Header(schema.HeaderTenant)
	if tenant == "" {
		tenant = schema.DefaultTenant
	}
	for i := range events {
		if e := &events[i]; e.Kind == schema.EventTraceDeleted && e.Invalid == "" {
			if err := d.Add(schema.Deletion{Tenant: tenant, TraceID: e.TraceID, ReceivedMilli: r.Time.UnixMilli()}); err != nil {
				return err
			}
		}
	}
	return nil
}

// expectedEvent is a row of a table of events that must be there once.
type expectedEvent struct {
	offset  int64
	index   uint32
	tenant  string
	traceID string
	excuse  excuse
	found   int
}

// event notes a row that the writer would store.
func (w *window) event(r *schema.EventRow) {
	x := expectedEvent{offset: r.Offset, index: r.Event.Index, tenant: strings.Clone(r.Tenant), traceID: r.Event.TraceID}
	deletion := r.Event.Kind == schema.EventTraceDeleted
	switch {
	case w.current.lettered:
		x.excuse = lettered
	case !deletion && w.v.Terms.over(r.Tenant, r.PartDay):
		x.excuse = expired
	case !deletion && w.v.Terms.gone(r.Tenant, r.Event.TraceID, r.ReceivedMilli):
		x.excuse = deleted
	}
	w.events[r.Event.Kind] = append(w.events[r.Event.Kind], x)
	w.held++
}

// compareEvents goes through the window's expected rows and those of each table
// together.
func (w *window) compareEvents(ctx context.Context, at writer.Place) error {
	for _, kind := range schema.StoredKinds() {
		table, list, next := eventTableName(kind), w.events[kind], 0
		err := w.v.Tables.StoredEvents(ctx, kind, at, func(s *schema.StoredEvent) error {
			for next < len(list) && (list[next].offset < s.Offset || list[next].offset == s.Offset && list[next].index < s.Index) {
				w.judgeEvent(table, &list[next])
				next++
			}
			switch {
			case next < len(list) && list[next].offset == s.Offset && list[next].index == s.Index && list[next].traceID == s.TraceID && list[next].tenant == s.Tenant:
				list[next].found++
			case s.Log != w.extent.id():
				w.v.Report.EarlierLife++
			default:
				w.v.Report.differsf(table, Extra, "%s/%d/%d: trace %s: not in the log", w.where(), s.Offset, s.Index, s.TraceID)
			}
			return nil
		})
		if err != nil {
			return err
		}
		for ; next < len(list); next++ {
			w.judgeEvent(table, &list[next])
		}
		w.events[kind] = list[:0]
	}
	w.held = 0
	return nil
}

// judgeEvent counts an expected row once all rows of its place were seen.
func (w *window) judgeEvent(table string, x *expectedEvent) {
	report := w.v.Report
	switch {
	case x.found > 1:
		report.Events++
		report.differsf(table, Doubled, "%s/%d/%d: trace %s is there %d times", w.where(), x.offset, x.index, x.traceID, x.found)
	case x.found == 1:
		report.Events++
	case x.excuse != none:
		report.excused(x.excuse)
	default:
		report.differsf(table, Missing, "%s/%d/%d: trace %s", w.where(), x.offset, x.index, x.traceID)
	}
}

// noEvents are the parts of a writer.EventStore that neither audits nor replays
// use.
type noEvents struct{}

func (noEvents) NewExperiments() writer.ExperimentBlock { return nil }
func (noEvents) LastOffset(context.Context, string, int32) (int64, bool, error) {
	return 0, false, errNoTables
}
func (noEvents) OtherLog(context.Context, string, int32) (string, error) { return "", errNoTables }
func (noEvents) Now(context.Context) (now time.Time, err error)          { return now, errNoTables }
func (noEvents) DueDeletions(context.Context, writer.DueQuery) ([]schema.Deletion, error) {
	return nil, errNoTables
}

func (noEvents) DeleteTraces(context.Context, []schema.Deletion) (int64, error) {
	return 0, errNoTables
}

// expectedEvents hands rows of events on.
type expectedEvents struct {
	noEvents
	of *expectation
}

// NewEvents implements writer.EventStore.
func (x expectedEvents) NewEvents(schema.EventKind) writer.EventBlock { return &keptEvents{of: x.of} }

type keptEvents struct {
	nowhere
	of *expectation
}

// Append implements writer.EventBlock.
func (b *keptEvents) Append(r *schema.EventRow) {
	b.rows++
	b.of.events(r)
}

// EventFill fills a table of events.
type EventFill interface {
	writer.EventBlock
	Filler
}

// filledEvents takes the rows of events that are wanted.
type filledEvents struct {
	noEvents
	f *filling
}

// NewEvents implements writer.EventStore.
func (x filledEvents) NewEvents(kind schema.EventKind) writer.EventBlock {
	return &fillEvents{x.f.p.Fill.NewEvents(kind), x.f}
}

type fillEvents struct {
	EventFill
	f *filling
}

// Append implements writer.EventBlock. Deletions are stored whatever else is
// gone: nothing else keeps a trace from coming back.
func (b *fillEvents) Append(r *schema.EventRow) {
	deletion := r.Event.Kind == schema.EventTraceDeleted
	if !b.f.wanted(r.Tenant, r.PartDay) || !deletion && b.f.p.Terms.gone(r.Tenant, r.Event.TraceID, r.ReceivedMilli) {
		return
	}
	b.EventFill.Append(r)
}

// Insert implements writer.Block.
func (b *fillEvents) Insert(ctx context.Context, a pipeline.Attempt) error {
	n, err := b.InsertMissing(ctx, b.f.extent.place(b.f.open.Range), a)
	b.f.p.Result.Events.Add(int64(n))
	return err
}
