package aggregator

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spanmill/spanmill/internal/aggregator/custom"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

// gradedScorer has a threshold; the shipped scorers stay.
var gradedScorer = &custom.Set{Scorers: []custom.Scorer{{Name: "graded", PassAt: 500_000, Decides: true}}}

// teller makes random events about a few traces.
type teller struct {
	rng  *rand.Rand
	sent []schema.Event // to be sent again
	made int
}

func (w *teller) pick(list ...string) string { return list[w.rng.IntN(len(list))] }

func (w *teller) value(name string) string {
	if name == "graded" {
		return fmt.Sprintf("%.2f", w.rng.Float64())
	}
	return w.pick("true", "false", `"yes"`, `"no"`, `"blue"`, `"light green"`)
}

// whole is an assessment told in full. Each is made at an instant of its own.
func (w *teller) whole(trace string, id int) schema.Event {
	w.made++
	name := w.pick("graded", "helpful", "safety", "pii")
	a := &schema.Assessment{
		ID: fmt.Sprint(id), Mask: schema.AssessmentAll, Name: name, SourceType: w.pick(sourceHuman, sourceJudge, sourceCode), Valid: w.rng.IntN(9) > 0,
		Type: w.pick("feedback", "feedback", "feedback", "expectation"), Value: w.value(name), CreateMilli: received.UnixMilli() + int64(w.made)*37,
	}
	if w.rng.IntN(12) == 0 {
		a.Error, a.Value = &schema.AssessmentError{Code: "X"}, ""
	}
	if w.rng.IntN(6) == 0 {
		a.Metadata = map[string]string{sourceRun: "r"}
	}
	return schema.Event{Kind: schema.EventAssessment, TraceID: trace, Assessment: a}
}

// partly changes some fields of an assessment, or deletes it.
func (w *teller) partly(trace string, id int) schema.Event {
	a := &schema.Assessment{ID: fmt.Sprint(id), UpdateMilli: 1}
	switch w.rng.IntN(6) {
	case 0:
		a.Deleted = true
	case 1:
		a.Mask, a.Valid = schema.AssessmentValid, w.rng.IntN(2) == 0
	case 2:
		a.Mask, a.Rationale = schema.AssessmentRationale, "because"
	default:
		a.Mask, a.Type, a.Value = schema.AssessmentValue, "feedback", w.pick("true", "false", `"blue"`, "0.25", "0.75")
	}
	return schema.Event{Kind: schema.EventAssessment, TraceID: trace, Assessment: a}
}

func (w *teller) business() schema.Event {
	w.made++
	b := &schema.Business{
		ID: fmt.Sprint("b", w.made), TimeNano: uint64(received.UnixNano()) + uint64(w.rng.IntN(60_000))*1e6,
		SessionID: w.pick("", "s1", "s2", "s3"), UserID: w.pick("", "u1", "u2"), Attrs: map[string]string{},
	}
	set := func(name string, pairs ...string) {
		b.Name = name
		for i := 0; i < len(pairs); i += 2 {
			b.Attrs[pairs[i]] = pairs[i+1]
		}
	}
	switch w.rng.IntN(8) {
	case 0, 1:
		kind := w.pick("thumbs", "csat", "nps", "rating")
		set("feedback", "kind", kind)
		n := map[string]int64{"thumbs": int64(w.rng.IntN(2)), "csat": 1 + int64(w.rng.IntN(5)), "nps": int64(w.rng.IntN(11)), "rating": -3}[kind]
		b.Value = schema.Amount{N: n * 1e6, Set: true}
	case 2:
		set("session.outcome", "outcome", w.pick("resolved", "abandoned"))
	case 3:
		set("handoff", "to", w.pick("billing", "human"), "reason", w.pick("refund", ""))
	case 4:
		set("goal", "goal", w.pick("buy", "book"))
		b.Value = schema.Amount{N: int64(w.rng.IntN(1e9)) - 5e8, Set: w.rng.IntN(3) > 0}
	case 5:
		set("ticket", "state", w.pick("opened", "closed"))
	case 6:
		set("task", "task", w.pick("invoice", "letter"), "state", w.pick("started", "completed", "failed", "abandoned"))
	case 7:
		set(w.pick("feature.use", "custom.thing"), "feature", w.pick("voice", "search"))
	}
	return schema.Event{Kind: schema.EventBusiness, Business: b}
}

