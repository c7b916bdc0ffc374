package aggregator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"go.uber.org/goleak"

	"github.com/spanmill/spanmill/internal/dedup"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// received is when the tests' records are.
var received = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

var testConfig = Config{
	Dedup: dedup.Config{Spans: 1000, Horizon: time.Hour}, Window: 500, WindowSpans: 1000,
	EventWindow: 500, EventsHeld: 1000, MaxSeries: 100, MaxOpen: 1000, Interval: time.Second,
}

// piece is a span of the tests.
type piece struct {
	trace, id, parent byte // parent 0: a root
	start, end        int  // milliseconds after received
	name              string
	failed            bool
	attrs             map[string]any
	state             string
}

// record encodes spans as they are on the bus.
func record(t testing.TB, offset int64, pieces ...piece) pipeline.Record {
	t.Helper()
	traces := ptrace.NewTraces()
	rs := traces.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", "shop")
	spans := rs.ScopeSpans().AppendEmpty().Spans()
	for _, p := range pieces {
		s := spans.AppendEmpty()
		s.SetTraceID([16]byte{p.trace})
		s.SetSpanID([8]byte{p.id})
		if p.parent != 0 {
			s.SetParentSpanID([8]byte{p.parent})
		}
		at := func(milli int) pcommon.Timestamp {
			return pcommon.NewTimestampFromTime(received.Add(time.Duration(milli) * time.Millisecond))
		}
		s.SetStartTimestamp(at(p.start))
		s.SetEndTimestamp(at(p.end))
		s.SetName(p.name)
		s.TraceState().FromRaw(p.state)
		if p.failed {
			s.Status().SetCode(ptrace.StatusCodeError)
		}
		if err := s.Attributes().FromRaw(p.attrs); err != nil {
			t.Fatal(err)
		}
	}
	value, err := ptraceotlp.NewExportRequestFromTraces(traces).MarshalProto()
	if err != nil {
		t.Fatal(err)
	}
	return pipeline.Record{Topic: schema.TopicSpans, Offset: offset, Time: received, Value: value}
}

// chat are the attributes of a model call.
func chat(input, output int, more ...any) map[string]any {
	m := map[string]any{
		"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o",
		"gen_ai.usage.input_tokens": input, "gen_ai.usage.output_tokens": output,
	}
	for i := 0; i < len(more); i += 2 {
		m[more[i].(string)] = more[i+1]
	}
	return m
}

// table is what topic rollups comes to: partials by "view{labels} pane metric".
type table map[string]*rollup.Partial

func (w table) merge(t testing.TB, records []pipeline.Record) {
	t.Helper()
	w.mergeView(t, records, "")
}

