package demo

import (
	"errors"
	"fmt"
	"time"
)

// Options decide every byte that a Generator makes. They are the head of a
// ledger: with them any process recomputes any span.
type Options struct {
	Seed uint64 `json:"seed"`
	// BaseUnixNano is when trace 0 starts; each trace starts SpacingNano after
	// the one before it.
	BaseUnixNano uint64 `json:"base_unix_nano"`
	SpacingNano  uint64 `json:"spacing_nano"`
	// SpanBytes is about the mean size of an encoded span; text makes up what
	// ids, names and numbers leave of it.
	SpanBytes int `json:"span_bytes"`
	// Every HugeEvery-th trace has HugeSpans spans; 0: none has.
	HugeEvery uint64 `json:"huge_every,omitempty"`
	HugeSpans uint32 `json:"huge_spans,omitempty"`
	// Experiment is sent in the header x-mlflow-experiment-id when not empty,
	// and is then the experiment of every span.
	Experiment string `json:"experiment,omitempty"`
	// Tenant is whose key the sender uses: what the rows must say.
	Tenant string `json:"tenant"`
}

// DefaultOptions are traces of mean size, a few thousand per second of event
// time, that begin at now.
func DefaultOptions(seed uint64, now time.Time) Options {
	return Options{
		Seed:         seed,
		BaseUnixNano: uint64(now.UnixNano()),
		SpacingNano:  uint64(200 * time.Microsecond),
		SpanBytes:    1100,
		HugeSpans:    30_000,
		Tenant:       "default",
	}
}

// The bounds of Options. Spans of a trace have to fit their 20 bits of a
// message's reference, and text has to leave room for the fixed part.
const (
	minSpanBytes = 900
	maxSpanBytes = 4 << 20
	maxHugeSpans = 1 << 20
)

// Validate reports all that is wrong with o.
func (o Options) Validate() error {
	var errs []error
	if o.SpanBytes < minSpanBytes || o.SpanBytes > maxSpanBytes {
		errs = append(errs, fmt.Errorf("span bytes %d: want %d to %d", o.SpanBytes, minSpanBytes, maxSpanBytes))
	}
	if o.HugeEvery > 0 && (o.HugeSpans == 0 || o.HugeSpans > maxHugeSpans) {
		errs = append(errs, fmt.Errorf("huge spans %d: want 1 to %d", o.HugeSpans, maxHugeSpans))
	}
	if o.BaseUnixNano == 0 {
		errs = append(errs, errors.New("base time is 0: spans would start in 1970"))
	}
	if o.Tenant == "" {
		errs = append(errs, errors.New("tenant is empty"))
	}
	return errors.Join(errs...)
}

// random is a small, fast generator (wyrand). Its whole state is one number,
// so a span can have its own.
type random uint64

func (r *random) next() uint64 {
	*r += 0xa0761d6478bd642f
	return mulFold(uint64(*r), uint64(*r)^0xe7037ed1a0b428db)
}

// below gives a number in [0, n).
func (r *random) below(n int) int { return int(r.next() >> 32 * uint64(n) >> 32) }

// between gives a number in [low, high].
func (r *random) between(low, high int) int { return low + r.below(high-low+1) }

// chance is true percent times in a hundred.
func (r *random) chance(percent int) bool { return r.below(100) < percent }
