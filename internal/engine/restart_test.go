package engine_test

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/engine"
	"github.com/spanmill/spanmill/internal/engine/enginetest"
	"github.com/spanmill/spanmill/internal/testkit"
)

// memory reads one line of a process's memory figures, in bytes.
func memory(t *testing.T, pid int, name string) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Fatalf("no %s in %s", name, status)
	return 0
}

// gone says whether a process has ended (or is a zombie that nobody reaps).
func gone(pid int) error {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ESRCH), strings.Contains(string(stat), ") Z "):
		return nil
	case err != nil:
		return err
	}
	return fmt.Errorf("process %d is still there", pid)
}

func TestKilledChildComesBack(t *testing.T) {
	reg := prometheus.NewRegistry()
	e, _ := enginetest.Run(t, enginetest.Config(t, t.TempDir()), reg)
	at := e.Endpoint()
	createRows(t, at)
	const kills = 3
	for i := range kills {
		acked := call{query: insertSQL, body: nativeBlock(t, 1000, 1, 20)}
		if _, err := do(t, at, acked); err != nil {
			t.Fatal(err)
		}
		killAndAwait(t, e)
		if e.Endpoint() != at {
			t.Fatalf("endpoint moved from %v to %v", at, e.Endpoint())
		}
		want(t, at, "SELECT count() FROM rows", strconv.Itoa(1000*(i+1)))
	}
	if got := counter(t, reg, "spanmill_engine_restarts_total"); got != kills {
		t.Errorf("%v restarts counted, want %d", got, kills)
	}
}

// counter reads a counter without labels.
func counter(t *testing.T, reg prometheus.Gatherer, name string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

// killAndAwait kills the child and waits for the next one, after having seen
// that the engine said it was away.
func killAndAwait(t *testing.T, e *engine.Engine) {
	t.Helper()
	before := e.Ready()
	if err := syscall.Kill(e.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, 10*time.Second, func() error {
		if e.Ready() == before {
			return errors.New("the dead engine says it is ready")
		}
		return nil
	})
	enginetest.Await(t, e, nil)
}

func TestStopsCleanlyAndKeepsItsPassword(t *testing.T) {
	cfg := enginetest.Config(t, t.TempDir())
	e, stop := enginetest.Run(t, cfg, nil)
	first, pid := e.Endpoint(), e.PID()
	createRows(t, first)
	stop()
	if err := gone(pid); err != nil {
		t.Error(err)
	}
	select {
	case <-e.Ready():
		t.Error("a stopped engine says it is ready")
	default:
	}
	cfg.HTTPAddr, cfg.TCPAddr = first.HTTPAddr, first.TCPAddr
	e, _ = enginetest.Run(t, cfg, nil)
	if e.Endpoint() != first {
		t.Errorf("endpoint %v, before %v", e.Endpoint(), first)
	}
	want(t, first, "SELECT count() FROM rows", "0")
}

func TestChildDiesWithItsParent(t *testing.T) {
	cfg := enginetest.Config(t, t.TempDir())
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	parent := exec.CommandContext(t.Context(), self, parentArg, cfg.LibPath, cfg.DataDir)
	parent.Stderr = t.Output()
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // killed, as asked

	// The next parent comes while the leftover engine may still be there.
	e, _ := enginetest.Run(t, cfg, nil)
	if err := gone(child); err != nil {
		t.Errorf("two engines at once: %v", err)
	}
	want(t, e.Endpoint(), "SELECT 1", "1")
}

func TestStartFailsWithTheReason(t *testing.T) {
	cfg := enginetest.Config(t, t.TempDir())
	cfg.LibPath = t.TempDir() + "/libchdb.so"
	if err := os.WriteFile(cfg.LibPath, []byte("not a library"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := newEngine(cfg).Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "load "+cfg.LibPath) {
		t.Errorf("got %v", err)
	}
}

func TestSecondEngineOnOneDirectory(t *testing.T) {
	cfg := enginetest.Config(t, t.TempDir())
	e, _ := enginetest.Run(t, cfg, nil)
	cfg.StartTimeout = 2 * time.Second // shorter than the child would wait
	err := newEngine(cfg).Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("process %d", e.PID())) {
		t.Errorf("got %v, want the process that holds the directory", err)
	}
	want(t, e.Endpoint(), "SELECT 1", "1")
}

func TestBusyPortIsSaidBeforeStarting(t *testing.T) {
	cfg := enginetest.Config(t, t.TempDir())
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", cfg.TCPAddr)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	cfg.TCPAddr = l.Addr().String()
	err = newEngine(cfg).Run(t.Context())
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), cfg.TCPAddr) {
		t.Errorf("got %v, want that %s is in use", err, cfg.TCPAddr)
	}
}
