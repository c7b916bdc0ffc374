package harness

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
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
	waitTimeout  = 60 * time.Second
)

// Addresses is the JSON that `spanmill up --addresses FILE` writes when all is
// ready.
type Addresses struct {
	OTLPHTTP           string `json:"otlp_http"`
	OTLPGRPC           string `json:"otlp_grpc"`
	Kafka              string `json:"kafka"`
	ClickHouseHTTP     string `json:"clickhouse_http"`
	ClickHouseNative   string `json:"clickhouse_native"`
	Admin              string `json:"admin"`
	ClickHouseUser     string `json:"clickhouse_user"`
	ClickHousePassword string `json:"clickhouse_password"`
	PIDs               struct {
		Spanmill int `json:"spanmill"`
		Engine   int `json:"engine"`
	} `json:"pids"`
}

// Options of one start. The zero value is an ordinary instance with a data
// folder of its own.
type Options struct {
	// DataDir is kept between starts to test recovery; "" makes a new one.
	DataDir string
	// Tags are build tags of the binary: "faults" builds in the fault points.
	Tags string
	// Args are added to the command line, Env to the environment.
	Args, Env []string
	// StartTimeout replaces the default; a recovery may take longer.
	StartTimeout time.Duration
}

// Instance is one running `spanmill up`.
type Instance struct {
	Addresses

	Binary        string
	DataDir       string
	AddressesFile string

	cmd     *exec.Cmd
	logFile string
	exited  chan struct{} // closed once exitErr is set
	exitErr error
}

// Start runs `spanmill up` and returns when it is ready. The test's end kills
// it; a failed test prints the end of its log.
func Start(t testing.TB, o Options) *Instance {
	t.Helper()
	in := Launch(t, o)
	in.WaitReady(t, o.StartTimeout)
	return in
}

// Launch is Start without waiting until it is ready: for starts that a fault
// point stops, or that must be refused.
func Launch(t testing.TB, o Options) *Instance {
	t.Helper()
	dir := t.TempDir()
	if o.DataDir == "" {
		o.DataDir = filepath.Join(dir, "data")
	}
	in := &Instance{
		Binary:        Build(t, o.Tags),
		DataDir:       o.DataDir,
		AddressesFile: filepath.Join(dir, "addresses.json"),
		logFile:       filepath.Join(dir, "up.log"),
		exited:        make(chan struct{}),
	}
	log, err := os.Create(in.logFile)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()

	args := append([]string{"up", "--data-dir", o.DataDir, "--ports", "random", "--addresses", in.AddressesFile}, o.Args...)
	in.cmd = exec.Command(in.Binary, args...)
	in.cmd.Env = append(os.Environ(), o.Env...)
	in.cmd.Stdout, in.cmd.Stderr = log, log
	// A test process that dies of a time-out must not leave servers behind.
	in.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := in.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { // ends with the process, which Cleanup kills
		in.exitErr = in.cmd.Wait()
		close(in.exited)
	}()
	t.Cleanup(func() {
		engines := in.children()
		in.Kill()
		awaitGone(t, engines) // else it writes into folders that are being removed
		if t.Failed() {
			t.Logf("the end of %s:\n%s", in.logFile, tail(in.Log(), 200))
		}
	})
	return in
}

// WaitReady waits for the addresses file; 0 means the default time-out.
func (in *Instance) WaitReady(t testing.TB, timeout time.Duration) {
	t.Helper()
	if timeout == 0 {
		timeout = startTimeout
	}
	testkit.Eventually(t, timeout, func() error {
		select {
		case <-in.exited:
			t.Fatalf("spanmill up ended before it was ready: %v\n%s", in.exitErr, tail(in.Log(), 50))
		default:
		}
		content, err := os.ReadFile(in.AddressesFile)
		if errors.Is(err, fs.ErrNotExist) {
			return errors.New("not ready: no addresses file")
		}
		if err != nil {
			return err
		}
		return json.Unmarshal(content, &in.Addresses)
	})
}

// Kill ends the process with SIGKILL and waits until it is gone.
func (in *Instance) Kill() {
	_ = in.cmd.Process.Kill() // already gone is as good
	<-in.exited
}

// KillEngine ends the ClickHouse child with SIGKILL; the parent restarts it.
// The addresses file has the pid of the first child, so the present one is
// looked up.
func (in *Instance) KillEngine(t testing.TB) {
	t.Helper()
	killed := 0
	for _, pid := range in.children() {
		if syscall.Kill(pid, syscall.SIGKILL) == nil {
			killed++
		}
	}
	if killed != 1 {
		t.Fatalf("killed %d children of spanmill up, want 1", killed)
	}
}

// children are the processes that this one started and that are there.
func (in *Instance) children() (pids []int) {
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", in.cmd.Process.Pid))
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

// Terminate asks the process to stop with SIGTERM and expects exit code 0.
func (in *Instance) Terminate(t testing.TB) {
	t.Helper()
	if err := in.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatalf("terminate: %v", err)
	}
	if err := in.Wait(t, stopTimeout); err != nil {
		t.Fatalf("spanmill up did not stop cleanly: %v", err)
	}
}

// Wait waits until the process ends of itself and gives what exec.Cmd.Wait did.
func (in *Instance) Wait(t testing.TB, timeout time.Duration) error {
	t.Helper()
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-in.exited:
		return in.exitErr
	case <-timer.C:
		t.Fatalf("spanmill up is still running after %v", timeout)
		return nil
	}
}

// Log is all that the process printed so far.
func (in *Instance) Log() string {
	content, err := os.ReadFile(in.logFile)
	if err != nil {
		return fmt.Sprintf("(log: %v)", err)
	}
	return string(content)
}
