package app

import (
	"context"
	"runtime/debug"
	"time"
)

// besideWindows is what a writer needs besides its deduplication windows:
// batches in hand, fetched records, requests, and some garbage.
const besideWindows = 160 << 20

// memoryInterval is how often the target follows the windows, which need
// minutes to grow.
const memoryInterval = 5 * time.Second

// memoryTarget is what the garbage collector is told to stay below. It is never
// near what the windows hold for good: a target below what is live makes the
// collector run all the time and free nothing.
func memoryTarget(limit, windows int64) int64 { return max(limit, windows+besideWindows) }

// followWindows keeps the target above what the windows hold, until ctx ends.
func followWindows(ctx context.Context, limit int64, windows func() int64) {
	tick := time.NewTicker(memoryInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			debug.SetMemoryLimit(memoryTarget(limit, windows()))
		}
	}
}
