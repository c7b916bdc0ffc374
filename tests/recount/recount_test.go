package recount

import (
	"context"
	"math"
	"slices"
	"strings"
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
	log, m := w.shuffle(g, spans), g.NewMaker()
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
	expected := newWant()
	for _, o := range log {
		if !o.resent {
			expected.count(m.Span(o.trace, o.span))
		}
	}
	expected.selfTimes()
	t.Logf("%d spans of %d, kills: %v", len(expected.spans), len(log), w.hits)
	compare(t, expected, got)
}

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
		if err := w.produce(t.Context(), to, g, m, part); err != nil {
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
func (w *world) read(t *testing.T) map[key]*rollup.Partial {
	t.Helper()
	got := make(map[key]*rollup.Partial)
	err := bus.Scan(context.WithoutCancel(t.Context()), w.busConfig(w.net.DialContext), schema.TopicRollups, w.log, func(r *pipeline.Record) error {
		return rollup.Decode(r.Value, func(r *rollup.Rollup) error {
			var labels []string
			for _, l := range r.Labels {
				labels = append(labels, l.Value)
			}
			for _, p := range r.Panes {
				for i := range p.Metrics {
					k := keyOf(r.View, labels, p.Start, p.Metrics[i].Name)
					if got[k] == nil {
						got[k] = new(rollup.Partial)
					}
					got[k].Merge(&p.Metrics[i].Partial)
				}
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// unknown are metrics and views of which the generator does not know what they
// must be; they are tested where they are made.
var unknown = []string{" total_tokens", " unpriced_calls", " late_spans", " time_to_first_token", " output_tokens_per_second", " retries", " cost", " users", " sessions"}

// compare holds the stream against the recount.
func compare(t *testing.T, expected *want, got map[key]*rollup.Partial) {
	t.Helper()
	series, quantiles, wrong := map[string]bool{}, 0, 0
	object := func(format string, args ...any) {
		if wrong++; wrong <= 20 {
			t.Errorf(format, args...)
		}
	}
	for k, c := range expected.cells {
		name, _, _ := strings.Cut(string(k), "} ")
		series[name] = true
		p := got[k]
		if p == nil {
			object("%s is not there, want %d of %d", k, c.count, c.sum)
			continue
		}
		if p.Count != c.count || p.Sum != c.sum || p.Weight != c.count*int64(rollup.Once) || p.Estimated != c.sum {
			object("%s counts %d and sums up to %d, want %d and %d", k, p.Count, p.Sum, c.count, c.sum)
		}
		if p.Bounded && (p.Min != slices.Min(c.values) || p.Max != slices.Max(c.values)) {
			object("%s is from %d to %d, want %d to %d", k, p.Min, p.Max, slices.Min(c.values), slices.Max(c.values))
		}
		if len(p.Hist) > 0 {
			slices.Sort(c.values)
			for _, q := range []float64{0.5, 0.9, 0.95, 0.99} {
				exact := float64(c.values[max(1, int(math.Ceil(q*float64(len(c.values)))))-1])
				if v, _ := p.Hist.Quantile(q); math.Abs(v-exact) > rollup.QuantileError*exact {
					object("%s: quantile %g is %f, exactly %f", k, q, v, exact)
				}
				quantiles++
			}
		}
	}
	for k := range got {
		view, _, _ := strings.Cut(string(k), "{")
		if expected.cells[k] == nil && !slices.ContainsFunc(unknown, func(m string) bool { return strings.HasSuffix(string(k), m) }) &&
			!slices.Contains([]string{"error", "model_error", "finish", "dependency"}, view) {
			object("%s was never to be: %+v", k, got[k])
		}
	}
	for pane, users := range expected.users {
		p := got[keyOf("tenant", nil, pane, "users")]
		if n := float64(len(users)); p == nil || math.Abs(p.Distinct.Estimate()-n) > 4*rollup.DistinctError*n+0.5 {
			object("users of pane %d: %v, want %d", pane, p, len(users))
		}
	}
	t.Logf("compared %d counts and sums of %d series, %d quantiles, users of %d panes; %d are wrong",
		len(expected.cells), len(series), quantiles, len(expected.users), wrong)
	if len(expected.cells) < 1000 || quantiles < 1000 {
		t.Error("there was little to compare")
	}
}
