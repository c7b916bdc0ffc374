package writer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

// fakeEvents is the event store of a test.
type fakeEvents struct {
	fakeWorld
	due     [][]schema.Deletion // answers, page by page
	asked   []DueQuery
	deleted []schema.Deletion
	err     error
}

type fakeEventBlock struct{ fakeBlock }

func (b *fakeEventBlock) Append(r *schema.EventRow) {
	b.rows = append(b.rows, fmt.Sprintf("%s %s %d@%d v%d day %d for %d %s",
		r.Tenant, r.Event.TraceID, r.Event.Index, r.Offset, r.Version.Low>>32, r.PartDay, r.RetentionDays, r.Origin))
}

type fakeExperiments struct{ fakeBlock }

func (b *fakeExperiments) Append(r *schema.ExperimentRow) {
	b.rows = append(b.rows, fmt.Sprintf("%s %s %s v%d", r.Tenant, r.Experiment.ID, r.Experiment.Name, r.Version.Low>>32))
}

func (f *fakeEvents) Events() EventStore { return fakeEventStore{f} }

type fakeEventStore struct{ *fakeEvents }

func (f fakeEventStore) NewEvents(kind schema.EventKind) EventBlock {
	return &fakeEventBlock{fakeBlock{name: kind.String()}}
}
func (f fakeEventStore) NewExperiments() ExperimentBlock        { return &fakeExperiments{} }
func (f fakeEventStore) Now(context.Context) (time.Time, error) { return time.Unix(1000, 0), f.err }
func (f fakeEventStore) DueDeletions(_ context.Context, q DueQuery) ([]schema.Deletion, error) {
	f.fakeEvents.asked = append(f.fakeEvents.asked, q)
	page := f.due[0]
	f.due = f.due[1:]
	return page, nil
}

func (f fakeEventStore) DeleteTraces(_ context.Context, d []schema.Deletion) (int64, error) {
	f.deleted = append(f.deleted, d...)
	return int64(len(d)), nil
}

// eventDay is the day on which the tests' records are received.
const eventDay = 20_000

func eventRecord(t *testing.T, offset int64, events []schema.Event, headers ...pipeline.Header) *pipeline.Record {
	t.Helper()
	value, err := schema.EncodeEvents(events)
	if err != nil {
		t.Fatal(err)
	}
	return &pipeline.Record{
		Topic: schema.TopicEvents, Offset: offset, Time: time.UnixMilli(eventDay*milliPerDay + 5), Value: value, Headers: headers,
	}
}

