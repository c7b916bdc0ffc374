package containers_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/spanmill/spanmill/internal/engine/child"
)

// scratch is the folder of this test process, for the binaries.
var scratch string

func TestMain(m *testing.M) {
	child.MainIfChild()
	dir, err := os.MkdirTemp("", "spanmill-containers-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	scratch = dir
	goleak.VerifyTestMain(m,
		// Where Docker is: the connection by which its reaper knows that the tests
		// live, and the library's connections to Docker.
		goleak.IgnoreAnyFunction("github.com/testcontainers/testcontainers-go.(*Reaper).connect.func1"),
		goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"),
		goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"),
		goleak.Cleanup(func(code int) {
			os.RemoveAll(dir)
			os.Exit(code)
		}))
}

var buildOnce sync.Once

// binary gives the path of a binary built from the tree as the image's are.
func binary(t testing.TB, name string) string {
	t.Helper()
	buildOnce.Do(func() {
		cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", scratch+string(os.PathSeparator), "./cmd/...")
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("build: %v\n%s", err, out)
		}
	})
	path := filepath.Join(scratch, name)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("cmd/ has no %s: %v", name, err)
	}
	return path
}

// root is the module's folder, deployDir what is shipped.
const (
	root      = "../.."
	deployDir = root + "/deploy"
)

// secrets makes what make-secrets.sh makes, in a folder of the test's own, and
// gives it with the script's words.
func secrets(t testing.TB) (dir, said string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "secrets")
	out, err := exec.CommandContext(t.Context(), deployDir+"/make-secrets.sh", dir).CombinedOutput()
	if err != nil {
		t.Fatalf("make-secrets.sh: %v\n%s", err, out)
	}
	return dir, string(out)
}
