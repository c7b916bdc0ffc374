package recount

import (
	"context"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/bus"
	"github.com/spanmill/spanmill/internal/live"
	"github.com/spanmill/spanmill/internal/query"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// rollupsLog is topic rollups in the live metrics' words.
type rollupsLog struct{ *bus.Observer }

func logOf(p int32) pipeline.Log { return pipeline.Log{Topic: schema.TopicRollups, Partition: p} }

func (l rollupsLog) Partitions(ctx context.Context) (int, error) {
	return l.Observer.Partitions(ctx, schema.TopicRollups)
}

func (l rollupsLog) Span(ctx context.Context, p int32, since time.Time) (from, end int64, err error) {
	return l.Observer.Span(ctx, logOf(p), since)
}

func (l rollupsLog) Read(ctx context.Context, p int32, from, to int64, visit func(*pipeline.Record) error) error {
	if to < 0 {
		return l.Follow(ctx, logOf(p), from, visit)
	}
	return l.Observer.Read(ctx, logOf(p), from, to, visit)
}

// inMemory reads the topic as live metrics do after a start, and holds what they
// answer, minute by minute, against what the topic's records add up to.
func (w *world) inMemory(t *testing.T, got Stream) {
	t.Helper()
	observer, err := bus.NewObserver(w.busConfig(w.net.DialContext), w.log)
	if err != nil {
		t.Fatal(err)
	}
	defer observer.Close()
	store := live.New(live.Default())
	follower := live.NewFollower(store, rollupsLog{observer}, time.Hour, w.log, prometheus.NewRegistry())
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- follower.Run(ctx) }() // ends with ctx
	<-follower.Ready()
	points := 0
	for _, v := range rollup.Views {
		for _, metric := range v.Metrics {
			points += w.answers(t, store, v, metric, got)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if t.Logf("%d points of live metrics compared, %+v", points, store.Counts()); points < 1000 {
		t.Error("there was little to compare")
	}
}

// answers compares one metric's, in windows of a minute.
func (w *world) answers(t *testing.T, store *live.Store, v rollup.ViewDefinition, metric string, got Stream) (points int) {
	t.Helper()
	type window struct {
		labels string
		from   int64
	}
	want := make(map[window]*rollup.Partial)
	for k, p := range got {
		name, rest, _ := strings.Cut(string(k), "} ")
		at, of, _ := strings.Cut(rest, " ")
		view, labels, _ := strings.Cut(name, "{")
		start, _ := strconv.ParseInt(at, 10, 64)
		if view != v.Name || of != metric || p.Zero() {
			continue
		}
		to := window{labels, start - start%60}
		if want[to] == nil {
			want[to] = new(rollup.Partial)
		}
		want[to].Merge(p)
	}
	now := time.Now().Truncate(time.Minute).Add(time.Minute)
	answer, err := store.Query(schema.DefaultTenant, query.Metric{View: v.Name, Name: metric, From: now.Add(-3 * time.Hour), To: now, Window: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range answer {
		var labels []string
		for _, l := range x.Labels {
			labels = append(labels, l.Value)
		}
		for _, p := range x.Points {
			at := window{strings.Join(labels, ","), p.From}
			if points++; want[at] == nil || !reflect.DeepEqual(*want[at], p.Partial) {
				t.Errorf("%s of %s %v: %+v, want %+v", metric, v.Name, at, p.Partial, want[at])
			}
			delete(want, at)
		}
	}
	for at := range want {
		t.Errorf("%s of %s %v is not answered", metric, v.Name, at)
	}
	return points
}
