package load

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spanmill/spanmill/internal/demo/ledger"
)

// Config says how to send.
type Config struct {
	// Workers send at once, one request each. In an open loop they bound how many
	// requests are under way; those beyond wait, and their latency shows it.
	Workers int
	// Rate is in spans a second: an open loop. 0: a closed one.
	Rate float64
	// Timeout bounds one try of one request.
	Timeout time.Duration
	// Backoff is the wait before the first retry; it doubles up to MaxBackoff.
	Backoff, MaxBackoff time.Duration
	// Ledger is told what is sent and what is acked; nil: nobody wants to know.
	Ledger *ledger.Ledger
}

// DefaultConfig is a closed loop of four workers.
func DefaultConfig() Config {
	return Config{Workers: 4, Timeout: time.Minute, Backoff: 20 * time.Millisecond, MaxBackoff: 2 * time.Second}
}

// Client sends one request. It is safe for concurrent use.
type Client interface {
	// Post tries once. An error that is a *RetryError may be tried again; any other is
	// for good.
	Post(ctx context.Context, body []byte) error
	Close() error
}

// RetryError is an answer, or the lack of one, after which a request may be sent
// again.
type RetryError struct{ Reason error }

func (e *RetryError) Error() string { return "try again: " + e.Reason.Error() }

func (e *RetryError) Unwrap() error { return e.Reason }

// Result is what a run of Send did.
type Result struct {
	Spans    uint64 // acked
	Requests int
	Retries  int // tries after a first
	Elapsed  time.Duration
	// Latencies has each request's, retries included, the shortest first.
	Latencies Latencies
}

// Rate is in spans a second.
func (r Result) Rate() float64 { return float64(r.Spans) / max(r.Elapsed.Seconds(), 1e-9) }

// Latencies are sorted.
type Latencies []time.Duration

// Quantile gives the latency that a share q of requests, at least, did not exceed.
func (l Latencies) Quantile(q float64) time.Duration {
	if len(l) == 0 {
		return 0
	}
	rank := int(q * float64(len(l)))
	if float64(rank) < q*float64(len(l)) {
		rank++
	}
	return l[min(max(rank, 1), len(l))-1]
}

// Send sends all bodies and returns once each is acked. The first refusal for
// good, or the end of ctx, ends it with an error.
func Send(ctx context.Context, bodies []Body, client Client, c Config) (Result, error) {
	if c.Workers < 1 || c.Rate < 0 || c.Timeout <= 0 || c.Backoff <= 0 {
		return Result{}, errors.New("send: want workers, a time-out, a back-off, and a rate that is not negative")
	}
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	r := &run{Config: c, bodies: bodies, client: client, began: time.Now(), latencies: make(Latencies, len(bodies))}
	r.due = dueTimes(bodies, c.Rate)
	var workers sync.WaitGroup
	for range c.Workers {
		workers.Go(func() {
			if err := r.work(ctx); err != nil {
				fail(err) // the first one counts; the others stop
			}
		})
	}
	workers.Wait()
	if err := context.Cause(ctx); err != nil {
		return Result{}, fmt.Errorf("send: %w", err)
	}
	slices.Sort(r.latencies)
	return Result{
		Spans: r.spans.Load(), Requests: len(bodies), Retries: int(r.retries.Load()),
		Elapsed: time.Since(r.began), Latencies: r.latencies,
	}, nil
}

// dueTimes says when each body is due, from the start; nil in a closed loop.
func dueTimes(bodies []Body, rate float64) []time.Duration {
	if rate == 0 {
		return nil
	}
	due, spans := make([]time.Duration, len(bodies)), 0
	for i := range bodies {
		due[i] = time.Duration(float64(spans) / rate * float64(time.Second))
		spans += bodies[i].Spans
	}
	return due
}

// run is a Send under way.
type run struct {
	Config

	bodies    []Body
	client    Client
	began     time.Time
	due       []time.Duration
	next      atomic.Int64
	latencies Latencies // by body

	spans   atomic.Uint64
	retries atomic.Int64
}

func (r *run) work(ctx context.Context) error {
	for {
		n := int(r.next.Add(1)) - 1
		if n >= len(r.bodies) {
			return nil
		}
		from := time.Now()
		if r.due != nil {
			from = r.began.Add(r.due[n])
			if err := wait(ctx, time.Until(from)); err != nil {
				return err
			}
		}
		if err := r.deliver(ctx, &r.bodies[n]); err != nil {
			return err
		}
		r.latencies[n] = time.Since(from)
		r.spans.Add(uint64(r.bodies[n].Spans))
	}
}

// deliver sends a body until it is acked.
func (r *run) deliver(ctx context.Context, b *Body) error {
	if err := r.Ledger.Record(ledger.Entry{Piece: b.Piece}); err != nil {
		return err
	}
	backoff := r.Backoff
	for {
		err := r.try(ctx, b.Bytes)
		var again *RetryError
		switch {
		case err == nil:
			return r.Ledger.Record(ledger.Entry{Piece: b.Piece, Outcome: ledger.Acked})
		case !errors.As(err, &again):
			return err
		}
		r.retries.Add(1)
		if err := wait(ctx, backoff); err != nil {
			return errors.Join(err, again)
		}
		backoff = min(2*backoff, r.MaxBackoff)
	}
}

func (r *run) try(ctx context.Context, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	return r.client.Post(ctx, body)
}

// wait returns nil once d is over, or why ctx ended.
func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return context.Cause(ctx)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
