package sender

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spanmill/spanmill/internal/demo"
	"github.com/spanmill/spanmill/internal/demo/ledger"
)

// Config says where and how to send.
type Config struct {
	// URL is the OTLP/HTTP traces endpoint, with its path (/v1/traces).
	URL string
	// Header is added to each request: an API key, for example.
	Header http.Header
	Gzip   bool
	// Workers send at once, one request each.
	Workers int
	// BatchSpans is how many spans a request has.
	BatchSpans int
	// Rate is in spans a second; 0: as fast as they are taken.
	Rate float64
	// Spans is how many to send in this run; 0: until the context ends.
	Spans uint64
	// Timeout bounds one try of one request.
	Timeout time.Duration
	// MinBackoff and MaxBackoff bound the wait before a retry, which doubles
	// from one to the other; a longer Retry-After of the server wins.
	MinBackoff, MaxBackoff time.Duration
	// Grace is how long requests under way may go on when the context ends.
	Grace time.Duration
	// Progress is called every ProgressEvery, and once at the end, by one
	// goroutine; nil: nobody wants to know.
	Progress      func(Totals)
	ProgressEvery time.Duration
}

// DefaultConfig sends without end to url, as fast as it is taken.
func DefaultConfig(url string) Config {
	return Config{
		URL: url, Workers: 4, BatchSpans: 512, Timeout: time.Minute,
		MinBackoff: 100 * time.Millisecond, MaxBackoff: 5 * time.Second,
		Grace: 5 * time.Second, ProgressEvery: time.Second,
	}
}

// Validate reports all that is wrong with c.
func (c Config) Validate() error {
	var errs []error
	if u, err := url.Parse(c.URL); err != nil || u.Host == "" {
		errs = append(errs, fmt.Errorf("url %q: want http://host:port/v1/traces", c.URL))
	}
	if c.Workers < 1 || c.BatchSpans < 1 {
		errs = append(errs, fmt.Errorf("%d workers, %d spans a request: want at least 1", c.Workers, c.BatchSpans))
	}
	if c.Rate < 0 {
		errs = append(errs, fmt.Errorf("rate %g is negative", c.Rate))
	}
	if c.Timeout <= 0 || c.MinBackoff <= 0 || c.MaxBackoff < c.MinBackoff || c.Grace < 0 {
		errs = append(errs, errors.New("time-out and back-off must be positive, and in order"))
	}
	if c.Progress != nil && c.ProgressEvery <= 0 {
		errs = append(errs, errors.New("progress interval must be positive"))
	}
	return errors.Join(errs...)
}

// Totals count what a run of Send has done so far.
type Totals struct {
	Acked, Refused, Doubt uint64 // spans
	Requests, Retries     uint64 // tries in all, and those after a first
	Bytes                 uint64 // of acked requests, before compression
	Elapsed               time.Duration
	// LastProblem is the newest reason for a retry or a refusal.
	LastProblem string
}

// Send sends spans of g in their order, from where the ledger ends. A request
// that meets 429, 502, 503, 504 or no answer is sent again, byte for byte, until
// it is answered; what the product refuses for good is recorded and passed
// over, unless nothing else can follow (no such key, no such path): that is the
// error of Send. When ctx ends no new request begins; the end of ctx is no
// error.
func Send(ctx context.Context, g *demo.Generator, l *ledger.Ledger, c Config) (Totals, error) {
	err := c.Validate()
	if err != nil {
		return Totals{}, fmt.Errorf("send: %w", err)
	}
	work, stop := withGrace(ctx, c.Grace)
	defer stop()
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: c.Workers, DisableCompression: true}
	defer transport.CloseIdleConnections()

	spans := c.Spans
	if spans == 0 {
		spans = 1 << 62 // no end
	}
	s := &sender{
		config: c, generator: g, ledger: l,
		client:  &http.Client{Transport: transport, Timeout: c.Timeout},
		pace:    pace{rate: c.Rate},
		cursor:  g.NewCursor(l.End(), spans),
		started: time.Now(),
	}
	stopping, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var workers sync.WaitGroup
	for range c.Workers {
		workers.Go(func() {
			if err := s.work(stopping, work); err != nil {
				fail(err) // the first one counts; the others stop
			}
		})
	}
	s.report(workers.Wait)
	if ctx.Err() == nil {
		err = context.Cause(stopping)
	}
	return s.totals(), err
}

