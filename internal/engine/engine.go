package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Engine supervises one child.
type Engine struct {
	cfg Config
	log *slog.Logger
	m   metrics

	mu       sync.Mutex
	ready    chan struct{} // closed while the child answers
	endpoint Endpoint
	pid      int
}

// New returns an engine that Run will start.
func New(cfg Config, log *slog.Logger, reg prometheus.Registerer) *Engine {
	return &Engine{cfg: cfg, log: log.With("service", "engine"), m: newMetrics(reg), ready: make(chan struct{})}
}

// Ready returns a channel that is closed while the engine answers. It is
// another channel after each time the engine was away, so ask again.
func (e *Engine) Ready() <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.ready
}

// Endpoint says how to reach the engine. It is complete from the first time
// Ready is closed, and does not change then.
func (e *Engine) Endpoint() Endpoint {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.endpoint
}

// PID is the process id of the child, 0 while there is none.
func (e *Engine) PID() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.pid
}

// Run starts the engine and keeps it running until ctx ends; then it stops it
// and returns nil. It returns an error if the engine cannot start at all: once
// it has run, Run starts it again for ever.
func (e *Engine) Run(ctx context.Context) error {
	at, release, err := e.prepare()
	if err != nil {
		return fmt.Errorf("prepare engine: %w", err)
	}
	defer release()

	ran, delay := false, time.Duration(0)
	for {
		began := time.Now()
		served, err := e.runChild(ctx, at)
		ran = ran || served
		switch {
		case ctx.Err() != nil:
			return nil
		case !ran:
			return fmt.Errorf("start engine: %w", err)
		case time.Since(began) > stableAfter:
			delay = 0
		}
		e.m.restarts.Inc()
		e.log.WarnContext(ctx, "engine ended, starting it again", "delay", delay, "err", err)
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return nil
		}
		delay = min(max(2*delay, minRestartDelay), e.cfg.MaxRestartDelay)
	}
}

const (
	// minRestartDelay is the delay before the second start in a row; the
	// first is at once.
	minRestartDelay = 200 * time.Millisecond
	// stableAfter is how long an engine runs before its end is one by itself.
	stableAfter = time.Minute
)

// prepare does what is done once per Engine: directory, password, ports.
func (e *Engine) prepare() (at Endpoint, release func(), err error) {
	if err := e.cfg.Validate(); err != nil {
		return at, nil, err
	}
	if err := Supported(); err != nil {
		return at, nil, err
	}
	if e.cfg.DataDir, err = filepath.Abs(e.cfg.DataDir); err != nil {
		return at, nil, err
	}
	dir := Dir(e.cfg.DataDir)
	// Without a metadata directory the library runs no background drops at all.
	if err := os.MkdirAll(filepath.Join(dir.Tables(), "metadata"), 0o700); err != nil {
		return at, nil, err
	}
	at = Endpoint{Database: Database, User: User}
	if at.Password, err = loadPassword(dir); err != nil {
		return at, nil, fmt.Errorf("password: %w", err)
	}
	var releaseHTTP, releaseTCP func()
	if at.HTTPAddr, releaseHTTP, err = reservePort(e.cfg.HTTPAddr); err != nil {
		return at, nil, fmt.Errorf("HTTP address: %w", err)
	}
	if at.TCPAddr, releaseTCP, err = reservePort(e.cfg.TCPAddr); err != nil {
		releaseHTTP()
		return at, nil, fmt.Errorf("native address: %w", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.endpoint = at
	return at, func() { releaseHTTP(); releaseTCP() }, nil
}

// errEnded is the end of a child that somebody else asked to stop.
var errEnded = errors.New("the engine stopped in order, though not by our wish")

// runChild runs one child from start to end and says whether it ever served.
func (e *Engine) runChild(ctx context.Context, at Endpoint) (served bool, err error) {
	began := time.Now()
	if err := writeFiles(Dir(e.cfg.DataDir), e.cfg, at); err != nil {
		return false, fmt.Errorf("write configuration: %w", err)
	}
	p, err := startProcess(ctx, e.cfg)
	if err != nil {
		return false, err
	}
	e.setPID(p.pid())
	defer e.setPID(0)
	if err := e.awaitReady(ctx, p, at); err != nil {
		return false, p.explain(err)
	}
	p.output.forget() // a greeting explains no later end
	e.setReady(true)
	defer e.setReady(false)
	e.log.InfoContext(ctx, "engine is ready", "http", at.HTTPAddr, "native", at.TCPAddr,
		"pid", p.pid(), "took", time.Since(began).Round(time.Millisecond))
	<-p.ended
	return true, p.explain(cmp.Or(p.err, errEnded))
}

// awaitReady waits for the child's readiness; after an error the child is gone.
func (e *Engine) awaitReady(ctx context.Context, p *process, at Endpoint) error {
	starting, cancel := context.WithTimeout(ctx, e.cfg.StartTimeout)
	defer cancel()
	err := p.awaitReady(starting, at)
	switch {
	case ctx.Err() != nil:
		<-p.ended // it was told to stop
	case err != nil:
		p.kill()
	}
	return err
}

func (e *Engine) setPID(pid int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.pid = pid
}

func (e *Engine) setReady(ready bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if ready {
		e.m.up.Set(1)
		close(e.ready)
		return
	}
	e.m.up.Set(0)
	e.ready = make(chan struct{})
}
