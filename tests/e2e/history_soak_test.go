//go:build soak

package e2e_test

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/aggregator"
	"github.com/spanmill/spanmill/internal/bus"
	"github.com/spanmill/spanmill/internal/demo"
	"github.com/spanmill/spanmill/internal/testkit"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
	"github.com/spanmill/spanmill/tests/e2e/harness"
)

var (
	historyRate   = flag.Float64("history-rate", 10, "spans a second of the day in TestSoakRestartWithADay")
	historyRecent = flag.Int("history-recent", 200_000, "spans that come through the door before the restart")
)

// aDay is a little less than what live metrics go back to, so that none of it gets
// too old while the test runs.
const aDay = 23 * time.Hour

// TestSoakRestartWithADay: `spanmill up` has counted a day of spans, each second's
// for itself as it does, and then some hundred thousand that came through its door,
// which writer and aggregator have to recall; it is stopped and started again:
// within ten seconds of both processors' time it is ready, and in the end answers
// for all of the day.
func TestSoakRestartWithADay(t *testing.T) {
	plant := harness.NewUp(t)
	up := harness.Start(t, plant, harness.Options{})
	h := newHistory(t, *historyRate, time.Now().Add(-aDay-20*time.Minute))
	h.tell(t, up.Kafka)
	testkit.Eventually(t, 30*time.Minute, func() error {
		if got := up.SQL(t, "SELECT count() FROM rollups"); got != fmt.Sprint(h.rows) {
			return fmt.Errorf("%s rows of %d", got, h.rows)
		}
		return nil
	})
	t.Logf("a day of %g spans a second, %d spans: %d rows of rollups, %.1f a second, %.1f a span; %d records of %d MiB", *historyRate, h.spans,
		h.rows, float64(h.rows)/aDay.Seconds(), float64(h.rows)/float64(h.spans), h.records, h.bytes>>20)
	t.Logf("series: %s", up.SQL(t, "SELECT uniqExact(tenant, view, labels, is_eval) FROM rollups"))
	up.SQL(t, "OPTIMIZE TABLE rollups FINAL")
	t.Logf("on disk, merged: %s", up.SQL(t, "SELECT formatReadableSize(sum(bytes_on_disk)), round(sum(bytes_on_disk) / sum(rows), 1) FROM system.parts WHERE active AND database = 'spanmill' AND table = 'rollups'"))
	if code, out := run(t, up, "demo", "--rate", "0", "--spans", fmt.Sprint(*historyRecent), "--start", time.Now().Add(-20*time.Minute).UTC().Format(time.RFC3339)); code != 0 {
		t.Fatal(out)
	}
	testkit.Eventually(t, 30*time.Minute, func() error { return complete(t, up, h.spans+*historyRecent) })
	up.Terminate(t)

	began := time.Now()
	next := harness.Start(t, plant, harness.Options{})
	ready, used := time.Since(began), cpuSeconds(t, next.Door().PID())
	testkit.Eventually(t, 10*time.Minute, func() error { return complete(t, next, h.spans+*historyRecent) })
	t.Logf("ready after %s and %.1f CPU-s; all of the day is there after %s; peak RSS %d MiB", ready.Round(10*time.Millisecond), used,
		time.Since(began).Round(10*time.Millisecond), next.Door().PeakKiB(t)>>10)
	if used > 20 {
		t.Errorf("it took %.1f CPU-s to be ready, want 20 at most: ten seconds of two processors", used)
	}
	t.Log(readyLines(next))
	next.Terminate(t)
}

// readyLines are what a process logged of its start.
func readyLines(in *harness.Instance) string {
	lines := strings.Split(in.Log(), "\n")
	return strings.Join(slices.DeleteFunc(lines, func(l string) bool { return !strings.Contains(l, "took") }), "\n")
}

// complete asks whether all of the history is there.
func complete(t *testing.T, up *harness.Instance, want int) error {
	t.Helper()
	body, err := page(t, up, "/api/v1/metrics/query?metric=spans&window=24h&stat=count")
	if err != nil {
		return err
	}
	var answer struct {
		Complete bool `json:"complete"`
		metricAnswer
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatal(err)
	}
	if !answer.Complete || len(answer.Series) != 1 || answer.Series[0].Points[0].Values["count"] != float64(want) {
		return fmt.Errorf("%s, want %d", body, want)
	}
	return nil
}

// cpuSeconds is what a process has used.
func cpuSeconds(t *testing.T, pid int) float64 {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	var ticks [2]float64
	fields := strings.Fields(rest)
	for i := range ticks {
		if _, err := fmt.Sscan(fields[11+i], &ticks[i]); err != nil {
			t.Fatal(err)
		}
	}
	return (ticks[0] + ticks[1]) / 100
}

// historyPartitions are those of topic spans.
const historyPartitions = 4

// history is a day of spans as an aggregator tells of it: in each second, of each
// partition what ended in it.
type history struct {
	generator            *demo.Generator
	ended                [historyPartitions][]endedSpan
	spans, rows, records int
	bytes                int

	at  time.Time // of what is being counted
	out []pipeline.Record
}

