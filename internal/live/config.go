package live

import (
	"errors"
	"fmt"
	"time"

	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// Config bounds what is kept.
type Config struct {
	// MaxBytes bounds the panes in memory, of all tenants.
	MaxBytes int64
	// MaxSeries bounds the series in memory, of all tenants; what is beyond is
	// added up as __other__ of its view.
	MaxSeries int
	// History is how far back there is anything.
	History time.Duration
	// MaxExposed bounds the series that Prometheus is told of, of one tenant.
	MaxExposed int
	// Idle is how long nothing was added to a series when Prometheus is no longer
	// told of it.
	Idle time.Duration
	// Own is what metrics.yaml defines, which the API lists and Prometheus is told
	// of as well.
	Own rollup.Catalogue
}

// Default is the configuration of a machine of its own.
func Default() Config {
	return Config{MaxBytes: 192 << 20, MaxSeries: 20_000, History: 24 * time.Hour, MaxExposed: 20_000, Idle: time.Hour}
}

// Validate reports every value that cannot work.
func (c Config) Validate() error {
	var errs []error
	if c.MaxBytes < 1<<20 {
		errs = append(errs, fmt.Errorf("bytes of live metrics is %d, must be at least %d", c.MaxBytes, 1<<20))
	}
	if c.MaxSeries < 1 {
		errs = append(errs, fmt.Errorf("live series is %d, must be at least 1", c.MaxSeries))
	}
	if c.History < time.Hour || c.History > 7*24*time.Hour {
		errs = append(errs, fmt.Errorf("live history is %s, must be an hour to seven days", c.History))
	}
	if c.MaxExposed < 1 {
		errs = append(errs, fmt.Errorf("series told to Prometheus is %d, must be at least 1", c.MaxExposed))
	}
	if c.Idle < time.Minute {
		errs = append(errs, fmt.Errorf("idle series are told of for %s, must be at least a minute", c.Idle))
	}
	return errors.Join(errs...)
}
