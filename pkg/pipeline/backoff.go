package pipeline

import (
	"context"
	"math/rand/v2"
	"time"
)

// Backoff spaces retries: doubling from Min to Max, each wait jittered by half
// so that partitions do not return in step. The zero value uses 100 ms to 5 s.
type Backoff struct {
	Min, Max time.Duration
	tries    int
}

// Wait sleeps for the next interval, or until ctx ends and returns its error.
func (b *Backoff) Wait(ctx context.Context) error {
	t := time.NewTimer(b.next())
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Reset starts again at Min.
func (b *Backoff) Reset() { b.tries = 0 }

func (b *Backoff) next() time.Duration {
	lo, hi := b.Min, b.Max
	if lo <= 0 {
		lo = 100 * time.Millisecond
	}
	if hi <= 0 {
		hi = 5 * time.Second
	}
	d := lo << min(b.tries, 20)
	if d > hi || d <= 0 {
		d = hi
	}
	b.tries++
	return d/2 + rand.N(d/2+1)
}
