package audit

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanmill/spanmill/internal/writer"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

// received is when the world's records were received.
const received = (day*secondsPerDay + 10) * 1000

func (w *world) StoredEvents(_ context.Context, kind schema.EventKind, at writer.Place, visit func(*schema.StoredEvent) error) error {
	rows := slices.Clone(w.events[kind])
	slices.SortFunc(rows, func(a, b schema.StoredEvent) int {
		return cmp.Or(cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.Index, b.Index))
	})
	for i := range rows {
		if at.Range.Contains(rows[i].Offset) {
			if err := visit(&rows[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// memoryEvents is a block of events whose rows go to the world.
type memoryEvents struct {
	nowhere
	w     *world
	kind  schema.EventKind
	added []schema.StoredEvent
}

func (w *world) NewEvents(kind schema.EventKind) EventFill { return &memoryEvents{w: w, kind: kind} }

func (m *memoryEvents) Rows() int { return len(m.added) }
func (m *memoryEvents) Reset()    { m.added = nil }

func (m *memoryEvents) Append(r *schema.EventRow) {
	m.added = append(m.added, schema.StoredEvent{Log: r.Log, Offset: r.Offset, Index: r.Event.Index, Tenant: r.Tenant, TraceID: r.Event.TraceID})
}

func (m *memoryEvents) InsertMissing(context.Context, writer.Place, pipeline.Attempt) (written int, err error) {
	for _, e := range m.added {
		if !slices.Contains(m.w.events[m.kind], e) {
			m.w.events[m.kind] = append(m.w.events[m.kind], e)
			written++
		}
	}
	return written, nil
}

// newEventWorld has a log of events about three traces, all of them stored.
func newEventWorld(t *testing.T) (*world, Extent) {
	t.Helper()
	w := newWorld(t)
	w.events = make(map[schema.EventKind][]schema.StoredEvent)
	for i := range 30 {
		trace := string(rune('a' + i%3))
		events := []schema.Event{
			{Kind: schema.EventTraceInfo, TraceID: trace, Info: &schema.TraceInfo{State: "OK"}},
			{Kind: schema.EventTag, TraceID: trace, Tag: &schema.Tag{Key: "k"}},
			{Kind: schema.EventContent, TraceID: trace, Content: &schema.Content{Body: "1"}},
			{Kind: 99, TraceID: trace}, // a dead letter
		}
		value, err := schema.EncodeEvents(events)
		if err != nil {
			t.Fatal(err)
		}
		w.records = append(w.records, pipeline.Record{Topic: schema.TopicEvents, Offset: int64(i), Time: time.UnixMilli(received), Value: value})
		for n, e := range events[:3] {
			w.events[e.Kind] = append(w.events[e.Kind], schema.StoredEvent{Log: life, Offset: int64(i), Index: uint32(n), Tenant: "default", TraceID: trace})
		}
	}
	w.letters = NewLetters(schema.TopicEvents)
	w.letters.Trimmed = true // the letters are not what is tested
	w.committed = int64(len(w.records))
	e := w.extent()
	e.Log.Topic = schema.TopicEvents
	return w, e
}

// forget drops rows of the kind.
func (w *world) forget(kind schema.EventKind, drop func(schema.StoredEvent) bool) {
	w.events[kind] = slices.DeleteFunc(w.events[kind], drop)
}

func TestEventsAreVerifiedAndReplayed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, e := newEventWorld(t)
		if r := w.verify(e); !r.Exact() || r.Events != 90 || r.EventRecords != 30 || r.Records != 0 {
			t.Fatalf("%s %v", r.Summary(), r.First)
		}
		w.forget(schema.EventContent, func(s schema.StoredEvent) bool { return s.Offset == 9 })
		w.forget(schema.EventTag, func(s schema.StoredEvent) bool { return s.Offset%2 == 0 })
		stranger := schema.StoredEvent{Log: life, Offset: 3, Index: 7, Tenant: "default", TraceID: "x"}
		w.events[schema.EventTraceInfo] = append(w.events[schema.EventTraceInfo], w.events[schema.EventTraceInfo][4], stranger)
		r := w.verify(e)
		if r.Differences["trace_tags"][Missing] != 15 || r.Differences["span_content"][Missing] != 1 || r.Differences["trace_info"][Doubled] != 1 || r.Differences["trace_info"][Extra] != 1 {
			t.Errorf("%s %v", r.Summary(), r.First)
		}
		if !strings.Contains(r.Summary(), "trace_tags 15 missing") {
			t.Error(r.Summary())
		}
		for i, want := range []int64{16, 0} {
			p, err := w.replay(e, &alone{}, "")
			if got := p.Result.Events.Load(); err != nil || got != want || !p.Done(e.Log) {
				t.Errorf("replay %d: %d rows were missing, %v; want %d", i, got, err, want)
			}
		}
	})
}

// TestDeletedTraceStaysDeleted: what was deleted is not missed by an audit, and
// a replay of the whole log brings nothing of it back.
func TestDeletedTraceStaysDeleted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for i := range 20 {
			w.add(2*i, 2*i+1)
		}
		for first := int64(0); first < 20; first += 5 {
			w.land(first, first+4)
		}
		trace, _ := idOf(1)
		w.deleted = map[TraceKey]int64{{"default", trace.String()}: received}
		// Nothing is deleted yet; then parts only; then all of it.
		check := func(gone int64) {
			t.Helper()
			if r := w.verify(w.extent()); !r.Exact() || r.Deleted != gone {
				t.Errorf("want %d deleted: %s %v", gone, r.Summary(), r.First)
			}
		}
		spans, parts := len(w.spans), len(w.parts)
		check(0)
		w.parts = slices.DeleteFunc(w.parts, func(p schema.StoredPart) bool { return p.Trace == trace })
		check(int64(parts - len(w.parts)))
		w.spans = slices.DeleteFunc(w.spans, func(s schema.StoredSpan) bool { return s.Trace == trace })
		check(int64(parts - len(w.parts) + spans - len(w.spans)))
		if spans == len(w.spans) || parts == len(w.parts) {
			t.Fatal("nothing was deleted")
		}
		p, err := w.replay(w.extent(), &alone{}, "")
		if err != nil || p.Result.Spans.Load() != 0 || p.Result.Parts.Load() != 0 {
			t.Errorf("the replay brought back %d spans and %d parts, %v", p.Result.Spans.Load(), p.Result.Parts.Load(), err)
		}
		// Received after the deletion, it is a trace like any other.
		w.deleted = map[TraceKey]int64{{"default", trace.String()}: received - 1}
		if r := w.verify(w.extent()); r.Exact() || r.Deleted != 0 {
			t.Errorf("received later: %s", r.Summary())
		}
	})
}

