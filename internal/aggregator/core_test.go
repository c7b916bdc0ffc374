package aggregator

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/spanmill/spanmill/internal/aggregator/custom"
	"github.com/spanmill/spanmill/internal/dedup"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// TestOwnersComeAndDie: whatever becomes of the transactions, and wherever a
// successor begins, topic rollups comes to what one owner without a break counts.
// Some logs have more series than a tenant may.
func TestOwnersComeAndDie(t *testing.T) {
	hits := map[string]int{}
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 1))
		cfg := testConfig
		cfg.Dedup = dedup.Config{Spans: 1 + rng.IntN(300), Horizon: time.Duration(1+rng.IntN(90)) * time.Second}
		cfg.Window, cfg.WindowSpans = int64(20+rng.IntN(300)), 400
		cfg.MaxOpen, cfg.MaxSeries = 10+rng.IntN(120), 5+rng.IntN(60)
		w := &fakeLog{log: randomLog(t, rng, 200), committed: pipeline.Committed{Offset: -1}, rng: rng, hits: hits}
		want := count(t, cfg, w.log)
		// Relatives further apart than the window are corrected by whom they find:
		// their self time is promised to nobody.
		w.live(t, cfg)
		got := table{}
		got.merge(t, w.rollups)
		dropSelfTime(want)
		dropSelfTime(got)
		expectSame(t, fmt.Sprintf("seed %d", seed), want, got)
	}
	for _, kind := range []string{"transaction applied", "transaction not applied"} {
		if hits[kind] < 40 {
			t.Errorf("%q came %d times only: %v", kind, hits[kind], hits)
		}
	}
}

func dropSelfTime(w table) {
	for k := range w {
		if strings.HasSuffix(k, " self_time") || strings.HasSuffix(k, " retries") {
			delete(w, k)
		}
	}
}

// TestSelfTimeOutlivesItsOwners: within the window, self time and retries too
// are what one owner counts.
func TestSelfTimeOutlivesItsOwners(t *testing.T) {
	for seed := range uint64(12) {
		rng := rand.New(rand.NewPCG(seed, 2))
		cfg := testConfig
		cfg.MaxOpen = 10 + rng.IntN(50)
		cfg.MaxSeries = 1000
		w := &fakeLog{log: randomLog(t, rng, 200), committed: pipeline.Committed{Offset: -1}, rng: rng, hits: map[string]int{}}
		cfg.Window = 1000 // more than the log
		want := count(t, cfg, w.log)
		w.live(t, cfg)
		got := table{}
		got.merge(t, w.rollups)
		expectSame(t, fmt.Sprintf("seed %d", seed), want, got)
	}
}

// TestOrderDoesNotMatter: records in any order, with resends in between, come to
// the same.
func TestOrderDoesNotMatter(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	log := randomLog(t, rng, 60)
	cfg := testConfig
	cfg.MaxSeries = 1000
	for i := range log {
		log[i].Time = received // what is late is told by it
	}
	want := count(t, cfg, log)
	for range 30 {
		again := shuffled(rng, append(slices.Clone(log), log[:20]...))
		for i := range again {
			again[i].Offset = int64(i)
		}
		expectSame(t, "in another order", want, count(t, cfg, again))
	}
}