// endedSpan is a span and the second in which it ended.
type endedSpan struct {
	second int64
	trace  uint64
	span   uint32
}

func newHistory(t *testing.T, rate float64, from time.Time) *history {
	t.Helper()
	options := demo.DefaultOptions(11, from)
	options.SpacingNano = uint64(8 / rate * 1e9)
	g, err := demo.NewGenerator(options)
	if err != nil {
		t.Fatal(err)
	}
	h := &history{generator: g, spans: int(rate * aDay.Seconds())}
	m, left := g.NewMaker(), h.spans
	for i := uint64(0); left > 0; i++ {
		p := schema.PartitionOf(g.TraceID(i), historyPartitions)
		for s := range min(g.Size(i), uint32(left)) {
			h.ended[p] = append(h.ended[p], endedSpan{int64(m.Span(i, s).End / 1e9), i, s})
			left--
		}
	}
	for p := range h.ended {
		slices.SortFunc(h.ended[p], func(a, b endedSpan) int {
			return cmp.Or(cmp.Compare(a.second, b.second), cmp.Compare(a.trace, b.trace), cmp.Compare(a.span, b.span))
		})
	}
	return h
}

// tell has a real aggregator count the day, and writes what it tells to topic
// rollups with the times at which it would have been told.
func (h *history) tell(t *testing.T, kafka string) {
	t.Helper()
	cfg, log := bus.Default(), slog.New(slog.DiscardHandler)
	cfg.Brokers = []string{kafka}
	producer, err := bus.NewProducer(cfg, log, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	counting := aggregator.DefaultConfig()
	counting.MaxOpen = 1 // each record for itself
	a := aggregator.New(counting, aggregator.Dependencies{
		Consumer: h, Topics: h, Log: log, Reg: prometheus.NewRegistry(),
		Pricer: func() aggregator.Pricer { return aggregator.ReportedCost{} },
	})
	if err := a.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	slices.SortStableFunc(h.out, func(a, b pipeline.Record) int { return a.Time.Compare(b.Time) })
	h.records = len(h.out)
	for part := range slices.Chunk(h.out, 2000) {
		if err := producer.Produce(t.Context(), part); err != nil {
			t.Fatal(err)
		}
	}
	h.out = nil
}

// Partitions implements aggregator.Topics.
func (h *history) Partitions(context.Context, string) (int, error) { return 1, nil }

// Run implements aggregator.Consumer: one partition after the other.
func (h *history) Run(ctx context.Context, handle func(context.Context, aggregator.Source) error) error {
	for p := range h.ended {
		if err := handle(ctx, &historySource{h: h, partition: int32(p), maker: h.generator.NewMaker(), draining: make(chan struct{})}); err != nil {
			return err
		}
	}
	return nil
}

// historySource is one partition of the day; what nobody asks of it is not there.
type historySource struct {
	pipeline.Source

	h         *history
	partition int32
	maker     *demo.Maker
	next      int
	offset    int64
	draining  chan struct{}
}

func (s *historySource) Log() pipeline.Log {
	return pipeline.Log{Topic: schema.TopicSpans, Partition: s.partition}
}

func (s *historySource) Committed() pipeline.Committed                        { return pipeline.Committed{Offset: -1} }
func (s *historySource) Start() int64                                         { return 0 }
func (s *historySource) Bounds(context.Context) (start, end int64, err error) { return 0, 0, nil }
func (s *historySource) Draining() <-chan struct{}                            { return s.draining }
func (s *historySource) Commit(context.Context, int64, string) error          { return nil }

// Fetch gives the next second's spans.
func (s *historySource) Fetch(ctx context.Context) ([]pipeline.Record, error) {
	ended := s.h.ended[s.partition]
	if s.next == len(ended) {
		close(s.draining)
		<-ctx.Done()
		return nil, ctx.Err()
	}
	second := ended[s.next].second
	s.h.at = time.Unix(second+1, 0)
	r := pipeline.Record{Topic: schema.TopicSpans, Partition: s.partition, Offset: s.offset, Time: s.h.at}
	for ; s.next < len(ended) && ended[s.next].second == second; s.next++ {
		from := demo.Position{Trace: ended[s.next].trace, Span: ended[s.next].span}
		r.Value = s.maker.AppendPiece(r.Value, demo.Piece{From: from, To: demo.Position{Trace: from.Trace, Span: from.Span + 1}, Spans: 1})
	}
	s.offset++
	return []pipeline.Record{r}, nil
}

// Transact keeps what is told.
func (s *historySource) Transact(_ context.Context, records []pipeline.Record, _ int64, _ string) error {
	for _, r := range records {
		r.Time = s.h.at
		s.h.bytes += len(r.Value)
		s.h.out = append(s.h.out, r)
		err := rollup.Decode(r.Value, func(x *rollup.Rollup) error {
			for _, p := range x.Panes {
				s.h.rows += len(p.Metrics)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