// next is an event: a new one, a change, a deletion, or one that came before.
func (w *teller) next(traces int) (e schema.Event) {
	trace, id := fmt.Sprintf("%032x", 1+w.rng.IntN(traces)), w.rng.IntN(4)
	switch n := w.rng.IntN(20); {
	case n < 6:
		e = w.whole(trace, id)
	case n < 11:
		return w.partly(trace, id)
	case n < 12:
		return schema.Event{Kind: schema.EventTraceDeleted, TraceID: trace}
	case n < 17:
		e = w.business()
	case len(w.sent) > 0:
		return w.sent[w.rng.IntN(len(w.sent))]
	default:
		return schema.Event{Kind: schema.EventTag, TraceID: trace} // has no content: invalid
	}
	w.sent = append(w.sent, e)
	return e
}

func toldRecord(t testing.TB, offset int64, list ...schema.Event) pipeline.Record {
	t.Helper()
	value, err := schema.EncodeEvents(list)
	if err != nil {
		t.Fatal(err)
	}
	return pipeline.Record{Topic: schema.TopicEvents, Offset: offset, Time: received, Value: value}
}

// toldLog is a log of random events, some of them unreadable.
func toldLog(t testing.TB, rng *rand.Rand, records int) (log []pipeline.Record) {
	t.Helper()
	w, offset := &teller{rng: rng}, int64(0)
	for range records {
		offset += 1 + int64(rng.IntN(3))
		var list []schema.Event
		for range 1 + rng.IntN(3) {
			list = append(list, w.next(1+records/8))
		}
		r := toldRecord(t, offset, list...)
		if rng.IntN(40) == 0 {
			r.Value = []byte("?")
		}
		log = append(log, r)
	}
	return log
}

// tell is the table of a log, counted by one core without a break.
func tell(t testing.TB, cfg Config, log []pipeline.Record) table {
	t.Helper()
	c := newToldCore(cfg, pipeline.Log{Topic: schema.TopicEvents})
	for i := range log {
		c.take(&log[i])
	}
	out := table{}
	k := newPacker(3)
	out.merge(t, k.pack(c.catalogue))
	return out
}

// TestWhatIsToldIsItsRecount: after changes, deletions, resends and what is out
// of order, quality and business metrics are what the last word on everything
// comes to.
func TestWhatIsToldIsItsRecount(t *testing.T) {
	cfg := testConfig
	cfg.EventWindow, cfg.EventsHeld, cfg.MaxSeries, cfg.Own = 10_000, 10_000, 1000, gradedScorer
	grades, metrics := 0, map[string]bool{}
	for seed := range uint64(40) {
		log := toldLog(t, rand.New(rand.NewPCG(seed, 5)), 150)
		got := tell(t, cfg, log)
		want := oracle(t, log)
		if diff := cmp.Diff(want, got.sums()); diff != "" {
			t.Fatalf("seed %d (-oracle +stream):\n%s", seed, diff)
		}
		grades += got.grades(t)
		for key := range want {
			metrics[key[strings.LastIndexByte(key, ' ')+1:]] = true
		}
		for key, d := range different(t, log) {
			if p := got[key]; p == nil || !slices.Equal(p.Distinct, d) {
				t.Fatalf("seed %d: %s: %v, want %v", seed, key, p, d)
			}
		}
	}
	if grades < 100 || len(metrics) != int(toldUsers) {
		t.Errorf("%d distributions, metrics %v", grades, metrics)
	}
}

// TestTellersComeAndDie: wherever owners end, and whatever became of their last
// transaction, topic rollups comes to what one owner counts, in windows that are
// shorter than the log and with more series than there may be.
func TestTellersComeAndDie(t *testing.T) {
	hits := map[string]int{}
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 6))
		cfg := testConfig
		cfg.EventWindow, cfg.EventsHeld = int64(10+rng.IntN(200)), 5+rng.IntN(100)
		cfg.MaxOpen, cfg.MaxSeries, cfg.Own = 10+rng.IntN(60), 5+rng.IntN(40), gradedScorer
		w := &fakeLog{topic: schema.TopicEvents, log: toldLog(t, rng, 200), committed: pipeline.Committed{Offset: -1}, rng: rng, hits: hits}
		want := tell(t, cfg, w.log)
		w.live(t, cfg)
		got := table{}
		got.merge(t, w.rollups)
		expectSame(t, fmt.Sprintf("seed %d", seed), want, got)
	}
	for _, kind := range []string{"transaction applied", "transaction not applied"} {
		if hits[kind] < 40 {
			t.Errorf("%q came %d times only: %v", kind, hits[kind], hits)
		}
	}
}

