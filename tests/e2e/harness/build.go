package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/spanmill/spanmill/internal/testkit"
)

// binaries holds what Build made for this test process.
var binaries struct {
	mu     sync.Mutex
	dir    string
	byName map[string]string
}

// Main runs a package's tests, then removes the binaries they built and checks
// for leaked goroutines. Call it from TestMain.
func Main(m *testing.M) {
	dir, err := os.MkdirTemp("", "spanmill-test-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, "harness:", err)
		os.Exit(1)
	}
	binaries.dir = dir
	testkit.MainNoLeaks(m, func() { os.RemoveAll(dir) })
}

// Build gives the path of a spanmill binary built from the tree as it is, with
// the given build tags ("" or "faults"), once per test process.
func Build(t testing.TB, tags string) string {
	t.Helper()
	return BuildProgram(t, "spanmill", tags)
}

// BuildProgram is Build for any of our programs, by its folder in cmd.
func BuildProgram(t testing.TB, program, tags string) string {
	t.Helper()
	binaries.mu.Lock()
	defer binaries.mu.Unlock()
	if binaries.dir == "" {
		t.Fatal("harness: the package's TestMain must call harness.Main")
	}
	name := program + strings.ReplaceAll("-"+tags, ",", "-")
	if path, ok := binaries.byName[name]; ok {
		return path
	}
	path := filepath.Join(binaries.dir, name)
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-tags", tags, "-o", path, "./cmd/"+program)
	cmd.Dir = Root(t)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", program, err, out)
	}
	if binaries.byName == nil {
		binaries.byName = make(map[string]string)
	}
	binaries.byName[name] = path
	return path
}

// Root is the folder of the module, found upward from the test's own.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("harness: no go.mod above the test's folder")
		}
		dir = up
	}
}
