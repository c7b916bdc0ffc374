package writer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/spanmill/spanmill/internal/dedup"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

// fakeBlock keeps what a row or part was when it was appended.
type fakeBlock struct {
	name string
	rows []string
}

func (b *fakeBlock) Table() string                                              { return b.name }
func (b *fakeBlock) Rows() int                                                  { return len(b.rows) }
func (b *fakeBlock) Reset()                                                     { b.rows = nil }
func (b *fakeBlock) Insert(context.Context, pipeline.Attempt) error             { return nil }
func (b *fakeBlock) Probe(context.Context) error                                { return nil }
func (b *fakeBlock) Present(context.Context, Place, []uint16) ([]uint16, error) { return nil, nil }

type fakeSpans struct{ fakeBlock }

func (b *fakeSpans) Append(rows []schema.SpanRow) {
	for i := range rows {
		b.note(&rows[i])
	}
}

func (b *fakeSpans) note(r *schema.SpanRow) {
	row := fmt.Sprintf("%s/%s/%s %d@%d", r.Tenant, r.ExperimentID, r.Span.Name, r.Span.Index, r.Offset)
	if r.Origin != "" {
		row += " of " + r.Origin
	}
	b.rows = append(b.rows, row)
}

type fakeParts struct{ fakeBlock }

func (b *fakeParts) Append(p *schema.TracePart) {
	b.rows = append(b.rows, fmt.Sprintf("%s %d spans of %d-%d", p.TraceID.String()[:2], p.Spans, p.FirstOffset, p.LastOffset))
}

// fakeWorld is the store and the producer of a stage under test.
type fakeWorld struct {
	letters []pipeline.Record
	tooBig  int // values from this size on are refused for good; 0: none
	last    int64
	found   bool
	asked   []LifeQuery
	other   string // log of rows that are not of the topic's first incarnation
	// partitions of the topic; 0: one
	partitions int
	table      []fakeRow
}

// fakeRow is a row of the one log: what it is, the offset it first had, and the
// one it has.
type fakeRow struct {
	life           SpanLife
	origin, offset int64
}

func (w *fakeWorld) NewSpans() SpanBlock { return &fakeSpans{fakeBlock{name: "spans"}} }
func (w *fakeWorld) NewParts() PartBlock { return &fakeParts{fakeBlock{name: "trace_parts"}} }
func (w *fakeWorld) LastOffset(context.Context, string, int32) (int64, bool, error) {
	return w.last, w.found, nil
}
func (w *fakeWorld) OtherLog(context.Context, string, int32) (string, error) { return w.other, nil }
func (w *fakeWorld) Events() EventStore                                      { return nil }

func (w *fakeWorld) Stored(_ context.Context, q LifeQuery) ([]SpanLife, error) {
	w.asked = append(w.asked, q)
	var found []SpanLife
	for _, r := range w.table {
		if r.origin == q.Origin.Offset && r.offset < q.Before && slices.Contains(q.Spans, r.life) {
			found = append(found, r.life)
		}
	}
	return found, nil
}

func (w *fakeWorld) Partitions(context.Context, string) (int, error) {
	return max(w.partitions, 1), nil
}

func (w *fakeWorld) Produce(_ context.Context, records []pipeline.Record) error {
	if w.tooBig > 0 && len(records[0].Value) >= w.tooBig {
		return tooLargeError{}
	}
	w.letters = append(w.letters, records...)
	return nil
}

type tooLargeError struct{}

func (tooLargeError) Error() string   { return "too large" }
func (tooLargeError) Permanent() bool { return true }

var testConfig = Config{
	Pipeline: pipeline.Config{
		Limits:   pipeline.Limits{MaxRows: 1000, MaxBytes: 1 << 20, MaxParts: 50, MaxAge: time.Second},
		Deadline: time.Minute, RetryMin: time.Millisecond, RetryMax: time.Second,
	},
	Dedup: dedup.Config{Spans: 100, Horizon: time.Minute}, RetentionDays: 30, CatchUp: 1, DeleteEvery: time.Minute,
}

func testStage(t *testing.T) (*stage, *fakeWorld) {
	t.Helper()
	return stageOf(t, testConfig)
}

func stageOf(t *testing.T, cfg Config) (*stage, *fakeWorld) {
	t.Helper()
	world := &fakeWorld{}
	s := ownerOf(world, cfg)
	begin(t, s)
	return s, world
}