// TestRetractionWithinTheWindow: a change is taken back as long as the assessment
// is known, and said to be unresolved from then on; nothing is counted twice.
func TestRetractionWithinTheWindow(t *testing.T) {
	cfg := testConfig
	cfg.EventWindow = 10
	const trace = "0af7651916cd43dd8448eb211c80319c"
	made := schema.Event{Kind: schema.EventAssessment, TraceID: trace, Assessment: &schema.Assessment{
		ID: "a", Mask: schema.AssessmentAll, Name: "helpful", SourceType: sourceHuman, Type: "feedback", Value: "true", Valid: true, CreateMilli: received.UnixMilli(),
	}}
	change := schema.Event{Kind: schema.EventAssessment, TraceID: trace, Assessment: &schema.Assessment{ID: "a", Mask: schema.AssessmentValue, Type: "feedback", Value: "false"}}
	gone := schema.Event{Kind: schema.EventAssessment, TraceID: trace, Assessment: &schema.Assessment{ID: "a", Deleted: true}}
	key := "default assessment{helpful,HUMAN} 0 passed"
	for _, c := range []struct {
		what       string
		log        []pipeline.Record
		want       [2]int64 // rated, passed
		unresolved uint64
	}{
		{"made", []pipeline.Record{toldRecord(t, 1, made)}, [2]int64{1, 1}, 0},
		{"made twice", []pipeline.Record{toldRecord(t, 1, made, made)}, [2]int64{1, 1}, 0},
		{"changed", []pipeline.Record{toldRecord(t, 1, made), toldRecord(t, 10, change)}, [2]int64{1, 0}, 0},
		{"changed too late", []pipeline.Record{toldRecord(t, 1, made), toldRecord(t, 11, change)}, [2]int64{1, 1}, 1},
		{"deleted", []pipeline.Record{toldRecord(t, 1, made), toldRecord(t, 10, gone)}, [2]int64{}, 0},
		{"deleted too late", []pipeline.Record{toldRecord(t, 1, made), toldRecord(t, 11, gone)}, [2]int64{1, 1}, 1},
		{"deleted before", []pipeline.Record{toldRecord(t, 1, gone), toldRecord(t, 2, made)}, [2]int64{}, 1},
		{"changed, then its trace deleted", []pipeline.Record{
			toldRecord(t, 1, made, change, schema.Event{Kind: schema.EventTraceDeleted, TraceID: trace}),
		}, [2]int64{}, 0},
	} {
		core := newToldCore(cfg, pipeline.Log{Topic: schema.TopicEvents})
		for i := range c.log {
			core.take(&c.log[i])
		}
		if got := tell(t, cfg, c.log).sums()[key]; got != c.want || core.counts.unresolved != c.unresolved {
			t.Errorf("%s: %v rated and passed, %d unresolved", c.what, got, core.counts.unresolved)
		}
	}
}

// TestEventsAreCountedOnce within the window, whatever lies between.
func TestEventsAreCountedOnce(t *testing.T) {
	cfg := testConfig
	cfg.EventWindow = 10
	event := func(id string) schema.Event {
		return schema.Event{Kind: schema.EventBusiness, Business: &schema.Business{ID: id, Name: "goal", TimeNano: uint64(received.UnixNano())}}
	}
	for _, c := range []struct {
		what string
		at   []int64
		want int64
	}{
		{"twice", []int64{1, 2}, 1},
		{"at the edge", []int64{1, 10}, 1},
		{"beyond it", []int64{1, 11}, 2},
		{"each sight counts", []int64{1, 9, 17, 25}, 1},
	} {
		var log []pipeline.Record
		for _, offset := range c.at {
			log = append(log, toldRecord(t, offset, event("x")))
		}
		if got := tell(t, cfg, log).sums()["default event{goal} 0 events"][0]; got != c.want {
			t.Errorf("%s: %d events, want %d", c.what, got, c.want)
		}
	}
}

