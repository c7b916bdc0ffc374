package aggregator

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// Memory of one thing that is remembered, as docs/limits.md says: the most that
// it may be, whatever senders make up, and what an event and an assessment of a
// few scorers are.
const (
	mostHeldBytes   = 750
	eventHeldBytes  = 150
	judgedHeldBytes = 600
)

// TestBytesOfWhatIsRemembered measures what a full window holds, in the steady
// state: after three windows' worth of things, two of which left.
func TestBytesOfWhatIsRemembered(t *testing.T) {
	const held = 4000
	long := strings.Repeat("long ", 20_000) // ends at 96 bytes as a label, and may not be kept for that
	for _, c := range []struct {
		what string
		most int64
		make func(i int) schema.Event
	}{
		{"events", eventHeldBytes, func(i int) schema.Event { return toldGoal(fmt.Sprint("event ", i)) }},
		{"assessments", judgedHeldBytes, func(i int) schema.Event {
			return toldJudgement(i/3, "scorer-"+string(rune('a'+i%3)), []string{sourceHuman, sourceJudge}[i%2], "0.75")
		}},
		{"assessments, each of a trace and name of its own", mostHeldBytes, func(i int) schema.Event {
			return toldJudgement(i, madeUp(i)+long[:rollup.MaxLabelBytes], sourceHuman, jsonText(strings.Repeat("w", maxWord-8)+fmt.Sprintf("%08d", i)))
		}},
		{"assessments with names that go on", mostHeldBytes, func(i int) schema.Event {
			return toldJudgement(i, madeUp(i)+long[:20_000+i%50_000], sourceHuman, "true")
		}},
		{"one assessment, changed again and again", judgedHeldBytes, func(int) schema.Event { return toldJudgement(1, "helpful", sourceHuman, "true") }},
	} {
		cfg := testConfig
		cfg.EventWindow, cfg.EventsHeld, cfg.MaxSeries = 1<<40, held, 50
		before := heapNow()
		core := newToldCore(cfg, pipeline.Log{Topic: schema.TopicEvents})
		for i := range 3 * held {
			r := toldRecord(t, int64(i), c.make(i))
			core.take(&r)
			core.catalogue.clear()
		}
		each := (heapNow() - before) / held
		if n := core.memory.size(); n < held || n > held+1 || each > c.most || core.memory.early < 2*held-1 {
			t.Errorf("%s: %d held, %d bytes each, at most %d; %d left early", c.what, n, each, c.most, core.memory.early)
		}
		t.Logf("%s: %d bytes each", c.what, each)
		runtime.KeepAlive(core)
	}
}

func toldGoal(id string) schema.Event {
	return schema.Event{Kind: schema.EventBusiness, Business: &schema.Business{
		ID: id, Name: schema.NameGoal, TimeNano: uint64(received.UnixNano()), UserID: "ann", SessionID: "chat-1041", Attrs: map[string]string{schema.AttrGoal: "purchase"},
	}}
}

func toldJudgement(trace int, name, source, value string) schema.Event {
	return schema.Event{Kind: schema.EventAssessment, TraceID: fmt.Sprintf("%032x", trace), Assessment: &schema.Assessment{
		ID: name, Mask: schema.AssessmentAll, Name: name, SourceType: source, Type: "feedback", Value: value, Valid: true, CreateMilli: received.UnixMilli(),
	}}
}

// TestAllocationsOfWhatIsTold: beside what decoding makes, an event costs the
// place in which it is remembered.
func TestAllocationsOfWhatIsTold(t *testing.T) {
	for what, c := range map[string]struct {
		most float64
		make func(i int) schema.Event
	}{
		"events": {1, func(i int) schema.Event { return toldGoal(fmt.Sprint("event ", i)) }},
		"assessments": {6, func(i int) schema.Event {
			return toldJudgement(i/3, "scorer-"+string(rune('a'+i%3)), sourceJudge, "0.75")
		}},
	} {
		const runs = 5000
		var list []schema.Event
		for i := range 2*runs + 2 {
			list = append(list, c.make(i))
		}
		cfg := testConfig
		cfg.EventWindow, cfg.EventsHeld = 1<<40, 1000
		core, i := newToldCore(cfg, pipeline.Log{Topic: schema.TopicEvents}), 0
		next := func() {
			core.memory.leave(int64(i))
			core.tell(&list[i], telling{tenant: "default", received: received.UnixMilli(), offset: int64(i)})
			i++
		}
		for range runs { // until what is remembered leaves
			next()
		}
		if each := testing.AllocsPerRun(runs, next); each > c.most {
			t.Errorf("%s: %g allocations each, at most %g", what, each, c.most)
		} else {
			t.Logf("%s: %g allocations each", what, each)
		}
	}
}

// BenchmarkTold is what an event costs from its record to the records of rollups,
// a hundred in a record, with a flush for every ten thousand.
func BenchmarkTold(b *testing.B) {
	for _, c := range []struct {
		what string
		make func(i int) schema.Event
	}{
		{"events", func(i int) schema.Event { return toldGoal(fmt.Sprint("event ", i)) }},
		{"assessments", func(i int) schema.Event {
			return toldJudgement(i/3, "scorer-"+string(rune('a'+i%3)), []string{sourceHuman, sourceJudge}[i%2], "0.75")
		}},
	} {
		b.Run(c.what, func(b *testing.B) {
			var log []pipeline.Record
			for i := range 1000 {
				var list []schema.Event
				for j := range 100 {
					list = append(list, c.make(100*i+j))
				}
				log = append(log, toldRecord(b, int64(i), list...))
			}
			core, k, offset := newToldCore(DefaultConfig(), pipeline.Log{Topic: schema.TopicEvents}), newPacker(1), int64(0)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			began, n := processCPU(b), 0
			for b.Loop() {
				if offset%int64(len(log)) == 0 { // the same again are others
					core.forget()
				}
				r := &log[offset%int64(len(log))]
				r.Offset = offset
				offset++
				core.take(r)
				if n += 100; n%10_000 == 0 {
					k.pack(core.catalogue)
					core.catalogue.clear()
				}
			}
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64((processCPU(b)-began).Nanoseconds())/float64(n), "cpu-ns/event")
			b.ReportMetric(float64(after.Mallocs-before.Mallocs)/float64(n), "allocs/event")
			b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/float64(n), "B/event")
		})
	}
}