// TestSelfTimeIsTheOfflineCalculation: a trace's spans in a thousand orders, in
// records of one to five, resends in between, counted by one owner or by some of
// whom all die. What each component has of the trace is the offline calculation.
func TestSelfTimeIsTheOfflineCalculation(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	var spans []piece
	for id := byte(1); id <= 40; id++ {
		start := rng.IntN(2000)
		spans = append(spans, piece{
			trace: 1, id: id, parent: id / 3, start: start, end: start + rng.IntN(3000), name: fmt.Sprintf("n%c", 'a'+id%7),
		})
	}
	want := map[string]int64{}
	for _, p := range spans {
		self := offline(p, spans) * int64(time.Millisecond)
		want["component{shop,UNKNOWN,"+p.name+"}"] += self
		want["kind{shop,UNKNOWN}"] += self
	}
	cfg, hits := testConfig, map[string]int{}
	cfg.MaxOpen = 6 // a transaction for nearly each record
	for n := range 1000 {
		log := inRecords(t, rng, shuffled(rng, append(slices.Clone(spans), spans[:n%9]...)))
		got := table{}
		if n%5 > 0 {
			got = count(t, cfg, log)
		} else {
			w := &fakeLog{log: log, committed: pipeline.Committed{Offset: -1}, rng: rng, hits: hits}
			w.live(t, cfg)
			got.merge(t, w.rollups)
		}
		self := map[string]int64{}
		for key, p := range got {
			if series, ours := strings.CutSuffix(key, " self_time"); ours {
				_, series, _ = strings.Cut(series, " ")
				self[series[:strings.LastIndex(series, "}")+1]] += p.Sum
			}
		}
		if diff := cmp.Diff(want, self); diff != "" {
			t.Fatalf("order %d (-offline +streamed):\n%s", n, diff)
		}
	}
	for _, kind := range []string{"transaction applied", "transaction not applied"} {
		if hits[kind] < 50 {
			t.Errorf("%q came %d times only: %v", kind, hits[kind], hits)
		}
	}
}

// inRecords puts spans into records of one to five, in their order.
func inRecords(t *testing.T, rng *rand.Rand, spans []piece) (log []pipeline.Record) {
	t.Helper()
	for len(spans) > 0 {
		n := min(1+rng.IntN(5), len(spans))
		log = append(log, record(t, int64(len(log)), spans[:n]...))
		spans = spans[n:]
	}
	return log
}

// offline counts the milliseconds of a span in which no child of it works.
func offline(p piece, all []piece) (self int64) {
	for at := p.start; at < p.end; at++ {
		if !slices.ContainsFunc(all, func(c piece) bool { return c.parent == p.id && c.start <= at && at < c.end }) {
			self++
		}
	}
	return self
}

func TestEachSpanIsInItsPane(t *testing.T) {
	const hour = 3_600_000
	got := count(t, testConfig, []pipeline.Record{record(t, 0,
		piece{trace: 1, id: 1, start: -15_000, end: -1, name: "across"},
		piece{trace: 2, id: 1, start: -hour - 100, end: -hour, name: "late"},
		piece{trace: 3, id: 1, start: -31 * 24 * hour, end: -31 * 24 * hour, name: "ancient"},
		piece{trace: 4, id: 1, start: 0, end: 25 * hour, name: "ahead"})})
	for key, want := range map[string]int64{
		"default component{shop,UNKNOWN,across} -10 spans":         0,
		"default component{shop,UNKNOWN,across} -10 span_duration": 1,
		"default component{shop,UNKNOWN,late} -3600 span_duration": 1,
		"default component{shop,UNKNOWN,ancient} 0 span_duration":  1,
		"default component{shop,UNKNOWN,ahead} 0 span_duration":    1,
		"default tenant{} -3600 late_spans":                        1,
		"default tenant{} 0 misdated_spans":                        2,
		"default tenant{} -10 trace_latency":                       1,
		"default service{shop} -10 spans":                          1,
		"default experiment{0} -10 spans":                          1,
		"default kind{shop,UNKNOWN} -10 self_time":                 1,
	} {
		n := int64(0)
		if p := got[key]; p != nil {
			n = p.Count
		}
		if n != want {
			t.Errorf("%s counts %d, want %d", key, n, want)
		}
	}
}