// TestRedrivenEvents: those that were counted before the store rejected them are
// not counted again; those that could not be read are.
func TestRedrivenEvents(t *testing.T) {
	event := schema.Event{Kind: schema.EventBusiness, Business: &schema.Business{ID: "x", Name: "goal", TimeNano: uint64(received.UnixNano())}}
	for reason, want := range map[string]int64{schema.ReasonRejected: 0, "undecodable": 1} {
		r := toldRecord(t, 7, event)
		r.Headers = append(r.Headers, pipeline.Header{Key: schema.HeaderOrigin, Value: []byte("events/0/3/0")}, pipeline.Header{Key: schema.HeaderReason, Value: []byte(reason)})
		if got := tell(t, testConfig, []pipeline.Record{r}).sums()["default event{goal} 0 events"][0]; got != want {
			t.Errorf("%s: counted %d times", reason, got)
		}
	}
}

// TestTimesThatAreNotBelieved count when they came.
func TestTimesThatAreNotBelieved(t *testing.T) {
	now := received.UnixNano()
	for nano, want := range map[int64]int64{
		now - int64(time.Hour): -3600, now - int64(31*24*time.Hour): 0, now + int64(25*time.Hour): 0, now + int64(time.Hour): 3600,
	} {
		event := schema.Event{Kind: schema.EventBusiness, Business: &schema.Business{ID: "x", Name: "goal", TimeNano: uint64(nano)}}
		key := fmt.Sprintf("default event{goal} %d events", want)
		if got := tell(t, testConfig, []pipeline.Record{toldRecord(t, 1, event)}).sums()[key][0]; got != 1 {
			t.Errorf("%d: not in pane %d", nano, want)
		}
	}
}

func TestReadings(t *testing.T) {
	long := jsonText(strings.Repeat("x", maxWord+1))
	for value, want := range map[string]reading{
		"true": {score: 1_000_000, scored: true, verdict: pass, word: "true"}, `"no"`: {scored: true, verdict: fail, word: "no"},
		"0.25": {score: 250_000, scored: true}, "-3": {score: -3_000_000, scored: true}, `"blue"`: {word: "blue"}, `""`: {}, "": {}, "null": {},
		`{"a":1}`: {}, "[1]": {}, long: {}, `"two\nlines"`: {}, `"Yes"`: {word: "Yes"},
	} {
		if got, refused := readingOf(value); got != want || refused {
			t.Errorf("%s: %+v, refused %v", value, got, refused)
		}
	}
	if got, refused := readingOf("1e10"); !refused || got.scored {
		t.Errorf("a score beyond sums: %+v", got)
	}
}

// TestManyEventsStayBounded: ids and names that clients make up take the memory
// that they may and no more.
func TestManyEventsStayBounded(t *testing.T) {
	cfg := testConfig
	cfg.EventWindow, cfg.EventsHeld, cfg.MaxSeries = 1<<40, 500, 200
	c := newToldCore(cfg, pipeline.Log{Topic: schema.TopicEvents})
	for i := range 5000 {
		r := toldRecord(t, int64(i),
			schema.Event{Kind: schema.EventBusiness, Business: &schema.Business{ID: fmt.Sprint(i), Name: madeUp(i), TimeNano: 1}},
			schema.Event{Kind: schema.EventAssessment, TraceID: fmt.Sprintf("%032x", i), Assessment: &schema.Assessment{
				ID: "a", Mask: schema.AssessmentAll, Name: madeUp(i), SourceType: sourceHuman, Type: "feedback", Value: "1", Valid: true,
			}})
		c.take(&r)
		c.catalogue.clear()
		m := c.memory
		if n := len(m.judged) + len(m.events); n > cfg.EventsHeld+2 || len(m.groups) > len(m.judged) || len(m.traces) > len(m.judged) {
			t.Fatalf("after %d: %d things held, %d groups, %d traces", i, n, len(m.groups), len(m.traces))
		}
	}
	if n := len(c.catalogue.known); n > cfg.MaxSeries+2*len(toldViews) || c.memory.early < 9000 {
		t.Errorf("%d series, %d left early", n, c.memory.early)
	}
}
