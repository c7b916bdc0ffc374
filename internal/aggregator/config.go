package aggregator

import (
	"errors"
	"fmt"
	"time"

	"github.com/spanmill/spanmill/internal/aggregator/custom"
	"github.com/spanmill/spanmill/internal/dedup"
)

// Config of the aggregator.
type Config struct {
	// Dedup is the writer's: with other numbers the stream would not be what the
	// tables have.
	Dedup dedup.Config
	// Window is how many positions of a partition's log self time and retries
	// reach over; series are admitted anew after as many.
	Window int64
	// WindowSpans bounds the spans that are held for that.
	WindowSpans int
	// EventWindow is how many positions of a partition's topic events are
	// remembered: so far back an event that is sent again is known, and an assessment
	// that is changed is taken back.
	EventWindow int64
	// EventsHeld bounds the events and assessments that are remembered.
	EventsHeld int
	// MaxSeries bounds a tenant's series in a partition; the rest is __other__.
	MaxSeries int
	// MaxOpen bounds the partials held between two flushes, as panes of series.
	MaxOpen int
	// Interval is how long a span waits in memory before it is sent on.
	Interval time.Duration
	// Own is what metrics.yaml defines; nil: nothing.
	Own *custom.Set
	// AcceptLoss goes on where the log expired before it was counted.
	AcceptLoss bool
}

// DefaultConfig is what the flags say.
func DefaultConfig() Config {
	return Config{
		Dedup: dedup.DefaultConfig(), Window: 20_000, WindowSpans: 100_000, EventWindow: 50_000, EventsHeld: 50_000,
		MaxSeries: 5_000, MaxOpen: 5_000, Interval: time.Second,
	}
}

// Validate reports every value that cannot work.
func (c Config) Validate() error {
	errs := []error{c.Dedup.Validate()}
	atLeast := func(what string, n, least int64) {
		if n < least {
			errs = append(errs, fmt.Errorf("%s is %d, must be at least %d", what, n, least))
		}
	}
	atLeast("window", c.Window, 1)
	atLeast("window spans", int64(c.WindowSpans), 1)
	atLeast("event window", c.EventWindow, 1)
	atLeast("events held", int64(c.EventsHeld), 1)
	atLeast("series of a tenant", int64(c.MaxSeries), 1)
	atLeast("open partials", int64(c.MaxOpen), 1)
	if c.WindowSpans > maxWindowSpans {
		errs = append(errs, fmt.Errorf("window spans is %d, must be at most %d", c.WindowSpans, maxWindowSpans))
	}
	if c.Interval < 10*time.Millisecond || c.Interval > 5*time.Second {
		errs = append(errs, fmt.Errorf("interval is %s, must be 10ms to 5s: a transaction must not outlast its time-out", c.Interval))
	}
	return errors.Join(errs...)
}