func TestModelCalls(t *testing.T) {
	got := count(t, testConfig, []pipeline.Record{record(t, 0,
		piece{trace: 1, id: 1, start: 0, end: 4000, name: "agent", attrs: map[string]any{"gen_ai.operation.name": "invoke_agent", "gen_ai.usage.input_tokens": 999}},
		piece{trace: 1, id: 2, parent: 1, start: 0, end: 1000, name: "chat", attrs: chat(100, 50, "gen_ai.input.messages", "hi")},
		piece{trace: 1, id: 3, parent: 1, start: 1000, end: 3000, name: "chat", failed: true, attrs: chat(100, 0, "gen_ai.input.messages", "hi", "error.type", "RateLimitError")},
		piece{trace: 1, id: 4, parent: 1, start: 3000, end: 3500, name: "chat", attrs: chat(7, 5, "spanmill.eval", true)},
		piece{trace: 1, id: 5, parent: 1, start: 3500, end: 3600, name: "find", failed: true, attrs: map[string]any{"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search"}})})
	for key, want := range map[string][2]int64{
		"default model{openai,gpt-4o} 0 input_tokens":                 {2, 200},
		"default model{openai,gpt-4o,eval} 0 input_tokens":            {1, 7},
		"default tenant{} 0 input_tokens":                             {2, 200},
		"default tenant{eval} 0 input_tokens":                         {1, 7},
		"default tenant{} 0 total_tokens":                             {2, 250},
		"default model{openai,gpt-4o} 0 span_duration":                {2, 3e9},
		"default model{openai,gpt-4o} 0 output_tokens_per_second":     {2, 50e6},
		"default model{openai,gpt-4o} 0 retries":                      {1, 1},
		"default model{openai,gpt-4o} 0 unpriced_calls":               {2, 2},
		"default model_error{openai,gpt-4o,rate_limit} 0 span_errors": {1, 1},
		"default error{shop,LLM,rate_limit} 0 span_errors":            {1, 1},
		"default error{shop,TOOL,tool} 0 span_errors":                 {1, 1},
		"default tool{search} 0 span_errors":                          {1, 1},
		"default dependency{search} 0 span_duration":                  {1, 1e8},
		"default tenant{} 0 trace_latency":                            {1, 4e9},
	} {
		if p := got[key]; p == nil || p.Count != want[0] || p.Sum != want[1] {
			t.Errorf("%s is %+v, want %v", key, p, want)
		}
	}
}

// TestSampledSpansStandForMore: raw and estimated side by side.
func TestSampledSpansStandForMore(t *testing.T) {
	got := count(t, testConfig, []pipeline.Record{record(t, 0,
		piece{trace: 1, id: 1, start: 0, end: 100, name: "a", state: "x=y,ot=p:8;th:c"}, // 1/4 is kept
		piece{trace: 2, id: 1, start: 0, end: 100, name: "a"})})
	p := got["default tenant{} 0 trace_latency"]
	if p == nil || p.Count != 2 || p.Sum != 200e6 || p.Weight != 5*int64(rollup.Once) || p.Estimated != 500e6 {
		t.Errorf("%+v", p)
	}
}

func TestSeriesBeyondTheCapAreOther(t *testing.T) {
	cfg := testConfig
	cfg.MaxSeries = 20
	var log []pipeline.Record
	for i := range 400 {
		log = append(log, record(t, int64(i), piece{trace: byte(1 + i%200), id: byte(1 + i/200), start: 0, end: 10, name: fmt.Sprintf("%c%c", 'a'+i%26, 'a'+i/26)}))
	}
	c := newCore(cfg, pipeline.Log{}, ReportedCost{})
	for i := range log {
		c.take(&log[i])
	}
	if n := len(c.catalogue.known); n > cfg.MaxSeries+len(views)+1 {
		t.Errorf("%d series are known", n)
	}
	got := table{}
	k := newPacker(1)
	got.merge(t, k.pack(c.catalogue))
	named, other := int64(0), got["default component{__other__,__other__,__other__} 0 span_duration"]
	for key, p := range got {
		if strings.Contains(key, " component{shop,") && strings.HasSuffix(key, " span_duration") {
			named += p.Count
		}
	}
	if other == nil || named+other.Count != 400 || uint64(other.Count) != c.catalogue.overflown[viewComponent] {
		t.Errorf("%d spans under their names, %+v under others, %d counted as such", named, other, c.catalogue.overflown[viewComponent])
	}
	if p := got["default tenant{} 0 spans"]; p == nil || p.Count != 400 {
		t.Errorf("the tenant has %+v", p)
	}
}

