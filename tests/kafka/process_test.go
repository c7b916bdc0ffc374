package kafka_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spanmill/spanmill/internal/testkit"
	"github.com/spanmill/spanmill/tests/e2e/harness"
)

const patience = time.Minute

// process is one of our binaries, killed with the test at the latest.
type process struct {
	cmd     *exec.Cmd
	admin   string
	logFile string
	exited  chan struct{} // closed once exit is set
	exit    error
}

// launch starts a binary with an admin listener.
func launch(t *testing.T, program string, env []string, args ...string) *process {
	t.Helper()
	p := &process{
		admin: testkit.FreeAddr(t), logFile: filepath.Join(t.TempDir(), program+".log"), exited: make(chan struct{}),
	}
	log, err := os.Create(p.logFile)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p.cmd = exec.Command(harness.BuildProgram(t, program, ""), append(args, "--admin", p.admin)...)
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { // ends with the process, which Cleanup kills
		p.exit = p.cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s:\n%s", program, p.log())
		}
	})
	return p
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill() // already gone is as good
	<-p.exited
}

func (p *process) log() string {
	text, err := os.ReadFile(p.logFile)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// page asks the admin listener.
func (p *process) page(t *testing.T, path string) (status int, body string, err error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+p.admin+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// awaitReady waits until the process says that it is ready.
func (p *process) awaitReady(t *testing.T) {
	t.Helper()
	testkit.Eventually(t, patience, func() error {
		status, body, err := p.page(t, "/ready")
		if err == nil && status != http.StatusOK {
			err = errors.New(body)
		}
		return err
	})
}

// awaitWaiting waits until the process is alive, not ready for the given
// reason, and has said so in its log.
func (p *process) awaitWaiting(t *testing.T, reason string) {
	t.Helper()
	testkit.Eventually(t, patience, func() error {
		if err := p.notReady(t, reason); err != nil {
			return err
		}
		if !strings.Contains(p.log(), reason) {
			return fmt.Errorf("the log does not say %q", reason)
		}
		return nil
	})
}

// awaitNotReady waits until the process is alive and not ready for the reason.
func (p *process) awaitNotReady(t *testing.T, reason string) {
	t.Helper()
	testkit.Eventually(t, patience, func() error { return p.notReady(t, reason) })
}

func (p *process) notReady(t *testing.T, reason string) error {
	t.Helper()
	if status, _, err := p.page(t, "/health"); err != nil || status != http.StatusOK {
		return fmt.Errorf("health: %d, %w", status, err)
	}
	status, body, err := p.page(t, "/ready")
	if err != nil || status != http.StatusServiceUnavailable || !strings.Contains(body, reason) {
		return fmt.Errorf("ready: %d %s, %w; want 503 and %q", status, body, err, reason)
	}
	return nil
}

// peak is the most memory that the process had so far, as the kernel says it.
func (p *process) peak() string {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return err.Error()
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(line)
}

// terminate wants an orderly end.
func (p *process) terminate(t *testing.T) {
	t.Helper()
	t.Logf("%s: peak RSS %s", filepath.Base(p.cmd.Path), p.peak())
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-p.exited:
		if p.exit != nil {
			t.Errorf("stopped: %v", p.exit)
		}
	case <-late.C:
		t.Errorf("still running after %s", patience)
	}
}

// run runs `spanmill …` to its end and gives what it printed.
func run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), harness.BuildProgram(t, "spanmill", ""), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("spanmill %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}
