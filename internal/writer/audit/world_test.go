package audit

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/spanmill/spanmill/internal/dedup"
	"github.com/spanmill/spanmill/internal/writer"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

const (
	day  = 20_000
	k    = 12 // spans that Rule D looks back
	life = "00000000000000000000000000000000/0"
)

// world is a log and tables in memory. It decides about resends by itself: a
// span is one if its number was sent before within the last k spans.
type world struct {
	t       *testing.T
	records []pipeline.Record
	sent    []int // numbers of the spans, in order
	starts  []int // of sent, by record

	start, committed int64
	mu               sync.Mutex // replays store from several goroutines
	spans            []schema.StoredSpan
	parts            []schema.StoredPart
	letters          *Letters
	now              time.Time
	asked            int // batches
	// tokens are all that were ever inserted under: none is forgotten.
	tokens map[string]bool
	// events are the rows of the tables of events, deleted the traces that were.
	events  map[schema.EventKind][]schema.StoredEvent
	deleted map[TraceKey]int64
	// flaky inserts land, and their answer is lost, once in so many; 0: never.
	flaky, inserts int
}

func newWorld(t *testing.T) *world {
	return &world{t: t, tokens: make(map[string]bool), letters: NewLetters(schema.TopicSpans), now: time.Unix((day+1)*secondsPerDay, 0)}
}

// idOf is the span's and, of the number's remainder, the trace's.
func idOf(n int) (trace schema.TraceID, span schema.SpanID) {
	trace[0] = byte(1 + n%3)
	binary.BigEndian.PutUint32(span[:], uint32(n+1))
	return trace, span
}

// add appends a record of numbered spans.
func (w *world) add(numbers ...int) {
	w.t.Helper()
	traces := ptrace.NewTraces()
	spans := traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	at := pcommon.NewTimestampFromTime(time.Unix(day*secondsPerDay+5, 0))
	for _, n := range numbers {
		trace, span := idOf(n)
		s := spans.AppendEmpty()
		s.SetTraceID(pcommon.TraceID(trace))
		s.SetSpanID(pcommon.SpanID(span))
		s.SetStartTimestamp(at)
		s.SetEndTimestamp(at)
	}
	value, err := ptraceotlp.NewExportRequestFromTraces(traces).MarshalProto()
	if err != nil {
		w.t.Fatal(err)
	}
	w.addValue(value, numbers...)
}

func (w *world) addValue(value []byte, numbers ...int) {
	w.starts = append(w.starts, len(w.sent))
	w.sent = append(w.sent, numbers...)
	w.records = append(w.records, pipeline.Record{
		Topic: schema.TopicSpans, Offset: int64(len(w.records)), Time: time.Unix(day*secondsPerDay+10, 0), Value: value,
	})
}

// resend reports whether the i-th span sent is one.
func (w *world) resend(i int) bool {
	return slices.Contains(w.sent[max(0, i-k):i], w.sent[i])
}

// land stores the records of [first, last] as one batch, and commits.
func (w *world) land(first, last int64) {
	sums := map[schema.TraceID]uint64{}
	for o := first; o <= last; o++ {
		end := len(w.sent)
		if int(o)+1 < len(w.starts) {
			end = w.starts[o+1]
		}
		for i := w.starts[o]; i < end; i++ {
			if w.resend(i) {
				continue
			}
			trace, span := idOf(w.sent[i])
			w.spans = append(w.spans, schema.StoredSpan{Log: life, Offset: o, Index: uint32(i - w.starts[o]), Trace: trace, Span: span})
			sums[trace]++
		}
	}
	for trace, n := range sums {
		w.parts = append(w.parts, schema.StoredPart{Log: life, First: first, Last: last, Tenant: "default", Trace: trace, Spans: n})
	}
	for _, table := range []string{tableSpans, tableParts} {
		w.tokens[fmt.Sprintf("%s/0/%d-%d/%s", life, first, last, table)] = true
	}
	w.committed = last + 1
}

func (w *world) extent() Extent {
	return Extent{
		Log: pipeline.Log{Topic: schema.TopicSpans}, Partitions: 1, Start: w.start, Committed: w.committed,
		From: w.start, To: w.committed,
	}
}

func testWriter() writer.Config {
	return writer.Config{
		Pipeline: pipeline.Config{
			Limits:   pipeline.Limits{MaxRows: 9, MaxBytes: 1 << 20, MaxParts: 50, MaxAge: time.Second},
			Deadline: time.Minute, RetryMin: time.Millisecond, RetryMax: time.Second,
		},
		Dedup: dedup.Config{Spans: k, Horizon: time.Hour}, RetentionDays: 30, CatchUp: 1, DeleteEvery: time.Minute,
	}
}

func (w *world) terms() Terms { return Terms{Now: w.now, Days: 30, Deleted: w.deleted} }

