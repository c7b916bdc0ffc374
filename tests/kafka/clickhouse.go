package kafka

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/engine"
	"github.com/spanmill/spanmill/internal/engine/enginetest"
	"github.com/spanmill/spanmill/internal/testkit"
)

// ClickHouse is the engine as a server of its own, for writers that find it by
// its address. Address, user and password are settled before it runs and stay.
type ClickHouse struct {
	// At is how to reach it, PasswordFile holds At.Password.
	At           engine.Endpoint
	PasswordFile string

	cfg     engine.Config
	life    testing.TB
	running *engine.Engine
	stop    func()
}

// NewClickHouse settles all that it needs. The test binary is the engine's
// process too, so TestMain must begin with child.MainIfChild().
func NewClickHouse(t testing.TB) *ClickHouse {
	t.Helper()
	c := &ClickHouse{cfg: enginetest.Config(t, t.TempDir())}
	// Its ports are not among those that the kernel hands out to whoever dials:
	// they are to be free still when it comes back after a while.
	c.cfg.HTTPAddr, c.cfg.TCPAddr = testkit.FreeAddr(t), testkit.FreeAddr(t)
	c.Start(t) // which makes up the password
	c.At = c.running.Endpoint()
	c.Stop()
	c.PasswordFile = filepath.Join(c.cfg.DataDir, "password")
	return c
}

// URL is its HTTP address.
func (c *ClickHouse) URL() string { return "http://" + c.At.HTTPAddr }

// Start runs it until Stop or the test's end and returns when it answers.
func (c *ClickHouse) Start(t testing.TB) {
	t.Helper()
	c.life = t
	c.Restart(t)
}

// Restart runs it again after Stop, for as long as Start said.
func (c *ClickHouse) Restart(t testing.TB) {
	t.Helper()
	c.running, c.stop = enginetest.Run(c.life, c.cfg, prometheus.NewRegistry())
}

// Stop ends it in order.
func (c *ClickHouse) Stop() { c.stop() }

// PID is the process's, 0 between two of them.
func (c *ClickHouse) PID() int { return c.running.PID() }

// Kill ends the process with SIGKILL. It is started again at once, on the same
// data and at the same address.
func (c *ClickHouse) Kill(t testing.TB) {
	t.Helper()
	pid := c.PID()
	if pid == 0 {
		t.Fatal("ClickHouse is not there to be killed")
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatalf("kill ClickHouse: %v", err)
	}
}