// mergeView merges one view only; "": all.
func (w table) mergeView(t testing.TB, records []pipeline.Record, view string) {
	t.Helper()
	for _, r := range records {
		err := rollup.Decode(r.Value, func(r *rollup.Rollup) error {
			if view != "" && r.View != view {
				return nil
			}
			var labels []string
			for _, l := range r.Labels {
				labels = append(labels, l.Value)
			}
			if r.Eval {
				labels = append(labels, "eval")
			}
			for _, p := range r.Panes {
				for i := range p.Metrics {
					key := fmt.Sprintf("%s %s{%s} %d %s", r.Tenant, r.View, strings.Join(labels, ","), p.Start-received.Unix(), p.Metrics[i].Name)
					if w[key] == nil {
						w[key] = new(rollup.Partial)
					}
					w[key].Merge(&p.Metrics[i].Partial)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// canonical drops what says nothing and gives empty sketches one form.
func (w table) canonical() map[string]rollup.Partial {
	out := make(map[string]rollup.Partial)
	for k, p := range w {
		if !p.Zero() {
			c := *p
			c.Hist, c.Distinct = append(rollup.Histogram{}, p.Hist...), append(rollup.Distinct{}, p.Distinct...)
			out[k] = c
		}
	}
	return out
}

func expectSame(t testing.TB, what string, want, got table) {
	t.Helper()
	if diff := gocmp.Diff(want.canonical(), got.canonical()); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

// count is the table of a log, counted by one core without a break.
func count(t testing.TB, cfg Config, log []pipeline.Record) table {
	t.Helper()
	c := newCore(cfg, pipeline.Log{Topic: schema.TopicSpans}, ReportedCost{})
	for i := range log {
		c.take(&log[i])
	}
	out := table{}
	k := newPacker(3)
	out.merge(t, k.pack(c.catalogue))
	return out
}

// randomLog is a log of small traces that come in pieces, with resends, names
// that differ, and gaps in the offsets.
func randomLog(t testing.TB, rng *rand.Rand, records int) (log []pipeline.Record) {
	t.Helper()
	offset := int64(0)
	for range records {
		offset += 1 + int64(rng.IntN(3))
		var pieces []piece
		for range 1 + rng.IntN(4) {
			trace := byte(rng.IntN(60))
			id := byte(1 + rng.IntN(12))
			own := rand.New(rand.NewPCG(uint64(trace), uint64(id)))
			start := own.IntN(30_000)
			p := piece{
				trace: trace, id: id, parent: id / 2, start: start, end: start + own.IntN(8000),
				name: fmt.Sprintf("step-%c", 'a'+own.IntN(26)), failed: own.IntN(5) == 0,
			}
			if own.IntN(2) == 0 {
				p.attrs = chat(own.IntN(1000), own.IntN(300), "gen_ai.request.model", fmt.Sprintf("m%d", own.IntN(9)),
					"gen_ai.input.messages", fmt.Sprint(own.IntN(2)), "user.id", fmt.Sprint(own.IntN(7)))
			}
			if own.IntN(4) == 0 {
				p.state = "ot=th:c"
			}
			pieces = append(pieces, p)
		}
		r := record(t, offset, pieces...)
		r.Time = received.Add(time.Duration(rng.IntN(60_000)) * time.Millisecond)
		log = append(log, r)
	}
	return log
}

// fakeLog is a partition, the group's offset and topic rollups, in memory.
type fakeLog struct {
	topic     string // "": spans
	log       []pipeline.Record
	committed pipeline.Committed
	rollups   []pipeline.Record
	rng       *rand.Rand
	hits      map[string]int
}

// fakeSource is an owner's share of a fakeLog. It fails now and then, and then
// for good.
type fakeSource struct {
	*fakeLog
	at       int
	draining chan struct{}
	dead     bool
}

var errDead = errors.New("killed")

func (s *fakeSource) Log() pipeline.Log {
	return pipeline.Log{Topic: cmp.Or(s.topic, schema.TopicSpans), TopicID: [16]byte{1}}
}
func (s *fakeSource) Committed() pipeline.Committed { return s.committed }
func (s *fakeSource) Start() int64                  { return max(s.committed.Offset, 0) }
func (s *fakeSource) Draining() <-chan struct{}     { return s.draining }

func (s *fakeSource) Fetch(ctx context.Context) ([]pipeline.Record, error) {
	for s.at < len(s.log) && s.log[s.at].Offset < s.Start() {
		s.at++
	}
	if s.at == len(s.log) {
		select {
		case <-s.draining:
		default:
			close(s.draining)
		}
		<-ctx.Done()
		return nil, ctx.Err()
	}
	n := min(1+s.rng.IntN(5), len(s.log)-s.at)
	s.at += n
	return s.log[s.at-n : s.at], nil
}

// fate of a commit: it is applied and its owner dies, or it is not and he dies,
// or all is well.
func (s *fakeSource) fate(what string, apply func()) error {
	if s.dead {
		return errDead
	}
	switch s.rng.IntN(9) {
	case 0:
		s.hits[what+" not applied"]++
		s.dead = true
		return pipeline.ErrAmbiguous
	case 1:
		s.hits[what+" applied"]++
		s.dead = true
		apply()
		return pipeline.ErrAmbiguous
	}
	apply()
	return nil
}

func (s *fakeSource) Commit(_ context.Context, offset int64, metadata string) error {
	return s.fate("commit", func() { s.committed = pipeline.Committed{Offset: offset, Metadata: metadata} })
}

func (s *fakeSource) Transact(_ context.Context, records []pipeline.Record, offset int64, metadata string) error {
	return s.fate("transaction", func() {
		s.rollups = append(s.rollups, records...)
		s.committed = pipeline.Committed{Offset: offset, Metadata: metadata}
	})
}

func (s *fakeSource) ReadRange(_ context.Context, from, to int64, visit func(*pipeline.Record) error) error {
	for i := range s.log {
		if s.log[i].Offset >= from && s.log[i].Offset < to {
			if err := visit(&s.log[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *fakeSource) Bounds(context.Context) (start, end int64, err error) {
	return 0, s.log[len(s.log)-1].Offset + 1, nil
}

// live has owners come and die until the log is counted.
func (w *fakeLog) live(t *testing.T, cfg Config) {
	t.Helper()
	for end := w.log[len(w.log)-1].Offset + 1; w.committed.Offset < end; {
		src := &fakeSource{fakeLog: w, draining: make(chan struct{})}
		l := &loop{cfg: cfg, src: src, pack: newPacker(3), log: slog.New(slog.DiscardHandler)}
		l.count(newMetrics(nil), ReportedCost{})
		if err := l.run(t.Context()); err != nil && !errors.Is(err, pipeline.ErrAmbiguous) {
			t.Fatal(err)
		}
	}
}

func shuffled[T any](rng *rand.Rand, list []T) []T {
	out := slices.Clone(list)
	rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}
