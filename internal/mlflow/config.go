package mlflow

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

// Config says where the door is and how long it waits.
type Config struct {
	// Addr is host:port; port 0 takes a free one. 5000 is where MLflow's users
	// expect a tracking server.
	Addr string
	// MaxHeaderBytes bounds the headers of one request.
	MaxHeaderBytes int
	// HeaderTimeout bounds the wait for a request's headers, ReadTimeout that for
	// its whole body, AnswerTimeout the time until the answer is written.
	HeaderTimeout, ReadTimeout, AnswerTimeout time.Duration
	// IdleTimeout closes connections without requests.
	IdleTimeout time.Duration
	// DrainTimeout is what requests in progress get when the server stops.
	DrainTimeout time.Duration
	// ReadWait bounds the wait for what was acknowledged and is on its way to the
	// tables: reads of it, and writes that ask whether it is there.
	ReadWait time.Duration
	// Attachments is the folder of files that traces refer to; "": they are
	// refused. MaxAttachmentsBytes bounds all of them together.
	Attachments         string
	MaxAttachmentsBytes int64
	// RetryAfter is the hint that goes with refusals that may succeed later.
	RetryAfter time.Duration
}

// Default is the configuration for one machine. An answer may take a body, the
// bus's acknowledgement and a read that waits for the tables.
func Default() Config {
	return Config{
		Addr:           "127.0.0.1:5000",
		MaxHeaderBytes: 16 * kib,
		HeaderTimeout:  5 * time.Second, ReadTimeout: 30 * time.Second, AnswerTimeout: 90 * time.Second,
		IdleTimeout:  3 * time.Minute,
		DrainTimeout: 15 * time.Second,
		ReadWait:     3 * time.Second, MaxAttachmentsBytes: 1 << 30,
		RetryAfter: time.Second,
	}
}

// Validate reports everything that is wrong with the configuration.
func (c Config) Validate() error {
	var errs []error
	if _, _, err := net.SplitHostPort(c.Addr); err != nil {
		errs = append(errs, fmt.Errorf("mlflow: address %q: %w", c.Addr, err))
	}
	if c.MaxHeaderBytes <= 0 || c.MaxAttachmentsBytes <= 0 {
		errs = append(errs, errors.New("mlflow: bounds must be above zero"))
	}
	for _, d := range []time.Duration{
		c.HeaderTimeout, c.ReadTimeout, c.AnswerTimeout, c.IdleTimeout, c.DrainTimeout, c.RetryAfter, c.ReadWait,
	} {
		if d <= 0 {
			errs = append(errs, errors.New("mlflow: times must be above zero"))
			break
		}
	}
	return errors.Join(errs...)
}