// withGrace gives a context that ends some time after ctx does.
func withGrace(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	timer := time.AfterFunc(math.MaxInt64, cancel) // set when ctx ends
	unhook := context.AfterFunc(ctx, func() { timer.Reset(grace) })
	return work, func() {
		unhook()
		timer.Stop()
		cancel()
	}
}

// sender is a run of Send.
type sender struct {
	config    Config
	generator *demo.Generator
	ledger    *ledger.Ledger
	client    *http.Client
	pace      pace
	started   time.Time

	mu     sync.Mutex
	cursor *demo.Cursor

	acked, refused, doubt, requests, retries, bytes atomic.Uint64
	problem                                         atomic.Pointer[string]
}

func (s *sender) totals() Totals {
	t := Totals{
		Acked: s.acked.Load(), Refused: s.refused.Load(), Doubt: s.doubt.Load(),
		Requests: s.requests.Load(), Retries: s.retries.Load(), Bytes: s.bytes.Load(),
		Elapsed: time.Since(s.started),
	}
	if p := s.problem.Load(); p != nil {
		t.LastProblem = *p
	}
	return t
}

// report calls Progress until wait returns.
func (s *sender) report(wait func()) {
	if s.config.Progress == nil {
		wait()
		return
	}
	done := make(chan struct{})
	go func() { wait(); close(done) }() // ends with the workers
	tick := time.NewTicker(s.config.ProgressEvery)
	defer tick.Stop()
	for {
		select {
		case <-done:
			s.config.Progress(s.totals())
			return
		case <-tick.C:
			s.config.Progress(s.totals())
		}
	}
}

// work sends pieces until stopping ends or there are no more.
func (s *sender) work(stopping, work context.Context) error {
	maker, body := s.generator.NewMaker(), []byte(nil)
	packer := newPacker(s.config.Gzip)
	for stopping.Err() == nil {
		piece, ok := s.take()
		if !ok || !s.pace.wait(stopping, piece.Spans) {
			return nil // a piece that was taken and not recorded was not sent
		}
		if err := s.ledger.Record(ledger.Entry{Piece: piece}); err != nil {
			return err
		}
		body = maker.AppendPiece(body[:0], piece)
		packed, err := packer.pack(body)
		if err != nil {
			return err
		}
		d := s.deliver(stopping, work, piece, packed)
		s.count(&d.Entry, len(body))
		if d.Outcome != ledger.Doubt {
			if err := s.ledger.Record(d.Entry); err != nil {
				return err
			}
		}
		if d.fatal != nil {
			return fmt.Errorf("send to %s: %w", s.config.URL, d.fatal)
		}
		if d.tries > 1 || d.Outcome != ledger.Acked {
			// The transport may still be reading what nobody answered.
			body, packer = nil, newPacker(s.config.Gzip)
		}
	}
	return nil
}

func (s *sender) take() (demo.Piece, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cursor.Next(s.config.BatchSpans)
}

func (s *sender) count(e *ledger.Entry, size int) {
	switch e.Outcome {
	case ledger.Acked, ledger.Partial:
		s.acked.Add(uint64(e.Spans - e.Rejected))
		s.refused.Add(uint64(e.Rejected))
		s.bytes.Add(uint64(size))
	case ledger.Refused:
		s.refused.Add(uint64(e.Spans))
	case ledger.Doubt:
		s.doubt.Add(uint64(e.Spans))
	}
	if e.Reason != "" {
		s.problem.Store(&e.Reason)
	}
}

// pace spaces pieces so that their spans come at a rate. It catches up at most
// a tenth of a second, so that a pause of the product is not paid back by a
// burst.
type pace struct {
	rate float64
	mu   sync.Mutex
	next time.Time
}

// wait returns when n spans may go; false when ctx ended first.
func (p *pace) wait(ctx context.Context, n int) bool {
	if p.rate == 0 {
		return true
	}
	p.mu.Lock()
	now := time.Now()
	if earliest := now.Add(-100 * time.Millisecond); p.next.Before(earliest) {
		p.next = earliest
	}
	at := p.next
	p.next = at.Add(time.Duration(float64(n) / p.rate * float64(time.Second)))
	p.mu.Unlock()
	return sleep(ctx, at.Sub(now))
}

// sleep waits; false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
