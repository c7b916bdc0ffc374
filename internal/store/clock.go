package store

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// clock translates our time to the server's. An insert's deadline is the
// server's to enforce, by its own clock (W9).
type clock struct {
	maxAge time.Duration
	ask    func(context.Context) (time.Time, error)
	gauge  prometheus.Gauge

	mu       sync.Mutex // many partitions insert at once
	offset   time.Duration
	measured time.Time

	doubted atomic.Bool // apart from mu: asking may find out that the server is another
}

// server gives t on the server's clock, never later than it is: a deadline
// that comes early costs a retry, one that comes late could store a row twice.
// The uncertainty is how long the server took to answer.
func (c *clock) server(ctx context.Context, t time.Time) (time.Time, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.doubted.Swap(false) {
		c.measured = time.Time{}
	}
	if c.measured.IsZero() || time.Since(c.measured) > c.maxAge {
		sent := time.Now()
		theirs, err := c.ask(ctx)
		if err != nil {
			return time.Time{}, err
		}
		// The server read its clock at sent or later. Assuming "now" takes the
		// whole round trip off.
		now := time.Now()
		c.offset, c.measured = theirs.Sub(now), now
		c.gauge.Set(theirs.Sub(sent.Add(now.Sub(sent) / 2)).Seconds())
	}
	return t.Add(c.offset), nil
}

// distrust has the offset measured before it is used again.
func (c *clock) distrust() {
	c.doubted.Store(true)
}
