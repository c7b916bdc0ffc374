package dedup

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/spanmill/spanmill/pkg/schema"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// model is Rule D as it is written down: the last sight of everything, ever.
type model struct {
	spans uint64
	milli int64
	n     uint64
	last  map[Fingerprint][2]int64
}

func newModel(c Config) *model {
	return &model{spans: uint64(c.Spans), milli: c.Horizon.Milliseconds(), last: map[Fingerprint][2]int64{}}
}

func (m *model) see(fp Fingerprint, milli int64) bool {
	m.n++
	p, ok := m.last[fp]
	m.last[fp] = [2]int64{int64(m.n), milli}
	return ok && m.n-uint64(p[0]) <= m.spans && milli-p[1] <= m.milli
}

// record is one record of a made-up log.
type record struct {
	milli int64
	spans []Fingerprint
}

// makeLog makes a log in which a quarter of the spans are resends, most of them
// near the edges of the horizon, with record times that are not monotone.
func makeLog(rng *rand.Rand, records int, c Config) []record {
	var (
		log  []record
		ids  []Fingerprint
		now  = 1_000_000.0
		k    = float64(c.Spans)
		step = float64(c.Horizon.Milliseconds()) / k * 2
	)
	for range records {
		now += rng.ExpFloat64() * step
		r := record{milli: int64(now + rng.NormFloat64()*3*step)}
		for range 1 + rng.IntN(5) {
			fp := Fingerprint{hi: rng.Uint64(), lo: rng.Uint64()}
			if len(ids) > 0 && rng.Float64() < 0.25 {
				back := [...]float64{rng.ExpFloat64() * k / 5, k + rng.NormFloat64()*k/8, 2*k + rng.NormFloat64()*k/4}[rng.IntN(3)]
				fp = ids[len(ids)-1-min(len(ids)-1, max(0, int(back)))]
			}
			r.spans = append(r.spans, fp)
			ids = append(ids, fp)
		}
		log = append(log, r)
	}
	return log
}

func TestRingDecidesAsTheRule(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		c := Config{Spans: 1 + rng.IntN(400), Horizon: time.Duration(1+rng.IntN(200)) * time.Second}
		ring, want := New(c), newModel(c)
		for offset, rec := range makeLog(rng, 600, c) {
			for _, fp := range rec.spans {
				if got, want := ring.See(fp, rec.milli, int64(offset)), want.see(fp, rec.milli); got != want {
					t.Fatalf("seed %d, span %d: duplicate = %t, the rule says %t", seed, ring.Seen()-1, got, want)
				}
			}
		}
	}
}

// Few fingerprints, small rings: shrinking finds the shortest wrong history.
func TestRingDecidesAsTheRuleRapid(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := Config{Spans: rapid.IntRange(1, 20).Draw(t, "K"), Horizon: 50 * time.Millisecond}
		ring, want := New(c), newModel(c)
		for i, id := range rapid.SliceOfN(rapid.Uint64Range(0, 30), 0, 200).Draw(t, "ids") {
			milli := rapid.Int64Range(0, 100).Draw(t, "milli")
			fp := Fingerprint{hi: id % 3, lo: id % 7} // collides in home and in tag
			if got, want := ring.See(fp, milli, int64(i)), want.see(fp, milli); got != want {
				t.Fatalf("span %d: duplicate = %t, the rule says %t", i, got, want)
			}
		}
	})
}

// The writer and the aggregator restart at different points and must decide
// alike all the same, as long as each warms up from Oldest's hint or K spans.
func TestTwoConsumersDecideAlike(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 2))
		c := Config{Spans: 200, Horizon: 80 * time.Second}
		log := makeLog(rng, 1200, c)
		want := consume(t, log, c, nil)
		for range 2 {
			got := consume(t, log, c, rng)
			for i := range want {
				if got[i] != want[i] {
					t.Fatalf("seed %d: span %d decided differently after restarts", seed, i)
				}
			}
		}
	}
}

