package machine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/demo/oracle"
	"github.com/spanmill/spanmill/internal/engine"
)

// Engine is a ClickHouse with a data directory of its own.
type Engine struct {
	engine.Endpoint

	run    *engine.Engine
	cancel context.CancelFunc
	ended  chan struct{}
	err    error // why; read after ended
}

// FindEngine gives the path of the engine's library.
func FindEngine() (string, error) {
	return engine.Find(engine.FetchOptions{LibPath: os.Getenv("SPANMILL_ENGINE_LIB"), CacheDir: os.Getenv("SPANMILL_CACHE")})
}

// StartEngine runs an engine with the library lib and all its data in dir, and
// returns when it serves. memory is what it may have resident, in bytes.
func StartEngine(ctx context.Context, lib, dir string, memory int64) (*Engine, error) {
	cfg := engine.Default()
	cfg.LibPath, cfg.DataDir, cfg.MaxMemoryBytes = lib, dir, memory
	e := &Engine{
		run:   engine.New(cfg, slog.New(slog.DiscardHandler), prometheus.NewRegistry()),
		ended: make(chan struct{}),
	}
	var running context.Context
	running, e.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go func() { // ends with Stop
		defer close(e.ended)
		e.err = e.run.Run(running)
	}()
	select {
	case <-e.run.Ready():
		e.Endpoint = e.run.Endpoint()
		return e, nil
	case <-e.ended:
		e.cancel()
		return nil, fmt.Errorf("start ClickHouse: %w", errors.Join(e.err, errors.New("it ended")))
	case <-ctx.Done():
		e.Stop()
		return nil, context.Cause(ctx)
	}
}

// PID is the process that does the work.
func (e *Engine) PID() int { return e.run.PID() }

// Stop ends the engine.
func (e *Engine) Stop() {
	e.cancel()
	<-e.ended
}

// Rows asks the engine in a way that package oracle understands.
func (e *Engine) Rows() *oracle.ClickHouse {
	return &oracle.ClickHouse{URL: "http://" + e.HTTPAddr, User: e.User, Password: e.Password}
}

// Query gives the one row of a query, its columns apart.
func (e *Engine) Query(ctx context.Context, sql string) ([]string, error) {
	body, err := e.Rows().Query(ctx, sql+" FORMAT TSV")
	if err != nil {
		return nil, err
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	if err != nil {
		return nil, fmt.Errorf("query clickhouse: %w", err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\t"), nil
}

// Count gives the one number of a query.
func (e *Engine) Count(ctx context.Context, sql string) (uint64, error) {
	row, err := e.Query(ctx, sql)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(row[0], 10, 64)
}

const (
	// settleEvery paces questions that are work for the engine themselves.
	settleEvery = 500 * time.Millisecond
	// quiet is how long nothing may have been merged for merges to be over.
	quiet = 5 * time.Second
	// settleTimeout bounds the wait: a server with endless work is measured too.
	settleTimeout = 3 * time.Minute
)

// Settle returns when background merges are over, which it says, or have taken
// too long.
func (e *Engine) Settle(ctx context.Context) (over bool, err error) {
	parts, since := "", time.Now()
	began := since
	err = Poll(ctx, settleEvery, func(ctx context.Context) (bool, error) {
		row, err := e.Query(ctx, "SELECT (SELECT count() FROM system.merges), (SELECT count() FROM system.parts WHERE active)")
		switch {
		case err != nil: // it may lack memory while it merges
			parts, since = "", time.Now()
		case row[0] != "0" || row[1] != parts:
			parts, since = row[1], time.Now()
		}
		over = time.Since(since) >= quiet
		return over || time.Since(began) > settleTimeout, nil
	})
	return over, err
}
