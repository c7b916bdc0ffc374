package embedded

import (
	"errors"
	"fmt"
	"net"
	"time"
)

const mib = 1 << 20

// Config of the bus.
type Config struct {
	// Dir belongs to the bus alone.
	Dir string
	// Listen is one address of this machine; port 0 takes a free one. It is also
	// what clients are told to connect to, so it cannot be a wildcard.
	Listen string
	// MaxLogBytes bounds the logs on disk. Half of it may be taken by records
	// that have been read, kept as history; the other half is for lag.
	MaxLogBytes int64
	// SegmentBytes is what the log is trimmed by and read at start-up.
	SegmentBytes int64
	// TrimInterval is how often retention and budget are looked at: what is
	// written meanwhile may exceed MaxLogBytes.
	TrimInterval time.Duration
	// Hold names topics whose records stay until consumer groups have committed
	// them: topic → groups.
	Hold map[string][]string
}

// Default lacks Dir and Hold.
func Default() Config {
	return Config{
		Listen:       "127.0.0.1:9092",
		MaxLogBytes:  2048 * mib,
		SegmentBytes: 8 * mib,
		TrimInterval: 2 * time.Second,
	}
}

// Validate reports every value that cannot work.
func (c Config) Validate() error {
	var errs []error
	if c.Dir == "" {
		errs = append(errs, errors.New("bus directory: must be given"))
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		errs = append(errs, fmt.Errorf("bus address: %w", err))
	} else if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		errs = append(errs, fmt.Errorf("bus address %s: clients are told to connect to it, so it must name one address", c.Listen))
	}
	if c.SegmentBytes < mib {
		errs = append(errs, fmt.Errorf("segment bytes is %d, must be at least 1 MiB", c.SegmentBytes))
	}
	if c.MaxLogBytes < 8*c.SegmentBytes {
		errs = append(errs, fmt.Errorf("max log bytes is %d, must hold at least 8 segments of %d", c.MaxLogBytes, c.SegmentBytes))
	}
	if c.TrimInterval < 10*time.Millisecond {
		errs = append(errs, fmt.Errorf("trim interval is %s, must be at least 10ms", c.TrimInterval))
	}
	return errors.Join(errs...)
}