func begin(t *testing.T, s *stage, exclude ...pipeline.Range) {
	t.Helper()
	if err := s.Begin("log/0", s.Config(), exclude); err != nil {
		t.Fatal(err)
	}
	if err := s.Open(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
}

// ownerOf is a partition's next owner.
func ownerOf(world *fakeWorld, cfg Config) *stage {
	w := New(cfg, nil, world, world, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	return newStage(w, pipeline.Log{Topic: schema.TopicSpans}, 1)
}

// request encodes spans named by their ids: trace 1, span i.
func request(t *testing.T, ids ...byte) []byte {
	t.Helper()
	traces := ptrace.NewTraces()
	spans := traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	for _, id := range ids {
		s := spans.AppendEmpty()
		s.SetTraceID(pcommon.TraceID{1})
		if id != 0 {
			s.SetSpanID(pcommon.SpanID{id})
		}
		s.SetName(string('a' + rune(id)))
		s.SetStartTimestamp(pcommon.NewTimestampFromTime(received))
		s.SetEndTimestamp(pcommon.NewTimestampFromTime(received))
	}
	b, err := ptraceotlp.NewExportRequestFromTraces(traces).MarshalProto()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func record(offset int64, value []byte, headers ...pipeline.Header) *pipeline.Record {
	return &pipeline.Record{Topic: schema.TopicSpans, Offset: offset, Time: received, Value: value, Headers: headers}
}

func feed(t *testing.T, s *stage, records ...*pipeline.Record) (weights []pipeline.Weight) {
	t.Helper()
	for _, r := range records {
		w, err := s.Weigh(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Add(); err != nil {
			t.Fatal(err)
		}
		weights = append(weights, w)
	}
	return weights
}

func spanRows(s *stage) []string { return s.spans.(*fakeSpans).rows }

func TestResendsAreDropped(t *testing.T) {
	s, _ := testStage(t)
	weights := feed(t, s, record(0, request(t, 1, 2)), record(1, request(t, 2, 3)), record(2, request(t, 1, 2, 3)))
	want := []string{"default/0/b 0@0", "default/0/c 1@0", "default/0/d 1@1"}
	if diff := cmp.Diff(want, spanRows(s)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if weights[2].Rows != 0 {
		t.Errorf("a record of resends weighs %d rows", weights[2].Rows)
	}
	s.Tables(pipeline.Range{First: 0, Last: 2})
	if diff := cmp.Diff([]string{"01 3 spans of 0-2"}, s.parts.(*fakeParts).rows); diff != "" {
		t.Errorf("parts (-want +got):\n%s", diff)
	}
}

// TestAddedPartitionsChangeWhatIsMisplaced: the owner of a partition that stays
// hears of it with its next batch.
func TestAddedPartitionsChangeWhatIsMisplaced(t *testing.T) {
	s, world := testStage(t)
	feed(t, s, record(0, request(t, 1)))
	world.partitions = 64
	begin(t, s)
	feed(t, s, record(1, request(t, 2))) // trace 1 belongs elsewhere now
	if n := count(t, s.metrics.misplaced); n != 1 {
		t.Errorf("%v spans are misplaced, want 1", n)
	}
}

func TestTenantsResendsAreNoResends(t *testing.T) {
	s, _ := testStage(t)
	feed(t, s, record(0, request(t, 1)), record(1, request(t, 1), pipeline.Header{Key: schema.HeaderTenant, Value: []byte("acme")}))
	if diff := cmp.Diff([]string{"default/0/b 0@0", "acme/0/b 0@1"}, spanRows(s)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestWarmedStageDecidesLikeTheOneBefore(t *testing.T) {
	s, _ := testStage(t)
	s.Warm(record(0, request(t, 1, 2)))
	s.Warm(record(1, []byte{0xff}))
	feed(t, s, record(2, request(t, 2, 3)))
	if diff := cmp.Diff([]string{"default/0/d 1@2"}, spanRows(s)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestUndecodableRecordBecomesADeadLetter(t *testing.T) {
	s, world := testStage(t)
	weights := feed(t, s, record(7, []byte{0xff, 0xff}), record(8, request(t, 1)))
	if weights[0].Rows != 0 || len(spanRows(s)) != 1 {
		t.Errorf("weights %v, rows %v", weights, spanRows(s))
	}
	if len(world.letters) != 1 {
		t.Fatalf("%d dead letters", len(world.letters))
	}
	l := &world.letters[0]
	if l.Topic != schema.TopicDeadLetters || l.Header(schema.HeaderReason) != ReasonUndecodable ||
		l.Header(schema.HeaderOrigin) != "spans/0/7/-1" || string(l.Value) != "\xff\xff" || l.Header(schema.HeaderReceived) == "" {
		t.Errorf("dead letter: %+v", l)
	}
}

// TestDeadLetterTooLargeToCopy: it must not stop its partition for ever.
func TestDeadLetterTooLargeToCopy(t *testing.T) {
	s, world := testStage(t)
	world.tooBig = 2
	feed(t, s, record(7, []byte{0xff, 0xff}))
	if len(world.letters) != 1 {
		t.Fatalf("%d dead letters", len(world.letters))
	}
	l := &world.letters[0]
	if len(l.Value) != 0 || l.Header(schema.HeaderOmitted) != "value" || l.Header(schema.HeaderOrigin) != "spans/0/7/-1" {
		t.Errorf("dead letter: %+v", l)
	}
}

func TestInvalidSpanOfAStrangerBecomesADeadLetterNeighboursLand(t *testing.T) {
	s, world := testStage(t)
	feed(t, s, record(3, request(t, 1, 0, 2)))
	if diff := cmp.Diff([]string{"default/0/b 0@3", "default/0/c 2@3"}, spanRows(s)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if len(world.letters) != 1 || world.letters[0].Header(schema.HeaderOrigin) != "spans/0/3/1" {
		t.Errorf("dead letters: %+v", world.letters)
	}
}

// TestExcludedRecordStillCountsAsSeen: the aggregator knows nothing of what the
// store rejected, so both sides must see the same spans.
func TestExcludedRecordStillCountsAsSeen(t *testing.T) {
	s, _ := testStage(t)
	begin(t, s, pipeline.Range{First: 0, Last: 0})
	feed(t, s, record(0, request(t, 1)), record(1, request(t, 1, 2)))
	if diff := cmp.Diff([]string{"default/0/c 1@1"}, spanRows(s)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestStarterNeverGoesBeforeRowsThatAreThere(t *testing.T) {
	for _, c := range []struct {
		last, start, want int64
		found             bool
	}{{0, 5, 5, false}, {9, 5, 10, true}, {4, 5, 5, true}} {
		got, err := starter(Config{}, c.last, c.found).Starter(t.Context(), pipeline.Log{}, c.start)
		if err != nil || got != c.want {
			t.Errorf("%+v: start %d, %v", c, got, err)
		}
	}
}

// TestStarterDoesNotPassOverAGapUnasked: the group has forgotten its offset and
// the log what came after the rows (W13).
func TestStarterDoesNotPassOverAGapUnasked(t *testing.T) {
	_, err := starter(Config{}, 3, true).Starter(t.Context(), pipeline.Log{}, 7)
	if !errors.Is(err, pipeline.ErrExpired) || !strings.Contains(err.Error(), "--accept-loss") {
		t.Errorf("went on: %v", err)
	}
	w := starter(Config{Pipeline: pipeline.Config{AcceptLoss: true}}, 3, true)
	if got, err := w.Starter(t.Context(), pipeline.Log{}, 7); err != nil || got != 7 {
		t.Errorf("told to go on: %d, %v", got, err)
	}
	if n := count(t, w.metrics.lost); n != 3 {
		t.Errorf("%v records counted as lost, want 3", n)
	}
}

// TestStarterDoesNotGuessAnIncarnation: tokens of the first would be used again.
func TestStarterDoesNotGuessAnIncarnation(t *testing.T) {
	log := pipeline.Log{Topic: schema.TopicSpans, TopicID: [16]byte{7}}
	world := &fakeWorld{last: 9, found: true, other: log.ID(1)}
	w := New(Config{}, nil, world, world, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if _, err := w.Starter(t.Context(), log, 0); err == nil || !strings.Contains(err.Error(), log.ID(1)) {
		t.Errorf("went on: %v", err)
	}
	world.other = "another/0"
	if got, err := w.Starter(t.Context(), log, 0); err != nil || got != 10 {
		t.Errorf("with another topic's rows: %d, %v", got, err)
	}
}

func starter(cfg Config, last int64, found bool) *Writer {
	world := &fakeWorld{last: last, found: found}
	return New(cfg, nil, world, world, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
}

func count(t *testing.T, c prometheus.Collector) float64 {
	t.Helper()
	reg := prometheus.NewRegistry()
	reg.MustRegister(c)
	families, err := reg.Gather()
	if err != nil || len(families) != 1 {
		t.Fatalf("%d metrics, %v", len(families), err)
	}
	return families[0].GetMetric()[0].GetCounter().GetValue()
}

// TestWindowsAreCounted: what a partition's window holds counts until it ends.
func TestWindowsAreCounted(t *testing.T) {
	s, _ := testStage(t)
	feed(t, s, record(0, request(t, 1, 2)))
	begin(t, s)
	if got, want := s.windows.Load(), int64(s.ring.Bytes()); got != want || got == 0 {
		t.Errorf("%d bytes, want %d", got, want)
	}
	s.end()
	if got := s.windows.Load(); got != 0 {
		t.Errorf("%d bytes of no partition", got)
	}
}
