package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spanmill/spanmill/internal/testkit"
)

// Generous: they are only felt by a test that fails anyway.
const (
	startTimeout = 90 * time.Second
	stopTimeout  = 60 * time.Second
	waitTimeout  = 3 * time.Minute
)

// Command is a binary of ours to run.
type Command struct {
	// Program is its folder in cmd, Tags are build tags: "faults" builds in the
	// fault points.
	Program, Tags string
	// Args are its arguments, Env is added to the test's environment. Every flag
	// is a variable too: --max-rows is SPANMILL_MAX_ROWS.
	Args, Env []string
}

// Process is one of our binaries, running.
type Process struct {
	// Name is the program's, Path the binary, Admin where its admin pages are.
	Name, Path, Admin string

	cmd     *exec.Cmd
	logFile string
	exited  chan struct{} // closed once exit is set
	exit    error
}

// Launch starts a binary. The test's end kills it; a failed test prints the
// end of its log.
func Launch(t testing.TB, c Command) *Process {
	t.Helper()
	p := &Process{
		Name: c.Program, Path: BuildProgram(t, c.Program, c.Tags),
		logFile: filepath.Join(t.TempDir(), c.Program+".log"), exited: make(chan struct{}),
	}
	log, err := os.Create(p.logFile)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p.cmd = exec.Command(p.Path, c.Args...)
	p.cmd.Env = append(os.Environ(), c.Env...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	// A test process that dies of a time-out must not leave servers behind.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { // ends with the process, which Cleanup kills
		p.exit = p.cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() {
		children := p.children()
		p.Kill()
		awaitGone(t, children) // else they write into folders that are being removed
		if t.Failed() {
			t.Logf("the end of %s's log:\n%s", p.Name, tail(p.Log(), 200))
		}
	})
	return p
}

// PID is the process's id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Kill ends the process with SIGKILL and waits until it is gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // already gone is as good
	<-p.exited
}

// Signal sends a signal.
func (p *Process) Signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatalf("signal %s to %s: %v", s, p.Name, err)
	}
}

// Terminate asks the process to stop with SIGTERM and expects exit code 0.
func (p *Process) Terminate(t testing.TB) {
	t.Helper()
	p.Signal(t, syscall.SIGTERM)
	if err := p.Wait(t, stopTimeout); err != nil {
		t.Fatalf("%s did not stop cleanly: %v", p.Name, err)
	}
}

// Wait waits until the process ends of itself and gives what exec.Cmd.Wait did.
func (p *Process) Wait(t testing.TB, timeout time.Duration) error {
	t.Helper()
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-p.exited:
		return p.exit
	case <-timer.C:
		t.Fatalf("%s is still running after %v", p.Name, timeout)
		return nil
	}
}

// Log is all that the process printed so far.
func (p *Process) Log() string {
	content, err := os.ReadFile(p.logFile)
	if err != nil {
		return fmt.Sprintf("(log: %v)", err)
	}
	return string(content)
}

// Ended tells whether the process is gone.
func (p *Process) Ended() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// mustLive fails the test when the process has ended.
func (p *Process) mustLive(t testing.TB) {
	t.Helper()
	if p.Ended() {
		t.Fatalf("%s ended before it was ready: %v\n%s", p.Name, p.exit, tail(p.Log(), 50))
	}
}

// ResetPeak makes the kernel forget the largest size the process ever had.
func (p *Process) ResetPeak(t testing.TB) {
	t.Helper()
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.PID()), []byte("5"), 0); err != nil {
		t.Fatal(err)
	}
}

// PeakKiB is the most resident memory that the process had so far, or since
// ResetPeak, as the kernel says it (VmHWM).
func (p *Process) PeakKiB(t testing.TB) int {
	t.Helper()
	return PeakKiB(t, p.PID())
}

var peakLine = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// PeakKiB is that of any process.
func PeakKiB(t testing.TB, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	m := peakLine.FindSubmatch(status)
	if m == nil {
		t.Fatalf("no VmHWM in /proc/%d/status", pid)
	}
	n, err := strconv.Atoi(string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// children are the processes that this one started and that are there.
func (p *Process) children() (pids []int) {
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", p.PID()))
	if err != nil {
		return nil // only a malformed pattern
	}
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil {
			continue // a thread that ended meanwhile
		}
		for child := range strings.FieldsSeq(string(text)) {
			if pid, err := strconv.Atoi(child); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// awaitGone waits until processes whose parent died have died too: they, or
// what the kernel keeps of them until somebody asks, have no memory any more.
func awaitGone(t testing.TB, pids []int) {
	t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.NewTimer(stopTimeout)
	defer deadline.Stop()
	for _, pid := range pids {
		for {
			statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
			if err != nil || strings.HasPrefix(string(statm), "0 ") {
				break
			}
			select {
			case <-ticker.C:
			case <-deadline.C:
				t.Errorf("process %d outlives its parent", pid)
				return
			}
		}
	}
}

// Eventually asks check until it returns nil, for at most three minutes.
func Eventually(t testing.TB, check func() error) {
	t.Helper()
	testkit.Eventually(t, waitTimeout, check)
}

// tail gives the last n lines.
func tail(text string, n int) string {
	lines := strings.SplitAfter(text, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "")
}
