package alerts

import (
	"errors"
	"fmt"
	"time"
)

// Config bounds the watching.
type Config struct {
	// Every is how often rules are asked.
	Every time.Duration
	// MaxStates bounds the groups that are pending or firing, of all rules.
	MaxStates int
	// MaxOwed bounds the notices that wait for a receiver.
	MaxOwed int
	// Patience is how long a notice is tried to be delivered.
	Patience time.Duration
	// Timeout of one attempt.
	Timeout time.Duration
	// CatchUp is how much of the past is made up for after a pause.
	CatchUp time.Duration
}

// Default is what the flags say.
func Default() Config {
	return Config{
		Every: 5 * time.Second, MaxStates: 5_000, MaxOwed: 1_000, Patience: time.Hour,
		Timeout: 10 * time.Second, CatchUp: time.Hour,
	}
}

// Validate reports every value that cannot work.
func (c Config) Validate() error {
	var errs []error
	if c.Every < time.Second || c.Every > time.Minute || c.Every%time.Second != 0 {
		errs = append(errs, fmt.Errorf("interval of alert rules is %s, must be whole seconds up to a minute", c.Every))
	}
	if c.MaxStates < 1 || c.MaxOwed < 1 {
		errs = append(errs, fmt.Errorf("states and waiting notices of alerts are bounded by %d and %d, must be at least 1", c.MaxStates, c.MaxOwed))
	}
	if c.Patience < c.Timeout || c.Timeout < time.Second || c.CatchUp < c.Every {
		errs = append(errs, errors.New("alerts: patience must be at least the time-out, which is at least a second, and what is made up for at least an interval"))
	}
	return errors.Join(errs...)
}
