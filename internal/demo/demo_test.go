package demo

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// base is a fixed time, so that bodies are the same in every run.
var base = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

func newTestGenerator(t testing.TB, change func(*Options)) *Generator {
	t.Helper()
	o := DefaultOptions(7, base)
	if change != nil {
		change(&o)
	}
	g, err := NewGenerator(o)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// pieces cuts the first spans of g.
func pieces(g *Generator, spans uint64, batch int) (all []Piece) {
	c := g.NewCursor(Position{}, spans)
	for p, ok := c.Next(batch); ok; p, ok = c.Next(batch) {
		all = append(all, p)
	}
	return all
}

func TestPiecesCoverEverySpanOnce(t *testing.T) {
	t.Parallel()
	g := newTestGenerator(t, func(o *Options) { o.HugeEvery, o.HugeSpans = 50, 3000 })
	seen := make(map[Position]bool)
	for _, p := range pieces(g, 20_001, 512) {
		n := 0
		p.Each(g, func(i uint64, from, to uint32) {
			for s := from; s < to; s++ {
				at := Position{i, s}
				if seen[at] || at.Before(p.From) || !at.Before(p.To) {
					t.Fatalf("piece %v: span %v is not its or came before", p, at)
				}
				seen[at] = true
				n++
			}
		})
		if n != p.Spans {
			t.Errorf("piece %v has %d spans, says %d", p, n, p.Spans)
		}
	}
	if len(seen) != 20_001 {
		t.Errorf("%d spans, want 20001", len(seen))
	}
}

func TestSpansAreAPureFunctionOfTheirPlace(t *testing.T) {
	t.Parallel()
	g := newTestGenerator(t, nil)
	all := pieces(g, 4000, 300)
	var forward [][]byte
	m := g.NewMaker()
	for _, p := range all {
		forward = append(forward, m.AppendPiece(nil, p))
	}
	again := newTestGenerator(t, nil).NewMaker()
	for i, p := range slices.Backward(all) {
		if !bytes.Equal(again.AppendPiece(nil, p), forward[i]) {
			t.Fatalf("piece %v differs when made in another order", p)
		}
	}
	other := newTestGenerator(t, func(o *Options) { o.Seed++ }).NewMaker()
	if bytes.Equal(other.AppendPiece(nil, all[0]), forward[0]) {
		t.Error("another seed makes the same spans")
	}
}

func TestIdsNameTheirSpan(t *testing.T) {
	t.Parallel()
	g := newTestGenerator(t, nil)
	other := newTestGenerator(t, func(o *Options) { o.Seed++ })
	for i := range uint64(5000) {
		id := g.TraceID(i * 977)
		if back, ok := g.ids.traceOf(id); !ok || back != i*977 {
			t.Fatalf("trace %d comes back as %d, %v", i*977, back, ok)
		}
		if _, ok := other.ids.traceOf(id); ok {
			t.Fatal("another seed claims the trace")
		}
		s := uint32(i) * 31
		if back := g.ids.spanOf(i, g.ids.spanID(i, s)); back != uint64(s) {
			t.Fatalf("span %d comes back as %d", s, back)
		}
	}
}

// TestSpanSize holds bodies to what bench bodies must be: of the asked size,
// and, from the default size on, no better to compress than real ones.
func TestSpanSize(t *testing.T) {
	t.Parallel()
	for _, asked := range []int{900, 1100, 4000, 20_000} {
		t.Run(fmt.Sprint(asked), func(t *testing.T) {
			t.Parallel()
			g := newTestGenerator(t, func(o *Options) { o.SpanBytes = asked })
			m := g.NewMaker()
			var body []byte
			spans := 0
			for _, p := range pieces(g, 30_000, 512) {
				body = m.AppendPiece(body, p)
				spans += p.Spans
				if len(body) > 8<<20 {
					break
				}
			}
			mean := len(body) / spans
			if mean < asked*85/100 || mean > asked*115/100 {
				t.Errorf("mean span has %d bytes, want about %d", mean, asked)
			}
			enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(3)), zstd.WithEncoderConcurrency(1))
			if err != nil {
				t.Fatal(err)
			}
			defer enc.Close()
			ratio := float64(1<<20) / float64(len(enc.EncodeAll(body[:1<<20], nil)))
			t.Logf("%d bytes a span, zstd-3 ratio over 1 MiB %.2f", mean, ratio)
			if ratio > 3.5 && asked >= 1100 {
				t.Errorf("zstd-3 ratio over 1 MiB is %.2f, want at most 3.5", ratio)
			}
		})
	}
}