// verify audits an extent.
func (w *world) verify(e Extent) *Report {
	w.t.Helper()
	report := NewReport(100)
	v := &Verifier{Config: testWriter(), Log: w, Tables: w, Letters: AllLetters{w.letters}, Terms: w.terms(), Report: report}
	if err := v.Partition(w.t.Context(), e); err != nil {
		w.t.Fatal(err)
	}
	return report
}

// replay stores what is missing, as the owner that src stands for.
func (w *world) replay(e Extent, src pipeline.Source, tenant string) (*Replayer, error) {
	p := &Replayer{
		Config: testWriter(), Log: w, Tables: w, Fill: w, Letters: AllLetters{w.letters}, Terms: w.terms(), Tenant: tenant,
		Logger: slog.New(slog.DiscardHandler),
	}
	err := p.Partition(w.t.Context(), src, e)
	return p, err
}

func (w *world) Read(_ context.Context, _ pipeline.Log, from, to int64, visit func(*pipeline.Record) error) error {
	if from < w.start {
		return pipeline.ErrExpired
	}
	for o := from; o < to; o++ {
		if err := visit(&w.records[o]); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) StoredSpans(_ context.Context, at writer.Place, visit func(*schema.StoredSpan) error) error {
	rows := slices.Clone(w.spans)
	slices.SortFunc(rows, func(a, b schema.StoredSpan) int {
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

func touches(r pipeline.Range, p *schema.StoredPart) bool {
	return p.Last >= r.First && p.First <= r.Last
}

func (w *world) StoredParts(_ context.Context, at writer.Place, visit func(*schema.StoredPart) error) error {
	for i := range w.parts {
		if touches(at.Range, &w.parts[i]) {
			if err := visit(&w.parts[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *world) Batches(_ context.Context, at writer.Place, n int) (out []pipeline.Range, err error) {
	w.asked++
	for i := range w.parts {
		r := pipeline.Range{First: w.parts[i].First, Last: w.parts[i].Last}
		if touches(at.Range, &w.parts[i]) && !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b pipeline.Range) int {
		return cmp.Or(cmp.Compare(a.Last, b.Last), cmp.Compare(a.First, b.First))
	})
	return out[:min(n, len(out))], nil
}

// memory is a block whose rows go to the world.
type memory struct {
	nowhere
	w     *world
	name  string
	spans []schema.StoredSpan
	parts []schema.StoredPart
}

func (m *memory) Table() string { return m.name }
func (m *memory) Rows() int     { return len(m.spans) + len(m.parts) }
func (m *memory) Reset()        { m.spans, m.parts = nil, nil }

type (
	memorySpans struct{ *memory }
	memoryParts struct{ *memory }
)

func (w *world) NewSpans() SpanFill { return memorySpans{&memory{w: w, name: tableSpans}} }
func (w *world) NewParts() PartFill { return memoryParts{&memory{w: w, name: tableParts}} }

func (m memorySpans) Append(rows []schema.SpanRow) {
	for _, r := range rows {
		m.spans = append(m.spans, schema.StoredSpan{Log: r.Log, Offset: r.Offset, Index: r.Span.Index, Trace: r.Span.TraceID, Span: r.Span.SpanID})
	}
}

func (m memoryParts) Append(p *schema.TracePart) {
	m.parts = append(m.parts, schema.StoredPart{Log: p.Log, First: p.FirstOffset, Last: p.LastOffset, Tenant: p.Tenant, Trace: p.TraceID, Spans: uint64(p.Spans)})
}

func (m *memory) InsertMissing(_ context.Context, at writer.Place, a pipeline.Attempt) (written int, err error) {
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	if time.Now().After(a.Deadline) {
		return 0, pipeline.ErrDeadline
	}
	if m.w.tokens[a.Token] {
		return 0, nil // dropped, whatever it is
	}
	m.w.tokens[a.Token] = true
	for _, s := range m.spans {
		if !at.Range.Contains(s.Offset) {
			return 0, fmt.Errorf("row of offset %d in batch %v", s.Offset, at.Range)
		}
		if !slices.Contains(m.w.spans, s) {
			m.w.spans, written = append(m.w.spans, s), written+1
		}
	}
	for _, p := range m.parts {
		if !slices.ContainsFunc(m.w.parts, func(q schema.StoredPart) bool {
			return q.First == p.First && q.Last == p.Last && q.Trace == p.Trace && q.Tenant == p.Tenant
		}) {
			m.w.parts, written = append(m.w.parts, p), written+1
		}
	}
	if m.w.inserts++; m.w.flaky > 0 && m.w.inserts%m.w.flaky == 0 {
		return 0, errNoAnswer
	}
	return written, nil
}

var errNoAnswer = errors.New("no answer")

// alone is a lease that nobody else wants, until it is lost.
type alone struct {
	pipeline.Source
	commits int
	lostAt  int // the commit that is refused; 0: none
}

func (a *alone) Commit(context.Context, int64, string) error {
	if a.commits++; a.commits == a.lostAt {
		return pipeline.ErrLost
	}
	return nil
}
