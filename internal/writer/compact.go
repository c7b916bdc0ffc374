package writer

import (
	"context"
	"sync"
	"time"

	"github.com/spanmill/spanmill/pkg/pipeline"
)

// MinRollupDays is the least retention of rows of metrics as they came: days are
// added up when they are 35 days old, and writers may be away for a while.
const MinRollupDays = 40

// compactEvery is how often old days of metrics are looked for.
const compactEvery = time.Hour

// compact adds up old days of metrics, now and then, for as long as the partition
// is owned. Every partition of rollups does, one of a process at a time, since
// their writers may have different servers; what one has done the next finds done.
// It goes on until stop is called or ctx ends.
func (w *Writer) compact(ctx context.Context, log pipeline.Log) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() {
		tick := time.NewTicker(compactEvery)
		defer tick.Stop()
		for {
			w.compactOnce(ctx, log)
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	})
	return func() {
		cancel()
		done.Wait()
	}
}

func (w *Writer) compactOnce(ctx context.Context, log pipeline.Log) {
	select {
	case w.compacting <- struct{}{}:
		defer func() { <-w.compacting }()
	case <-ctx.Done():
		return
	}
	days, err := w.rollups.Compact(ctx)
	w.metrics.compacted.Add(float64(days))
	switch {
	case err == nil && days > 0:
		w.log.Info("days of metrics added up", "partition", log.Partition, "days", days)
	case err != nil && ctx.Err() == nil:
		w.metrics.uncompacted.Inc()
		w.log.Warn("old days of metrics are not added up; they are read as they are", "partition", log.Partition, "err", err)
	}
}