// consume decides a whole log. With an rng it loses its ring every 50 records
// or so and warms a new one, half of the times from the old ring's hint.
func consume(t *testing.T, log []record, c Config, rng *rand.Rand) (decisions []bool) {
	t.Helper()
	ring := New(c)
	for offset, rec := range log {
		if rng != nil && rng.Float64() < 0.02 {
			from := warmFrom(log, offset, c.Spans)
			if ring.Full() && rng.IntN(2) == 0 {
				from = int(ring.Oldest())
			}
			ring = warm(log[from:offset], int64(from), c)
			if from > 0 && !ring.Full() {
				t.Fatalf("warm-up from %d to %d has only %d of %d spans", from, offset, ring.Seen(), c.Spans)
			}
		}
		for _, fp := range rec.spans {
			decisions = append(decisions, ring.See(fp, rec.milli, int64(offset)))
		}
	}
	return decisions
}

func warm(log []record, first int64, c Config) *Ring {
	r := New(c)
	for i, rec := range log {
		for _, fp := range rec.spans {
			r.See(fp, rec.milli, first+int64(i))
		}
	}
	return r
}

// warmFrom reads back until there are enough spans, as a consumer does.
func warmFrom(log []record, pos, spans int) int {
	for n := 0; pos > 0 && n < spans; n += len(log[pos].spans) {
		pos--
	}
	return pos
}

func fpOf(n uint64) Fingerprint {
	var s schema.SpanID
	for i := range s {
		s[i] = byte(n >> (8 * i))
	}
	return Hasher{}.Key("t", schema.TraceID{1}, s)
}

func TestBoundaries(t *testing.T) {
	t.Parallel()
	const k, h = 5, 1000
	for name, tc := range map[string]struct {
		others int   // spans between the two sights
		later  int64 // record time between them
		want   bool
	}{
		"at once":              {0, 0, true},
		"exactly K back":       {k - 1, 0, true},
		"K+1 back":             {k, 0, false},
		"exactly H later":      {0, h, true},
		"H+1 later":            {0, h + 1, false},
		"record time reversed": {0, -1 << 40, true},
		"both edges":           {k - 1, h, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := New(Config{Spans: k, Horizon: h * time.Millisecond})
			const start = 1 << 41
			r.See(fpOf(0), start, 0)
			for i := range tc.others {
				r.See(fpOf(uint64(i+1)), start, 0)
			}
			if got := r.See(fpOf(0), start+tc.later, 0); got != tc.want {
				t.Errorf("duplicate = %t, want %t", got, tc.want)
			}
		})
	}
}

func TestEverySightRefreshes(t *testing.T) {
	t.Parallel()
	r := New(Config{Spans: 3, Horizon: time.Second})
	r.See(fpOf(0), 0, 0)
	for i := range uint64(50) { // never more than 2 spans or 900 ms apart
		r.See(fpOf(100+i), 0, 0)
		if !r.See(fpOf(0), int64(i+1)*900, 0) {
			t.Fatalf("resend %d was forgotten although the one before it was near", i)
		}
	}
}

// Record times of a stranger may be anything; their difference overflows.
func TestAbsurdRecordTimes(t *testing.T) {
	t.Parallel()
	r := New(Config{Spans: 10, Horizon: time.Second})
	r.See(fpOf(0), math.MinInt64, 0)
	if r.See(fpOf(0), math.MaxInt64, 0) {
		t.Error("2^64 ms later is within a second")
	}
	if !r.See(fpOf(0), math.MinInt64, 0) {
		t.Error("a reversed record time is no reason to keep a resend")
	}
}

func TestStatsTellWhatEndsTheHorizon(t *testing.T) {
	t.Parallel()
	const k, h = 4, 1000
	r := New(Config{Spans: k, Horizon: h * time.Millisecond})
	expect := func(want Stats, covers int64) {
		t.Helper()
		if got := r.Stats(); got != want || r.Covers().Milliseconds() != covers {
			t.Fatalf("%+v over %s, want %+v over %d ms", got, r.Covers(), want, covers)
		}
	}
	expect(Stats{}, 0)
	for n := range uint64(k) {
		r.See(fpOf(n), int64(n)*100, 0)
	}
	expect(Stats{}, 300)
	r.See(fpOf(0), 400, 0) // the oldest itself, at exactly K: nothing is forgotten
	expect(Stats{}, 300)
	r.See(fpOf(10), 500, 0) // forgets 1, after 400 ms
	expect(Stats{Early: 1}, 300)
	r.See(fpOf(11), 5000, 0) // forgets 2, after 4.8 s: its time was over
	expect(Stats{Early: 1}, 4700)
	r.See(fpOf(0), 6000, 0) // forgets 3; 0 was last seen 5.6 s ago
	expect(Stats{Early: 1, Late: 1}, 5600)
	r.Reset()
	expect(Stats{}, 0)
	r.See(fpOf(0), math.MinInt64, 0)
	r.See(fpOf(1), math.MaxInt64, 0)
	if r.Covers() < 0 {
		t.Errorf("covers %s", r.Covers())
	}
}

