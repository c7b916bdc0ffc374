package bus

import (
	"context"
	"time"
)

// sleep waits for d, not at all if d is no more than 0; ctx.Err() if ctx ends
// before.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