func TestNames(t *testing.T) {
	long := strings.Repeat("ä", 60)
	for name, want := range map[string]string{
		"": "", "chat gpt-4o-mini": "chat gpt-4o-mini", "gpt-3.5-turbo-0613": "gpt-3.5-turbo-*", "claude-3-5-sonnet-20241022": "claude-3-5-sonnet-*",
		"GET /users/12345/orders/67": "GET /users/*/orders/67", "job 3f2504e0-4f89-11d3-9a0c-0305e82c3301 done": "job * done",
		"run deadbeef12": "run *", "embedded": "embedded", "cafebabe": "cafebabe", "user12345": "user*", "a 100 200": "a * *",
		long: long[:96],
	} {
		got, _, changed := normalName(name, nil)
		if got != want || changed != (name != want) {
			t.Errorf("%q becomes %q (%v), want %q", name, got, changed, want)
		}
	}
}

func TestErrorClasses(t *testing.T) {
	for _, c := range []struct {
		errorType, message string
		code               int64
		kind, want         string
	}{
		{"openai.RateLimitError", "", 0, "LLM", classRateLimit},
		{"429", "", 0, "LLM", classRateLimit},
		{"", "", 503, "LLM", classServer},
		{"504", "", 0, "LLM", classTimeout},
		{"asyncio.TimeoutError", "", 500, "TOOL", classTimeout},
		{"AuthenticationError", "", 0, "LLM", classAuth},
		{"", "Incorrect API key provided", 0, "LLM", classAuth},
		{"BadRequestError", "This model's maximum context length is 8192 tokens", 400, "LLM", classContextLength},
		{"400", "the response was filtered by the content filter", 0, "LLM", classOther},
		{"", "content_filter", 400, "LLM", classContentFilter},
		{"ValueError", "", 0, "TOOL", classTool},
		{"", "", 0, "RETRIEVER", classRetrieval},
		{"ValueError", "no idea", 0, "CHAIN", classOther},
		{"", "", 0, "", classOther},
	} {
		if got := classOf(c.errorType, c.message, c.code, c.kind); got != c.want {
			t.Errorf("%+v is %s", c, got)
		}
	}
}

// TestCountAllocs: a steady stream costs no memory beyond decoding.
func TestCountAllocs(t *testing.T) {
	c := newCore(testConfig, pipeline.Log{}, ReportedCost{})
	var log []pipeline.Record
	for i := range 400 {
		log = append(log, record(t, int64(i), piece{trace: byte(1 + i%200), id: byte(1 + i/200), start: 0, end: 10, name: "a", attrs: chat(1, 2)}))
	}
	offset := int64(0)
	step := func() {
		for i := range log {
			log[i].Offset = offset
			offset++
			c.take(&log[i])
		}
		c.catalogue.clear()
	}
	for range 4 {
		step()
	}
	if n := testing.AllocsPerRun(5, step) / float64(len(log)); n > 3 {
		t.Errorf("%.1f allocations a span", n)
	}
}

const ownMetrics = `
metrics:
  - {name: long_answers, kind: counter, of: model_calls, where: output_tokens > 100, by: {model: model, plan: 'attrs.text("app.plan")'}}
  - {name: answer_seconds, kind: histogram, of: model_calls, value: duration}
  - {name: risky, kind: gauge, value: double(output_tokens) / attrs.number("app.divisor")}
  - {name: askers, kind: distinct, of: model_calls, value: user}
views:
  - {name: by_plan, of: spans, where: 'attrs.has("app.plan")', by: {plan: 'attrs.text("app.plan")'}, metrics: [spans, output_tokens, span_duration]}
`

