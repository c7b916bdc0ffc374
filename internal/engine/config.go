package engine

import (
	"errors"
	"fmt"
	"net"
	"time"
)

// Database is the database every table of the product lives in.
const Database = "spanmill"

// User owns Database. It is the only user that can do anything.
const User = "spanmill"

const (
	mib = 1 << 20

	// minMemoryBytes leaves something to work with beside the 230 MiB that
	// an idle engine takes.
	minMemoryBytes = 768 * mib
)

// Config says where the engine lives and how large it may grow.
type Config struct {
	// LibPath is libchdb.so, as Fetch returns it.
	LibPath string
	// DataDir belongs to the engine alone: tables, password, log, lock.
	DataDir string
	// HTTPAddr and TCPAddr are where it listens: one loopback IP for both.
	// Port 0 takes a free port, once per Engine.
	HTTPAddr string
	TCPAddr  string
	// MaxMemoryBytes bounds the resident memory of the child.
	MaxMemoryBytes int64
	// KeepFreeBytes of the volume the engine leaves alone: inserts and merges
	// that would need them are refused. A volume that is full to the last byte
	// in the middle of an insert would be worse: ClickHouse 26.7 acknowledges
	// parts then whose files are empty.
	KeepFreeBytes int64
	// StartTimeout bounds one start: loading tables and waiting for a
	// leftover engine to release the data directory.
	StartTimeout time.Duration
	// StopTimeout is how long a child may take to end before it is killed.
	StopTimeout time.Duration
	// MaxRestartDelay caps the back-off between starts that fail.
	MaxRestartDelay time.Duration
}

// Default returns a configuration that lacks LibPath and DataDir only.
func Default() Config {
	return Config{
		HTTPAddr:        "127.0.0.1:0",
		TCPAddr:         "127.0.0.1:0",
		MaxMemoryBytes:  1536 * mib,
		KeepFreeBytes:   256 * mib,
		StartTimeout:    60 * time.Second,
		StopTimeout:     10 * time.Second,
		MaxRestartDelay: 10 * time.Second,
	}
}

// Validate reports everything that is wrong with the configuration.
func (c Config) Validate() error {
	var errs []error
	if c.LibPath == "" {
		errs = append(errs, errors.New("engine: no library path"))
	}
	if c.DataDir == "" {
		errs = append(errs, errors.New("engine: no data directory"))
	}
	httpHost, err := loopback(c.HTTPAddr)
	errs = append(errs, err)
	tcpHost, err := loopback(c.TCPAddr)
	errs = append(errs, err)
	if httpHost != tcpHost {
		errs = append(errs, fmt.Errorf("engine: HTTP and native listeners need one host, got %q and %q", httpHost, tcpHost))
	}
	if c.MaxMemoryBytes < minMemoryBytes {
		errs = append(errs, fmt.Errorf("engine: memory limit %d MiB is below the least it works with, %d MiB",
			c.MaxMemoryBytes/mib, minMemoryBytes/mib))
	}
	if c.KeepFreeBytes < 0 {
		errs = append(errs, fmt.Errorf("engine: %d bytes to keep free, must not be negative", c.KeepFreeBytes))
	}
	if c.StartTimeout <= 0 || c.StopTimeout <= 0 || c.MaxRestartDelay <= 0 {
		errs = append(errs, errors.New("engine: times must be above zero"))
	}
	return errors.Join(errs...)
}

// loopback returns the host of addr, which must be a loopback IP: the engine
// has one password and no TLS, so it is not for the network.
func loopback(addr string) (string, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return "", fmt.Errorf("engine: address %q: %w", addr, err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return "", fmt.Errorf("engine: address %q is not a loopback IP address", addr)
	}
	return host, nil
}

// Endpoint is how to reach the engine.
type Endpoint struct {
	HTTPAddr string // host:port
	TCPAddr  string // host:port, the native protocol
	Database string
	User     string
	Password string
}