// TestEventsOfADeletedTrace: its deletion stays, and is stored again if it is
// missing; the rest is gone.
func TestEventsOfADeletedTrace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, e := newEventWorld(t)
		value, err := schema.EncodeEvents([]schema.Event{{Kind: schema.EventTraceDeleted, TraceID: "a"}})
		if err != nil {
			t.Fatal(err)
		}
		w.records = append(w.records, pipeline.Record{Topic: schema.TopicEvents, Offset: 30, Time: time.UnixMilli(received), Value: value})
		w.committed, e.Committed, e.To = 31, 31, 31
		d := make(Deletions)
		for i := range w.records {
			if err := d.Record(&w.records[i]); err != nil {
				t.Fatal(err)
			}
		}
		w.deleted = d
		if len(d) != 1 || d[TraceKey{"default", "a"}] != received {
			t.Fatalf("deletions of the log %v", d)
		}
		for _, kind := range []schema.EventKind{schema.EventTraceInfo, schema.EventTag} {
			w.forget(kind, func(s schema.StoredEvent) bool { return s.TraceID == "a" })
		}
		if r := w.verify(e); r.Deleted != 20 || r.Differences["trace_deletions"][Missing] != 1 || len(r.First) != 1 {
			t.Errorf("%s %v", r.Summary(), r.First)
		}
		p, err := w.replay(e, &alone{}, "")
		if err != nil || p.Result.Events.Load() != 1 || len(w.events[schema.EventTraceDeleted]) != 1 {
			t.Errorf("%d rows were missing, %v", p.Result.Events.Load(), err)
		}
		if r := w.verify(e); !r.Exact() {
			t.Errorf("%s %v", r.Summary(), r.First)
		}
	})
}
