// Package enginetest gives the tests of other packages a real ClickHouse: the
// embedded engine, one per test, which takes about 0.2 s.
//
// The engine is the test binary itself, re-executed, so TestMain must begin
// with child.MainIfChild().
package enginetest

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/engine"
)

// startTimeout is generous: the test may run beside many others.
const startTimeout = 2 * time.Minute

// Lib returns the path of the engine library. It skips the test where the
// engine cannot run, and fails it where the library is missing.
func Lib(tb testing.TB) string {
	tb.Helper()
	if err := engine.Supported(); err != nil {
		tb.Skip(err)
	}
	lib, err := engine.Find(engine.FetchOptions{
		LibPath:  os.Getenv("SPANMILL_ENGINE_LIB"),
		CacheDir: os.Getenv("SPANMILL_CACHE"),
	})
	if err != nil {
		tb.Fatalf("%v\nOr name a library with SPANMILL_ENGINE_LIB=/path/to/libchdb.so.", err)
	}
	return lib
}

// Config returns a configuration for dir with the library found.
func Config(tb testing.TB, dir string) engine.Config {
	tb.Helper()
	cfg := engine.Default()
	cfg.LibPath = Lib(tb)
	cfg.DataDir = dir
	return cfg
}

// Start runs an engine on a new data directory until the test ends.
func Start(tb testing.TB) *engine.Engine {
	tb.Helper()
	e, _ := Run(tb, Config(tb, tb.TempDir()), prometheus.NewRegistry())
	return e
}

// Run runs an engine until stop is called or the test ends, and returns when
// it is ready.
func Run(tb testing.TB, cfg engine.Config, reg prometheus.Registerer) (e *engine.Engine, stop func()) {
	tb.Helper()
	e = engine.New(cfg, slog.New(slog.NewTextHandler(tb.Output(), nil)), reg)
	// The test's context ends before its cleanups, which may need the engine.
	ctx, cancel := context.WithCancel(context.WithoutCancel(tb.Context()))
	ended := make(chan struct{})
	var err error
	go func() { // ends with ctx; stop waits for it
		defer close(ended)
		err = e.Run(ctx)
	}()
	stop = func() {
		cancel()
		<-ended
		if err != nil {
			tb.Errorf("run the engine: %v", err)
		}
	}
	tb.Cleanup(stop)
	Await(tb, e, ended)
	return e, stop
}

// Await returns once the engine answers, and fails the test if ended closes
// before.
func Await(tb testing.TB, e *engine.Engine, ended <-chan struct{}) {
	tb.Helper()
	select {
	case <-e.Ready():
	case <-ended:
		tb.FailNow() // stop says why
	case <-time.After(startTimeout):
		tb.Fatal("the engine is not ready")
	}
}
