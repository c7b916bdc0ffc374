package live

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/query"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// TestCorrectionsAreNotCounted: what corrects the past is in its windows, and in
// no counter, which would tell it as something that happens now.
func TestCorrectionsAreNotCounted(t *testing.T) {
	t.Parallel()
	s, now := New(Default()), time.Now()
	s.Advance(now)
	f := NewFollower(s, newFakeLog(1), time.Minute, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	o := told{tenant: "a", service: "shop", pane: now.Unix() - now.Unix()%10, metric: "spans", Partial: measured(5, rollup.Once)}
	r := pipeline.Record{Value: rollup.Append(rollup.AppendHeader(nil), o.rollup())}
	f.take(t.Context(), &r, true)
	r.Headers = []pipeline.Header{{Key: schema.HeaderCorrection, Value: []byte("repricing")}}
	f.take(t.Context(), &r, true)
	answer, err := s.Query("a", query.Metric{View: "service", Name: "spans", By: []string{}, To: now.Add(10 * time.Second), Window: time.Minute})
	if err != nil || len(answer) != 1 || answer[0].Points[0].Count != 2 {
		t.Errorf("the window has %+v, %v", answer, err)
	}
	total := 0.0
	for _, family := range s.Families("a", now, Exposing{}) {
		if family.GetName() == "spanmill_spans_total" {
			total = family.GetMetric()[0].GetCounter().GetValue()
		}
	}
	if total != 1 {
		t.Errorf("the counter is %g, want 1", total)
	}
}

// fakeLog is topic rollups in memory.
type fakeLog struct {
	mu         sync.Mutex
	partitions [][]pipeline.Record
	more       chan struct{} // closed and replaced when there is more
	lost       error         // what following ends with
	slow       chan struct{} // reading history waits for it to close
	reads      []int64       // where history was read from
}

func newFakeLog(partitions int) *fakeLog {
	l := &fakeLog{partitions: make([][]pipeline.Record, partitions), more: make(chan struct{}), slow: make(chan struct{})}
	close(l.slow)
	return l
}

func (l *fakeLog) append(p int, at time.Time, service string, n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	o := told{tenant: "a", service: service, pane: at.Unix() - at.Unix()%10, metric: "span_duration", Partial: measured(n, rollup.Once)}
	l.partitions[p] = append(l.partitions[p], pipeline.Record{
		Partition: int32(p), Offset: int64(len(l.partitions[p])), Time: at, Value: rollup.Append(rollup.AppendHeader(nil), o.rollup()),
	})
	l.wake()
}

func (l *fakeLog) wake() {
	close(l.more)
	l.more = make(chan struct{})
}

func (l *fakeLog) lose(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost = err
	l.wake()
}

func (l *fakeLog) Partitions(context.Context) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.partitions), nil
}

func (l *fakeLog) Span(_ context.Context, p int32, since time.Time) (from, end int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	records := l.partitions[p]
	for from < int64(len(records)) && records[from].Time.Before(since) {
		from++
	}
	return from, int64(len(records)), nil
}

func (l *fakeLog) Read(ctx context.Context, p int32, from, to int64, visit func(*pipeline.Record) error) error {
	l.mu.Lock()
	slow := l.slow
	if to >= 0 {
		l.reads = append(l.reads, from)
	}
	l.mu.Unlock()
	if to >= 0 {
		select {
		case <-slow:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for at := from; to < 0 || at < to; {
		l.mu.Lock()
		records, more, lost := l.partitions[p], l.more, l.lost
		l.mu.Unlock()
		switch {
		case at < int64(len(records)):
			if err := visit(&records[at]); err != nil {
				return err
			}
			at++
		case lost != nil:
			return lost
		default:
			select {
			case <-more:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}

// follow runs a follower in a bubble until the test's end.
func follow(t *testing.T, l *fakeLog, warmUp time.Duration) (*Follower, func()) {
	t.Helper()
	f := NewFollower(New(Default()), l, warmUp, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	return f, func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// sum adds up what the follower knows of the last hours.
func sum(t *testing.T, f *Follower, hours int) (n int64) {
	t.Helper()
	answer, err := f.store.Query("a", query.Metric{View: "service", Name: "span_duration", By: []string{}, To: time.Now().Add(10 * time.Second), Window: time.Duration(hours) * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range answer {
		n += x.Points[0].Sum
	}
	return n
}

func TestFollowsFromADayAgo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog(2)
		now := time.Now()
		l.append(0, now.Add(-30*time.Hour), "old", 1)
		for i := range 24 {
			l.append(i%2, now.Add(-time.Duration(23-i)*time.Hour), "x", 10)
		}
		f, stop := follow(t, l, time.Minute)
		defer stop()
		<-f.Ready()
		if !f.Complete() {
			t.Error("the history is read, and not complete")
		}
		if got := sum(t, f, 24); got != 240 {
			t.Errorf("a day adds up to %d, want 240", got)
		}
		if len(l.reads) < 4 || l.reads[0] == 0 {
			t.Errorf("history was read from offsets %v, want the newest part first", l.reads)
		}
		l.append(1, time.Now(), "y", 1000)
		synctest.Wait()
		if got := sum(t, f, 24); got != 1240 {
			t.Errorf("with one more it adds up to %d, want 1240", got)
		}
	})
}

func TestIsReadyInTimeWhateverThereIsToRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog(1)
		l.slow = make(chan struct{})
		l.append(0, time.Now().Add(-time.Hour), "x", 1)
		began := time.Now()
		f, stop := follow(t, l, 8*time.Second)
		defer stop()
		synctest.Wait()
		l.append(0, time.Now(), "x", 10)
		<-f.Ready()
		if took := time.Since(began); took != 8*time.Second {
			t.Errorf("ready after %s, want 8s", took)
		}
		if got := sum(t, f, 2); f.Complete() || got != 10 {
			t.Errorf("complete: %v, %d; want the present only", f.Complete(), got)
		}
		close(l.slow)
		synctest.Wait()
		if got := sum(t, f, 2); !f.Complete() || got != 11 {
			t.Errorf("complete: %v, %d; want the past too", f.Complete(), got)
		}
	})
}

func TestReadsAnewWhatTheLogLostOrGained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog(1)
		l.append(0, time.Now(), "x", 1)
		f, stop := follow(t, l, time.Minute)
		defer stop()
		<-f.Ready()
		l.append(0, time.Now(), "x", 2)
		synctest.Wait()
		l.lose(errors.Join(pipeline.ErrExpired))
		synctest.Wait()
		l.lose(nil)
		<-time.After(2 * time.Second)
		synctest.Wait()
		if got := sum(t, f, 1); got != 3 {
			t.Errorf("%d after the log was lost, want 3: all of it once", got)
		}
		l.mu.Lock()
		l.partitions = append(l.partitions, nil)
		l.mu.Unlock()
		l.append(1, time.Now(), "x", 10)
		<-time.After(10 * time.Second)
		synctest.Wait()
		if got := sum(t, f, 1); got != 13 {
			t.Errorf("%d with another partition, want 13", got)
		}
	})
}