func eventStageOf(t *testing.T, exclude ...pipeline.Range) (*eventStage, *fakeEvents) {
	t.Helper()
	world := &fakeEvents{}
	w := New(testConfig, nil, world, &world.fakeWorld, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	s, ok := w.Stage(pipeline.Log{Topic: schema.TopicEvents}, 1).(*eventStage)
	if !ok {
		t.Fatal("topic events has the stage of another")
	}
	if err := errors.Join(s.Begin("log/3", s.Config(), exclude), s.Open(t.Context(), time.Now())); err != nil {
		t.Fatal(err)
	}
	return s, world
}

func (s *eventStage) take(t *testing.T, r *pipeline.Record) pipeline.Weight {
	t.Helper()
	w, err := s.Weigh(t.Context(), r)
	if err = errors.Join(err, s.Add()); err != nil {
		t.Fatal(err)
	}
	return w
}

// rowsOf gives the rows of each table of the open batch.
func rowsOf(s *eventStage) map[string][]string {
	out := make(map[string][]string)
	for _, t := range s.Tables(pipeline.Range{}) {
		if b, ok := t.(*table).block.(*fakeEventBlock); ok && len(b.rows) > 0 {
			out[b.name] = b.rows
		}
	}
	return out
}

var oneOfEach = []schema.Event{
	{Kind: schema.EventTraceInfo, TraceID: "x", Info: &schema.TraceInfo{RequestMilli: (eventDay - 2) * milliPerDay}},
	{Kind: schema.EventTag, TraceID: "x", Tag: &schema.Tag{Key: "k"}},
	{Kind: schema.EventAssessment, TraceID: "x", Assessment: &schema.Assessment{ID: "a"}},
	{Kind: schema.EventTraceDeleted, TraceID: "x"},
	{Kind: schema.EventContent, TraceID: "x", Content: &schema.Content{SpanID: "s", TimeNano: (eventDay - 1) * milliPerDay * nanoPerMill}},
	{Kind: schema.EventBusiness, Business: &schema.Business{ID: "b", TimeNano: (eventDay - 3) * milliPerDay * nanoPerMill}},
}

// TestEventsGoToTheirTables: with the day that is theirs, and the version that
// is their place in the log.
func TestEventsGoToTheirTables(t *testing.T) {
	s, world := eventStageOf(t)
	w := s.take(t, eventRecord(t, 7, oneOfEach, pipeline.Header{Key: schema.HeaderTenant, Value: []byte("acme")}))
	want := map[string][]string{
		"trace_info":    {"acme x 0@7 v7 day 19998 for 30 "},
		"tag":           {"acme x 1@7 v7 day 20000 for 30 "},
		"assessment":    {"acme x 2@7 v7 day 20000 for 30 "},
		"trace_deleted": {"acme x 3@7 v7 day 20000 for 430 "},
		"content":       {"acme x 4@7 v7 day 19999 for 30 "},
		"business":      {"acme  5@7 v7 day 19997 for 30 "},
	}
	if diff := cmp.Diff(want, rowsOf(s)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if w.Rows != 6 || !slices.Equal(w.Parts, []uint16{19998, 20000, 19999, 19997}) || len(world.letters) != 0 {
		t.Errorf("weight %+v, %d letters", w, len(world.letters))
	}
	if s.WarmFrom() != 8 || !s.Warmed() {
		t.Errorf("to be warmed from %d", s.WarmFrom())
	}
	if got, want := s.Tables(pipeline.Range{})[0].Parts(), []uint16{19998}; !slices.Equal(got, want) {
		t.Errorf("days of trace_info %v", got)
	}
}

// TestUnusableEventsBecomeDeadLetters: by index, and their neighbours land.
func TestUnusableEventsBecomeDeadLetters(t *testing.T) {
	s, world := eventStageOf(t)
	s.take(t, eventRecord(t, 1, []schema.Event{{Kind: 77, TraceID: "x"}, oneOfEach[1], {Kind: schema.EventTag, TraceID: "x"}}))
	for i, r := range []*pipeline.Record{{}, {Value: []byte("junk")}, {Value: []byte{0}, Headers: []pipeline.Header{{Key: schema.HeaderVersion, Value: []byte("9")}}}} {
		r.Topic, r.Offset, r.Time = schema.TopicEvents, int64(i+2), time.UnixMilli(0)
		s.take(t, r)
	}
	var got []string
	for _, l := range world.letters {
		got = append(got, l.Header(schema.HeaderReason)+" "+l.Header(schema.HeaderOrigin)+" "+l.Header(schema.HeaderSpans))
	}
	want := []string{"invalid_event events/0/1/0 0,2", "empty events/0/2/-1 ", "undecodable events/0/3/-1 ", "unknown_version events/0/4/-1 "}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string][]string{"tag": {"default x 1@1 v1 day 20000 for 30 "}}, rowsOf(s)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestRedrivenEventsKeepTheirVersion: what was said since their first life
// still wins.
func TestRedrivenEventsKeepTheirVersion(t *testing.T) {
	s, _ := eventStageOf(t)
	first := eventRecord(t, 9, oneOfEach[:3])
	letter := *first
	letter.Headers = []pipeline.Header{
		{Key: schema.HeaderOrigin, Value: []byte("events/0/9/1")},
		{Key: schema.HeaderSpans, Value: []byte("1-2")},
		{Key: schema.HeaderReceived, Value: []byte(fmt.Sprint((eventDay - 1) * milliPerDay))},
	}
	again, err := Redriven(&letter)
	if err != nil {
		t.Fatal(err)
	}
	again.Offset, again.Time = 50, first.Time
	s.take(t, &again)
	want := map[string][]string{
		"tag":        {"default x 1@50 v9 day 19999 for 30 events/0/9/1"},
		"assessment": {"default x 2@50 v9 day 19999 for 30 events/0/9/2"},
	}
	if diff := cmp.Diff(want, rowsOf(s)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestExcludedEventsAreLeftOut: what the store rejected is a letter about what
// it would have stored, and no row.
func TestExcludedEventsAreLeftOut(t *testing.T) {
	s, world := eventStageOf(t, pipeline.Range{First: 3, Last: 3})
	r := eventRecord(t, 3, append(oneOfEach[:2:2], schema.Event{Kind: 99}))
	s.take(t, r)
	if rows := rowsOf(s); len(rows) > 0 {
		t.Errorf("rows %v", rows)
	}
	world.letters = nil
	if err := errors.Join(s.Probe(t.Context(), []pipeline.Record{*r}), s.Reject(t.Context(), r, errors.New("no"))); err != nil {
		t.Fatal(err)
	}
	if len(world.letters) != 1 || world.letters[0].Header(schema.HeaderSpans) != "0-1" || world.letters[0].Header(schema.HeaderReason) != ReasonRejected {
		t.Errorf("letters %v", world.letters)
	}
}

// TestSweepRounds: every page is carried out, and a round that failed is made
// again from where it began.
func TestSweepRounds(t *testing.T) {
	world := &fakeEvents{}
	w := New(testConfig, nil, world, &world.fakeWorld, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	page := make([]schema.Deletion, 2)
	page[1].TraceID = "last"
	world.due = [][]schema.Deletion{page, {{TraceID: "one more"}}}
	now, err := w.round(t.Context(), DueQuery{Shares: 1, Limit: 2})
	if err != nil || !now.Equal(time.Unix(1000, 0)) || len(world.deleted) != 3 {
		t.Errorf("%v, %v, %d deleted", now, err, len(world.deleted))
	}
	if len(world.asked) != 2 || world.asked[1].After.TraceID != "last" || !world.asked[0].Now.Equal(now) {
		t.Errorf("asked %+v", world.asked)
	}
	world.err = errors.New("away")
	if _, err := w.round(t.Context(), DueQuery{Shares: 1, Limit: 2}); !errors.Is(err, world.err) {
		t.Errorf("failed: %v", err)
	}
	w.sweeping <- struct{}{} // another partition is at it
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.round(ctx, DueQuery{Shares: 1, Limit: 2}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
