package gateway

import (
	"errors"
	"fmt"
	"net"
	"time"
)

const (
	kib = 1 << 10
	mib = 1 << 20
)

// Config says where the doors are and how much they take.
type Config struct {
	// HTTPAddr and GRPCAddr are host:port; port 0 takes a free one. 4318 and
	// 4317 are where OpenTelemetry SDKs look.
	HTTPAddr, GRPCAddr string

	// MaxBodyBytes bounds one request, as sent and as inflated. SDKs send
	// batches of well below 10 MiB; long prompts make them large.
	MaxBodyBytes int
	// MaxInflightBytes bounds the bodies that all requests hold together.
	MaxInflightBytes int
	// MaxSpanBytes bounds one span: a record is one span at least, and topics
	// take records of up to 20 MiB.
	MaxSpanBytes int
	// PackBytes is where a record of many spans is closed.
	PackBytes int
	// MaxHeaderBytes bounds the headers of one request.
	MaxHeaderBytes int
	// MaxConnections bounds each door's connections; more wait to be accepted.
	MaxConnections int
	// MaxStreams bounds the gRPC requests in progress, MaxConnStreams those of
	// one connection: each may hold a window of 64 KiB beside the budget.
	MaxStreams, MaxConnStreams int

	// HeaderTimeout bounds the wait for a request's headers, ReadTimeout that
	// for its whole body: half-sent requests hold memory.
	HeaderTimeout, ReadTimeout time.Duration
	// IdleTimeout closes connections without requests. It is longer than the
	// intervals at which SDKs send, so that they do not meet a closing one.
	IdleTimeout time.Duration
	// ProduceTimeout bounds the wait for the bus. SDKs give up after 10 s.
	ProduceTimeout time.Duration
	// DrainTimeout is what requests in progress get when the gateway stops.
	DrainTimeout time.Duration
	// RetryAfter is the hint that goes with refusals that may succeed later.
	RetryAfter time.Duration
}

// Default is the configuration for one machine.
func Default() Config {
	return Config{
		HTTPAddr: "127.0.0.1:4318", GRPCAddr: "127.0.0.1:4317",
		MaxBodyBytes:     32 * mib,
		MaxInflightBytes: 64 * mib,
		MaxSpanBytes:     16 * mib,
		PackBytes:        1 * mib,
		MaxHeaderBytes:   16 * kib,
		MaxConnections:   1024,
		MaxStreams:       512, MaxConnStreams: 128,
		HeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second,
		IdleTimeout:    3 * time.Minute,
		ProduceTimeout: 10 * time.Second,
		DrainTimeout:   15 * time.Second,
		RetryAfter:     time.Second,
	}
}

// Validate reports everything that is wrong with the configuration.
func (c Config) Validate() error {
	var errs []error
	for _, addr := range []string{c.HTTPAddr, c.GRPCAddr} {
		if _, _, err := net.SplitHostPort(addr); err != nil {
			errs = append(errs, fmt.Errorf("gateway: address %q: %w", addr, err))
		}
	}
	for _, n := range []int{
		c.MaxBodyBytes, c.MaxInflightBytes, c.MaxSpanBytes, c.PackBytes, c.MaxHeaderBytes,
		c.MaxConnections, c.MaxStreams, c.MaxConnStreams,
	} {
		if n <= 0 {
			errs = append(errs, errors.New("gateway: bounds must be above zero"))
			break
		}
	}
	// A compressed body and what it inflates to are held together for a moment.
	if c.MaxInflightBytes < 2*c.MaxBodyBytes {
		errs = append(errs, fmt.Errorf("gateway: in-flight bound %d must be at least twice the body bound %d,"+
			" or the largest body could never be taken", c.MaxInflightBytes, c.MaxBodyBytes))
	}
	if c.MaxSpanBytes > 16*mib {
		errs = append(errs, errors.New("gateway: a span bound above 16 MiB does not fit into the topics' 20 MiB records"))
	}
	for _, d := range []time.Duration{
		c.HeaderTimeout, c.ReadTimeout, c.IdleTimeout, c.ProduceTimeout, c.DrainTimeout, c.RetryAfter,
	} {
		if d <= 0 {
			errs = append(errs, errors.New("gateway: times must be above zero"))
			break
		}
	}
	return errors.Join(errs...)
}
