package live

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// Log is topic rollups, without aborted transactions, read by everybody whole.
type Log interface {
	// Partitions is how many there are.
	Partitions(ctx context.Context) (int, error)
	// Span gives the offset of the first record that is not older than since, and
	// the one behind the last.
	Span(ctx context.Context, partition int32, since time.Time) (from, end int64, err error)
	// Read visits the records of [from, to) in order; to of -1: and those that are
	// still to come, until ctx ends. pipeline.ErrExpired: the log has lost some.
	Read(ctx context.Context, partition int32, from, to int64, visit func(*pipeline.Record) error) error
}

// Follower keeps a store up to the log. It is a service: it is ready when the
// last day's history is there, or WarmUp has passed: then the rest is read while
// it answers, newest first.
type Follower struct {
	store   *Store
	log     Log
	out     *slog.Logger
	warmUp  time.Duration
	metrics *metrics

	ready    chan struct{}
	once     sync.Once
	missing  atomic.Int64 // partitions whose history is not there yet
	scanners sync.Pool    // of *rollup.Scanner
}

// What a follower does at which times.
const (
	advanceEvery = 5 * time.Second
	// retryAfter spaces attempts to follow a log that was lost.
	retryAfter = time.Second
)

// NewFollower gives a follower that does nothing before Run.
func NewFollower(store *Store, log Log, warmUp time.Duration, out *slog.Logger, reg prometheus.Registerer) *Follower {
	return &Follower{
		store: store, log: log, warmUp: warmUp, out: out.With("service", "live"),
		metrics: newMetrics(reg, store), ready: make(chan struct{}),
	}
}

// Ready is closed once there is what to answer from.
func (f *Follower) Ready() <-chan struct{} { return f.ready }

func (f *Follower) isReady() { f.once.Do(func() { close(f.ready) }) }

// Complete reports whether all of the history is there that the log has.
func (f *Follower) Complete() bool {
	select {
	case <-f.ready:
		return f.missing.Load() == 0
	default:
		return false
	}
}

// Run follows the log until ctx ends. Where the log has lost what was not read
// yet, all is read anew.
func (f *Follower) Run(ctx context.Context) error {
	f.store.Advance(time.Now())
	for {
		err := f.follow(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // it was told to stop
		}
		f.out.WarnContext(ctx, "reading all of rollups anew", "err", err)
		f.metrics.restarts.Inc()
		f.store.Clear()
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(retryAfter):
		}
	}
}

// follow reads every partition, and keeps the time.
func (f *Follower) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	n, err := f.log.Partitions(ctx)
	if err != nil {
		return err
	}
	f.missing.Store(int64(n))
	began := time.Now()
	var running, warm sync.WaitGroup
	defer running.Wait()
	defer cancel(nil) // before waiting
	for p := range n {
		warm.Add(1)
		running.Go(func() {
			if err := f.partition(ctx, int32(p), &warm); err != nil {
				cancel(fmt.Errorf("partition %d of rollups: %w", p, err))
			}
		})
	}
	running.Go(func() { // ends when the partitions do
		warm.Wait()
		f.out.Info("history read", "partitions", n, "took", time.Since(began), "complete", ctx.Err() == nil)
		f.isReady()
	})
	return f.keepTime(ctx, n)
}

// keepTime makes panes wider as they get old, until ctx ends or there are more
// partitions than n.
func (f *Follower) keepTime(ctx context.Context, n int) error {
	patience := time.NewTimer(f.warmUp)
	defer patience.Stop()
	tick := time.NewTicker(advanceEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-patience.C:
			f.isReady()
		case now := <-tick.C:
			f.store.Advance(now)
			if more, err := f.log.Partitions(ctx); err == nil && more != n {
				return fmt.Errorf("topic rollups has %d partitions, it had %d", more, n)
			}
		}
	}
}

// partition reads what comes from now on, and beside it what there was before.
func (f *Follower) partition(ctx context.Context, p int32, warm *sync.WaitGroup) error {
	done := sync.OnceFunc(warm.Done)
	defer done()
	_, end, err := f.log.Span(ctx, p, time.Now())
	if err != nil {
		return err
	}
	var past sync.WaitGroup
	defer past.Wait()
	past.Go(func() { // ends with ctx, if not before
		if err := f.past(ctx, p, end); err != nil && ctx.Err() == nil {
			f.out.Error("history not read whole", "partition", p, "err", err)
		}
		f.missing.Add(-1)
		done()
	})
	return f.log.Read(ctx, p, end, -1, func(r *pipeline.Record) error {
		f.take(ctx, r, true)
		return nil
	})
}

// reachBack is how far back history is read at once: what was last is first.
var reachBack = []time.Duration{10 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour}

// past reads the records of the history before an offset.
func (f *Follower) past(ctx context.Context, p int32, end int64) error {
	now := time.Now()
	for _, age := range append(slices.Clip(reachBack), f.store.cfg.History+time.Minute) {
		from, _, err := f.log.Span(ctx, p, now.Add(-age))
		if err != nil {
			return err
		}
		if from >= end {
			continue
		}
		err = f.log.Read(ctx, p, from, end, func(r *pipeline.Record) error {
			f.take(ctx, r, false)
			return nil
		})
		if errors.Is(err, pipeline.ErrExpired) {
			return nil // the log begins here by now
		}
		if err != nil {
			return err
		}
		end = from
	}
	return nil
}

// take adds a record. One that cannot be read is the writer's to complain about.
func (f *Follower) take(ctx context.Context, r *pipeline.Record, counting bool) {
	// Corrections are of the past: nothing happens now that a counter could count.
	counting = counting && r.Header(schema.HeaderCorrection) == ""
	scanner, _ := f.scanners.Get().(*rollup.Scanner)
	if scanner == nil {
		scanner = new(rollup.Scanner)
	}
	defer f.scanners.Put(scanner)
	err := scanner.Scan(r.Value, func(x *rollup.Rollup) error {
		f.store.Add(x, counting)
		return nil
	})
	if err != nil {
		f.metrics.undecodable.Inc()
		f.out.WarnContext(ctx, "a record of rollups is passed over", "partition", r.Partition, "offset", r.Offset, "err", err)
	}
	if counting {
		f.metrics.delay.Observe(time.Since(r.Time).Seconds())
	}
}