func withOwn(t testing.TB, cfg Config) Config {
	t.Helper()
	var err error
	if cfg.Own, err = custom.Parse("metrics.yaml", []byte(ownMetrics), Shipped()); err != nil {
		t.Fatal(err)
	}
	return cfg
}

// TestOwnMetrics: what metrics.yaml defines is counted beside the shipped views.
func TestOwnMetrics(t *testing.T) {
	log := []pipeline.Record{record(t, 0,
		piece{trace: 1, id: 1, start: 0, end: 2000, name: "chat", attrs: chat(10, 500, "app.plan", "pro", "app.divisor", 4, "user.id", "a")},
		piece{trace: 1, id: 2, parent: 1, start: 0, end: 1500, name: "chat", state: "ot=th:8", attrs: chat(10, 200, "app.plan", "pro", "app.divisor", 2, "user.id", "b")},
		piece{trace: 2, id: 1, start: 0, end: 1000, name: "chat", attrs: chat(10, 50, "user.id", "a")},
		piece{trace: 3, id: 1, start: 0, end: 1000, name: "work", attrs: map[string]any{"app.plan": strings.Repeat("p", 200)}})}
	got := count(t, withOwn(t, testConfig), log)
	for key, want := range map[string]rollup.Partial{
		"default long_answers{gpt-4o,pro} 0 long_answers": {Count: 2, Sum: 2e6, Weight: 3e6, Estimated: 3e6},
		"default answer_seconds{} 0 answer_seconds": {
			Count: 3, Sum: 4_500_000, Weight: 4e6, Estimated: 6_000_000, Min: 1e6, Max: 2e6, Bounded: true,
			Hist: rollup.Histogram{{Index: rollup.BucketOf(1e6), Count: 1}, {Index: rollup.BucketOf(1_500_000), Count: 1}, {Index: rollup.BucketOf(2e6), Count: 1}},
		},
		"default risky{} 0 risky":                                  {Count: 2, Sum: 225e6, Weight: 3e6, Estimated: 325e6, Min: 100e6, Max: 125e6, Bounded: true},
		"default by_plan{pro} 0 output_tokens":                     {Count: 2, Sum: 700, Weight: 3e6, Estimated: 900, Min: 200, Max: 500, Bounded: true},
		"default by_plan{" + strings.Repeat("p", 96) + "} 0 spans": {Count: 1, Sum: 1, Weight: 1e6, Estimated: 1},
	} {
		p := got[key]
		if p == nil {
			t.Errorf("there is no %s", key)
			continue
		}
		p.Hist = append(rollup.Histogram(nil), p.Hist...)
		if diff := cmp.Diff(want, *p, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", key, diff)
		}
	}
	if p := got["default askers{} 0 askers"]; p == nil || len(p.Distinct) != 2 {
		t.Errorf("askers are %+v", p)
	}
	c := newCore(withOwn(t, testConfig), pipeline.Log{}, ReportedCost{})
	c.take(&log[0])
	if c.counts.failed != 2 { // 50/0 and 0/0
		t.Errorf("%d failures", c.counts.failed)
	}
}

// TestOwnMetricsOutliveTheirOwners: whoever dies, they come to what one owner
// counts.
func TestOwnMetricsOutliveTheirOwners(t *testing.T) {
	for seed := range uint64(8) {
		rng := rand.New(rand.NewPCG(seed, 9))
		cfg := withOwn(t, testConfig)
		cfg.Window, cfg.MaxOpen, cfg.MaxSeries = 30, 10+rng.IntN(50), 20+rng.IntN(40)
		w := &fakeLog{log: randomLog(t, rng, 150), committed: pipeline.Committed{Offset: -1}, rng: rng, hits: map[string]int{}}
		want := count(t, cfg, w.log)
		w.live(t, cfg)
		got := table{}
		got.merge(t, w.rollups)
		dropSelfTime(want)
		dropSelfTime(got)
		expectSame(t, fmt.Sprintf("seed %d", seed), want, got)
	}
}
