package engine_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/spanmill/spanmill/internal/engine"
	"github.com/spanmill/spanmill/internal/engine/child"
)

func TestMain(m *testing.M) {
	child.MainIfChild()
	if len(os.Args) == 4 && os.Args[1] == parentArg {
		beParent(os.Args[2], os.Args[3])
	}
	goleak.VerifyTestMain(m)
}

// parentArg makes the test binary a parent that runs an engine, says its
// process id and waits to be killed.
const parentArg = "engine-parent"

func beParent(lib, dir string) {
	cfg := engine.Default()
	cfg.LibPath, cfg.DataDir = lib, dir
	e := engine.New(cfg, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	go func() {
		fmt.Fprintln(os.Stderr, e.Run(context.Background()))
		os.Exit(1)
	}()
	<-e.Ready()
	fmt.Println(e.PID())
	select {}
}

func newEngine(cfg engine.Config) *engine.Engine {
	return engine.New(cfg, slog.New(slog.DiscardHandler), nil)
}
