package aggregator

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/spanmill/spanmill/internal/dedup"
	"github.com/spanmill/spanmill/internal/demo"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

// spansRecorded are the demo's, in records as gateways make them.
func spansRecorded(tb testing.TB, spans int) (log []pipeline.Record, n int) {
	tb.Helper()
	g, err := demo.NewGenerator(demo.DefaultOptions(1, received.Add(-time.Minute)))
	if err != nil {
		tb.Fatal(err)
	}
	maker := g.NewMaker()
	cursor := g.NewCursor(demo.Position{}, uint64(spans))
	for {
		piece, more := cursor.Next(100)
		if !more {
			return log, n
		}
		n += piece.Spans
		log = append(log, pipeline.Record{
			Topic: schema.TopicSpans, Offset: int64(len(log)), Time: received, Value: maker.AppendPiece(nil, piece),
		})
	}
}

// BenchmarkStage1 is what a span costs from its record to the records of rollups,
// with a flush for every ten thousand: CPU seconds for a million spans.
func BenchmarkStage1(b *testing.B) {
	for name, cfg := range map[string]Config{"shipped": DefaultConfig(), "own": withOwn(b, DefaultConfig())} {
		b.Run(name, func(b *testing.B) {
			log, spans := spansRecorded(b, 50_000)
			c := newCore(cfg, pipeline.Log{Topic: schema.TopicSpans}, ReportedCost{})
			k := newPacker(1)
			pending, bytes, offset := 0, 0, int64(0)
			b.ReportAllocs()
			began := processCPU(b)
			for b.Loop() {
				c.hasher = dedup.NewHasher(strconv.FormatInt(offset, 10)) // the same spans again are others
				for i := range log {
					log[i].Offset = offset
					offset++
					c.take(&log[i])
					if pending += 100; pending >= 10_000 {
						for _, r := range k.pack(c.catalogue) {
							bytes += len(r.Value)
						}
						c.catalogue.clear()
						pending = 0
					}
				}
			}
			b.ReportMetric((processCPU(b)-began).Seconds()/float64(b.N*spans)*1e6, "cpu-s/Mspan")
			b.ReportMetric(float64(bytes)/float64(b.N*spans), "B/span")
			b.ReportMetric(float64(len(c.catalogue.known)), "series")
		})
	}
}

// processCPU is what the process has used: other processes of the machine do not
// count.
func processCPU(tb testing.TB) time.Duration {
	tb.Helper()
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// TestMillionNamesStayBounded: names that clients make up take the series that
// there may be and no more; the others are counted under __other__, each of them.
// The long form has a million.
func TestMillionNamesStayBounded(t *testing.T) { madeUpNames(t, 20_000) }

// maxHeapGrowth is what a core with the bounds below may take, whatever comes.
const maxHeapGrowth = 48 << 20

func madeUpNames(t *testing.T, names int) {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Dedup.Spans, cfg.MaxSeries, cfg.Window, cfg.WindowSpans = 1000, 2000, 1<<40, 5000
	before := heapNow()
	c, reg := newCore(cfg, pipeline.Log{Topic: schema.TopicSpans}, ReportedCost{}), prometheus.NewRegistry()
	m := newMetrics(reg).meter(0, c)
	k, sent, most := newPacker(1), table{}, 0
	flush := func() {
		records := k.pack(c.catalogue)
		m.flushed(records, 0)
		sent.mergeView(t, records, "component")
		c.catalogue.clear()
	}
	for i := range names {
		r := pipeline.Record{Topic: schema.TopicSpans, Offset: int64(i), Time: received, Value: demo.EncodeRequest("shop", demo.EncodeSpan(demo.RawSpan{
			TraceID: id(i, 16), SpanID: id(i, 8), Name: madeUp(i), Start: uint64(received.UnixNano()), End: uint64(received.UnixNano()),
		}))}
		c.take(&r)
		most = max(most, c.catalogue.open)
		if c.catalogue.open >= 4000 || i%10_000 == 9999 {
			flush()
		}
	}
	flush()
	named := len(c.catalogue.known)
	if named > cfg.MaxSeries+2*len(views) || most > 4001+len(views) || c.window.size() > cfg.WindowSpans {
		t.Errorf("%d series, %d open, %d spans held", named, most, c.window.size())
	}
	told, other := int64(0), sent["default component{__other__,__other__,__other__} 0 span_duration"]
	for key, p := range sent {
		if strings.HasSuffix(key, " span_duration") {
			told += p.Count
		}
	}
	if other == nil {
		t.Fatal("nothing is counted under others")
	}
	if told != int64(names) || other.Count < int64(names-cfg.MaxSeries) || len(sent) > 4*(cfg.MaxSeries+1) {
		t.Errorf("%d spans are counted, %d under others, in %d metrics of series; want %d spans", told, other.Count, len(sent), names)
	}
	if got := testutil.ToFloat64(m.overflown.WithLabelValues("component")); got != float64(other.Count) {
		t.Errorf("the counter of others says %g, %d were sent", got, other.Count)
	}
	grown := heapNow() - before
	if grown > maxHeapGrowth {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
	t.Logf("%d names: %d series, %d spans under others, the heap grew by %.1f MiB", names, named, other.Count, float64(grown)/(1<<20))
	runtime.KeepAlive(c)
}

// heapNow is how much memory is in use.
func heapNow() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// madeUp is a name of letters alone, so that no rule of names makes it another's.
func madeUp(i int) string {
	var b []byte
	for n := 0; n < 5 || i > 0; n++ {
		b = append(b, byte('g'+i%20))
		i /= 20
	}
	return string(b)
}

func id(i, n int) string { return fmt.Sprintf("%0*d", n, i+1) }