func TestTracesHaveEightSpansOnAverage(t *testing.T) {
	t.Parallel()
	g := newTestGenerator(t, nil)
	var sum, most uint64
	for i := range uint64(100_000) {
		n := uint64(g.Size(i))
		sum += n
		most = max(most, n)
	}
	if mean := float64(sum) / 100_000; mean < 7.5 || mean > 9 {
		t.Errorf("mean trace has %.1f spans", mean)
	}
	if most < 500 {
		t.Errorf("the longest of 100,000 traces has %d spans: no heavy tail", most)
	}
}

// TestNoMessageRepeats looks at every long text (counts of tokens are none) and every reference of 100,000
// spans.
func TestNoMessageRepeats(t *testing.T) {
	t.Parallel()
	g := newTestGenerator(t, nil)
	m := g.NewMaker()
	texts := make(map[string]string, 300_000)
	references := make(map[string]bool, 200_000)
	for _, p := range pieces(g, 100_000, 1000) {
		p.Each(g, func(i uint64, from, to uint32) {
			for s := from; s < to; s++ {
				eachText(m.Span(i, s).Attrs, func(key, text string) {
					if len(text) < 60 || key == "mlflow.chat.tokenUsage" {
						return
					}
					if before, twice := texts[text]; twice {
						t.Errorf("%s of %d.%d says what %s said: %.80q", key, i, s, before, text)
					}
					texts[strings.Clone(text)] = key
					for _, part := range strings.SplitAfter(text, "ref-")[1:] {
						if references[part[:13]] {
							t.Errorf("reference %s occurs twice", part[:13])
						}
						references[strings.Clone(part[:13])] = true
					}
				})
			}
		})
	}
	if len(references) < 100_000 {
		t.Errorf("%d messages in 100,000 spans", len(references))
	}
}

func eachText(attrs []Attr, f func(key, text string)) {
	for i := range attrs {
		eachValueText(attrs[i].Key, &attrs[i].Value, f)
	}
}

func eachValueText(key string, v *Value, f func(key, text string)) {
	if v.Type == String {
		f(key, v.Text)
	}
	for i := range v.Items {
		eachValueText(key, &v.Items[i], f)
	}
	eachText(v.Pairs, f)
}

// cpuTime is what this process has used: on a shared machine the wall clock
// says little.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkSpan(b *testing.B) {
	g := newTestGenerator(b, nil)
	m := g.NewMaker()
	all := pieces(g, 100_000, 512)
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; {
		all[n/512%len(all)].Each(g, func(i uint64, from, to uint32) {
			for s := from; s < to; s++ {
				m.Span(i, s)
				n++
			}
		})
	}
}

func BenchmarkAppendPiece(b *testing.B) {
	g := newTestGenerator(b, nil)
	m := g.NewMaker()
	all := pieces(g, 100_000, 512)
	var body []byte
	size := 0
	b.ReportAllocs()
	b.ResetTimer()
	n, k, before := 0, 0, cpuTime()
	for ; n < b.N; k++ {
		p := all[k%len(all)]
		body = m.AppendPiece(body[:0], p)
		n += p.Spans
		size += len(body)
	}
	b.ReportMetric(float64(size)/float64(n), "bytes/span")
	b.ReportMetric(float64(cpuTime()-before)/float64(n), "cpu-ns/span")
}
