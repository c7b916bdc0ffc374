package recount

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/bus"
	"github.com/spanmill/spanmill/internal/demo"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// TestRecount is the short form; `make soak` plays a million spans.
func TestRecount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { recount(t, 1, 6_000, 8) })
}

// recount plays one history and compares.
func recount(t *testing.T, seed uint64, spans, kills int) {
	w, err := newWorld(seed)
	if err != nil {
		t.Fatal(err)
	}
	options := demo.DefaultOptions(seed, time.Now())
	options.SpacingNano = uint64(20 * time.Millisecond)
	g, err := demo.NewGenerator(options)
	if err != nil {
		t.Fatal(err)
	}
	producer, err := bus.NewProducer(w.busConfig(w.net.DialContext), w.log, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	log, m := shuffle(w.rng, g, spans, 0.98), g.NewMaker()
	end := time.Duration(spans/8) * time.Duration(options.SpacingNano)
	<-time.After(end + 2*time.Minute) // all have ended by now

	w.play(t, producer, g, m, log, kills)
	w.rest(t)
	got := w.read(t)
	w.inMemory(t, got)
	for _, p := range w.all {
		p.kill()
		<-p.done
	}
	producer.Close()
	w.cluster.Close()
	for _, where := range []string{beforeOffset, beforeEnd, afterEnd} {
		if w.hits[where] == 0 {
			t.Errorf("nobody died %s: %v", where, w.hits)
		}
	}
	expected := NewWant()
	for _, o := range log {
		if !o.resent {
			s := m.Span(o.trace, o.span)
			expected.Count(s, s.End+uint64(lateAfter) < uint64(o.received.UnixNano()))
		}
	}
	expected.SelfTimes()
	t.Logf("%d records' worth of spans, kills: %v", len(log), w.hits)
	Compare(t, expected, got, nil)
}

// lateAfter is the age at which a span is late.
const lateAfter = 10 * time.Minute

// play produces the log while two aggregators work and die.
func (w *world) play(t *testing.T, to *bus.Producer, g *demo.Generator, m *demo.Maker, log []order, kills int) {
	t.Helper()
	running := make([]*process, 2)
	up := func() {
		for i, p := range running {
			if p != nil && !p.isDead() {
				continue
			}
			var err error
			if running[i], err = w.start(); err != nil {
				t.Fatal(err)
			}
		}
	}
	up()
	late := false
	step := max(1, len(log)/(3*kills))
	for n := 0; n < len(log); n += step {
		part := log[n:min(n+step, len(log))]
		if part[len(part)-1].late && !late {
			late = true
			<-time.After(time.Hour)
		}
		if err := produce(t.Context(), to, g, m, part); err != nil {
			t.Fatal(err)
		}
		p := running[w.rng.IntN(2)]
		switch n / step % 3 {
		case 0:
			p.aimAt(n / step / 3)
		case 1:
			if !p.isDead() {
				w.hit("anywhere")
			}
			p.kill()
		}
		<-time.After(time.Duration(500+w.rng.IntN(12_000)) * time.Millisecond)
		up()
	}
	for _, p := range running {
		p.mu.Lock()
		p.aim = 0
		p.mu.Unlock()
	}
	up()
}

// rest waits until everything is committed.
func (w *world) rest(t *testing.T) {
	t.Helper()
	for range 600 {
		<-time.After(time.Second)
		left := int64(0)
		commits := map[int32]int64{}
		if g := w.cluster.GroupInfo(group); g != nil {
			for p, c := range g.Commits[schema.TopicSpans] {
				commits[p] = c.Offset
			}
		}
		for p := range int32(partitions) {
			left += w.cluster.PartitionInfo(schema.TopicSpans, p).HighWatermark - commits[p]
		}
		if left == 0 {
			return
		}
	}
	t.Fatal("ten minutes later not everything is counted")
}

// read merges what a read_committed reader sees of topic rollups.
func (w *world) read(t *testing.T) Stream {
	t.Helper()
	got, _ := readTopic(t, w.busConfig(w.net.DialContext))
	return got
}

// readTopic merges topic rollups, and counts the rows that it makes in the table.
func readTopic(t *testing.T, cfg bus.Config) (got Stream, rows int) {
	t.Helper()
	got = make(Stream)
	err := bus.Scan(context.WithoutCancel(t.Context()), cfg, schema.TopicRollups, slog.New(slog.DiscardHandler), func(r *pipeline.Record) error {
		return rollup.Decode(r.Value, func(r *rollup.Rollup) error {
			var labels []string
			for _, l := range r.Labels {
				labels = append(labels, l.Value)
			}
			for _, p := range r.Panes {
				for i := range p.Metrics {
					rows++
					got.Add(keyOf(r.View, labels, p.Start, p.Metrics[i].Name), &p.Metrics[i].Partial)
				}
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return got, rows
}
