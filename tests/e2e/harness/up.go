package harness

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/spanmill/spanmill/internal/testkit"
)

// Up is the plant of `spanmill up`: everything in one process, and the engine
// its child.
type Up struct {
	// DataDir is what is kept from one life to the next.
	DataDir string
	// Args are added to the command line of each life.
	Args []string
}

// NewUp makes a plant with a new data directory.
func NewUp(t testing.TB) *Up { return &Up{DataDir: filepath.Join(t.TempDir(), "data")} }

// AddressesFile is where a life writes its addresses.
func (u *Up) AddressesFile() string { return u.DataDir + ".addresses.json" }

// Launch implements Plant.
func (u *Up) Launch(t testing.TB, o Options) *Instance {
	t.Helper()
	file := u.AddressesFile()
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err) // it would be taken for the new life's
	}
	p := Launch(t, Command{
		Program: "spanmill", Tags: o.Tags, Env: o.Env,
		Args: append([]string{"up", "--data-dir", u.DataDir, "--ports", "random", "--addresses", file}, u.Args...),
	})
	in := &Instance{Processes: []*Process{p}, Target: []string{"--addresses", file}}
	in.KillEngine = func(t testing.TB) { killOnlyChild(t, p) }
	in.Await = func(t testing.TB, timeout time.Duration) {
		testkit.Eventually(t, timeout, func() error {
			p.mustLive(t)
			content, err := os.ReadFile(file)
			if err == nil {
				err = json.Unmarshal(content, &in.Addresses)
			}
			p.Admin = in.Admin
			return err
		})
	}
	return in
}

// killOnlyChild ends the engine. The addresses file has the pid of the first
// one of a life, so the present one is looked up.
func killOnlyChild(t testing.TB, p *Process) {
	t.Helper()
	killed := 0
	for _, pid := range p.children() {
		if syscall.Kill(pid, syscall.SIGKILL) == nil {
			killed++
		}
	}
	if killed != 1 {
		t.Fatalf("killed %d children of spanmill up, want 1", killed)
	}
}
