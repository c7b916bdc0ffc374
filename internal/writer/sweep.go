package writer

import (
	"context"
	"sync"
	"time"

	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

// deletionsPage is how many deletions are looked at together.
const deletionsPage = 1000

// DueQuery asks for deletions that are to be carried out, perhaps again: those
// of a share of the partitions that are new since the look before, or whose age
// has doubled since. What a deletion hides may land long after it, when the
// spans lag behind, or when somebody restores an old table.
type DueQuery struct {
	Share, Shares int
	Now, Before   time.Time     // Before is zero for the first look: all are due
	Base          time.Duration // the age from which doublings count
	After         schema.Deletion
	Limit         int
}

// sweep deletes, now and then, the rows that the partition's deletions hide:
// readers leave them out from the start, so nobody waits for it. It goes on
// until stop is called or ctx ends.
func (w *Writer) sweep(ctx context.Context, log pipeline.Log, partitions int) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() {
		tick := time.NewTicker(w.cfg.DeleteEvery)
		defer tick.Stop()
		var before time.Time
		for {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
			now, err := w.round(ctx, DueQuery{Share: int(log.Partition), Shares: partitions, Before: before, Base: w.cfg.DeleteEvery, Limit: deletionsPage})
			switch {
			case err == nil:
				before = now
			case ctx.Err() == nil:
				w.metrics.undeleted.Inc()
				w.log.Warn("rows of deleted traces are still there, and left out by every reader", "partition", log.Partition, "err", err)
			}
		}
	})
	return func() {
		cancel()
		done.Wait()
	}
}

// round carries out all deletions that are due, as of the answer's time. One
// partition at a time does: a deletion makes the server look at every part.
func (w *Writer) round(ctx context.Context, q DueQuery) (now time.Time, err error) {
	select {
	case w.sweeping <- struct{}{}:
		defer func() { <-w.sweeping }()
	case <-ctx.Done():
		return now, ctx.Err()
	}
	began := time.Now()
	defer func() { w.metrics.sweeps.Observe(time.Since(began).Seconds()) }()
	tables := w.store.Events()
	if q.Now, err = tables.Now(ctx); err != nil {
		return now, err
	}
	for {
		due, err := tables.DueDeletions(ctx, q)
		if err != nil {
			return now, err
		}
		rows, err := tables.DeleteTraces(ctx, due)
		w.metrics.deleted.Add(float64(rows))
		if err != nil {
			return now, err
		}
		w.metrics.deletions.Add(float64(len(due)))
		if len(due) < q.Limit {
			return q.Now, nil
		}
		q.After = due[len(due)-1]
	}
}