func TestOldestIsCloseAndEnough(t *testing.T) {
	t.Parallel()
	for _, k := range []int{1, 63, 64, 65, 200, 5000} {
		r := New(Config{Spans: k, Horizon: time.Hour})
		if got := r.Oldest(); got != -1 {
			t.Fatalf("K=%d: Oldest of an empty ring = %d", k, got)
		}
		for n := range 3 * k { // one span a record: offset = ordinal
			r.See(fpOf(uint64(n)), 0, int64(n))
			want := int64(max(0, n+1-k))
			if got := r.Oldest(); got > want || got < want-tagEvery+1 && got != 0 {
				t.Fatalf("K=%d after %d spans: Oldest = %d, the oldest sight is at %d", k, n+1, got, want)
			}
		}
	}
}

func TestReset(t *testing.T) {
	t.Parallel()
	c := Config{Spans: 300, Horizon: time.Hour}
	r := New(c)
	for round := range 3 {
		for n := range uint64(1000) {
			if r.See(fpOf(n), 0, int64(n)) {
				t.Fatalf("round %d: span %d survived the reset", round, n)
			}
		}
		r.Reset()
		if r.Seen() != 0 || r.Full() || r.Oldest() != -1 {
			t.Fatalf("after Reset: seen %d, full %t, oldest %d", r.Seen(), r.Full(), r.Oldest())
		}
	}
}

func TestMemory(t *testing.T) {
	t.Parallel()
	if got := New(DefaultConfig()).Bytes(); got > 8<<10 {
		t.Errorf("an idle ring holds %d bytes", got)
	}
	for _, k := range []int{100_000, 250_000, 393_216, 393_217, 1_000_000} {
		r := New(Config{Spans: k, Horizon: time.Hour})
		for n := range 2*uint64(k) + 7 {
			r.See(Fingerprint{hi: n * loSeed, lo: n * 0xff51afd7ed558ccd}, 0, int64(n))
		}
		perSpan := float64(r.Bytes()) / float64(k)
		t.Logf("K=%d: %.1f bytes a span", k, perSpan)
		if perSpan > 35 {
			t.Errorf("K=%d: %.1f bytes a span, want at most 35", k, perSpan)
		}
	}
}

func TestNoAllocationOnceFull(t *testing.T) {
	c := Config{Spans: 10_000, Horizon: time.Hour}
	r := New(c)
	var n uint64
	see := func() {
		for range 1000 {
			n++
			r.See(Hasher{}.Key("tenant", schema.TraceID{byte(n)}, schema.SpanID{byte(n >> 8), byte(n >> 16)}), int64(n), int64(n))
		}
	}
	for !r.Full() {
		see()
	}
	if got := testing.AllocsPerRun(50, see); got != 0 {
		t.Errorf("1000 spans: %v allocations, want 0", got)
	}
}

func TestConfigValidate(t *testing.T) {
	t.Parallel()
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	for _, c := range []Config{{}, {Spans: MaxSpans + 1}, {Spans: 1, Horizon: -1}} {
		if c.Validate() == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
}

func BenchmarkSee(b *testing.B) {
	for name, resent := range map[string]uint64{"fresh": math.MaxUint64, "tenth resent": 10} {
		b.Run(name, func(b *testing.B) {
			r := New(DefaultConfig())
			span := func(n uint64) Fingerprint {
				if n%resent == resent-1 {
					n -= min(n, 1000)
				}
				return fpOf(n)
			}
			var n uint64
			for ; !r.Full(); n++ {
				r.See(span(n), int64(n/100), int64(n))
			}
			b.ReportAllocs()
			for b.Loop() {
				r.See(span(n), int64(n/100), int64(n))
				n++
			}
			b.ReportMetric(float64(r.Bytes())/1e6, "bytes/span")
		})
	}
}
