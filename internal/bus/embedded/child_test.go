package embedded_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/bus/embedded"
	"github.com/spanmill/spanmill/pkg/pipeline"
)

const (
	childEnv = "SPANMILL_TEST_BUS_DIR"
	group    = "g"
	topic    = "spans"
)

func config(dir string) embedded.Config {
	cfg := embedded.Default()
	cfg.Dir, cfg.Listen = dir, "127.0.0.1:0"
	cfg.Hold = map[string][]string{topic: {group}}
	return cfg
}

// runAsChild turns this test binary into a bus that is to be killed: it prints
// its address and serves until its input ends.
func runAsChild() bool {
	dir := os.Getenv(childEnv)
	if dir == "" {
		return false
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	b, err := embedded.Open(context.Background(), config(dir), embedded.Deps{Log: log, Reg: prometheus.NewRegistry()})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(b.Addr())
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n') // or its end: then the parent is gone
	if err := b.Close(); err != nil {
		os.Exit(1)
	}
	return true
}

// child is a bus in a process of its own.
type child struct {
	addr  string
	cmd   *exec.Cmd
	stdin io.Closer
}

func startChild(t *testing.T, dir string) *child {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), childEnv+"="+dir)
	cmd.Stderr = t.Output()
	stdin, err := cmd.StdinPipe() // held open: the child ends with us
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{cmd: cmd, stdin: stdin}
	t.Cleanup(c.kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("bus did not start: %v", err)
	}
	c.addr = strings.TrimSpace(line)
	return c
}

// kill ends the process with SIGKILL and waits until the kernel has it.
func (c *child) kill() {
	_ = c.cmd.Process.Kill() // fails only if it has ended
	_ = c.cmd.Wait()         // says that it was killed
}

// close ends it in order.
func (c *child) close(t *testing.T) {
	t.Helper()
	c.stdin.Close()
	if err := c.cmd.Wait(); err != nil {
		t.Errorf("bus did not close in order: %v", err)
	}
}

// open starts a bus in this process.
func open(t *testing.T, cfg embedded.Config, floor embedded.Floor) *embedded.Bus {
	t.Helper()
	b, err := embedded.Open(t.Context(), cfg, embedded.Deps{Floor: floor, Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Reg: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// seen is a floor of tables that hold rows up to offset-1 of partition 0.
func seen(offset int64) embedded.Floor {
	return func(_ context.Context, log pipeline.Log) (int64, error) {
		if log.Partition == 0 {
			return offset, nil
		}
		return 0, nil
	}
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func newRegistry() *prometheus.Registry { return prometheus.NewRegistry() }
