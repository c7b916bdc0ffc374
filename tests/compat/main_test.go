package compat_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spanmill/spanmill/tests/e2e/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// TestClients runs every client against one instance.
func TestClients(t *testing.T) {
	up := harness.Start(t, harness.NewUp(t), harness.Options{})
	t.Run("python", func(t *testing.T) { testPython(t, up) })
	t.Run("javascript", func(t *testing.T) { testJavaScript(t, up) })
	t.Run("go", func(t *testing.T) { testGo(t, up) })
	t.Run("mlflow", func(t *testing.T) { testMLflow(t, up) })
	t.Run("readme", func(t *testing.T) { testReadme(t, up) })
}

func testPython(t *testing.T, up *harness.Instance) {
	python := installed(t, "python-env.sh", "tests/compat/python/requirements.txt")
	for protocol, endpoint := range map[string]string{
		"http": up.OTLPHTTP, "http-gzip": up.OTLPHTTP, "grpc": up.OTLPGRPC,
	} {
		t.Run(protocol, func(t *testing.T) {
			session := "python-" + protocol
			out := run(t, exec.CommandContext(t.Context(), python, "python/otel_client.py", protocol, endpoint, session))
			checkStory(t, up, parseIDs(t, out), session)
		})
	}
}

func testJavaScript(t *testing.T, up *harness.Instance) {
	modules := installed(t, "node-env.sh", "tests/compat/js")
	for protocol, endpoint := range map[string]string{
		"proto": up.OTLPHTTP, "json": up.OTLPHTTP, "grpc": up.OTLPGRPC,
	} {
		t.Run(protocol, func(t *testing.T) {
			session := "javascript-" + protocol
			cmd := exec.CommandContext(t.Context(), "node", "js/otel_client.js", protocol, endpoint, session)
			cmd.Env = append(os.Environ(), "NODE_PATH="+modules)
			checkStory(t, up, parseIDs(t, run(t, cmd)), session)
		})
	}
}

// installed runs one of the scripts that install a client's packages on first
// use and gives the path that it prints.
func installed(t *testing.T, script, manifest string) string {
	t.Helper()
	root := harness.Root(t)
	cmd := exec.CommandContext(t.Context(), filepath.Join(root, "scripts", script), manifest)
	cmd.Dir = root
	return strings.TrimSpace(run(t, cmd))
}

// run gives what a command printed; its complaints are shown if it fails.
func run(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(cmd.Args, " "), err, out, complaints.String())
	}
	return string(out)
}

func parseIDs(t *testing.T, out string) storyIDs {
	t.Helper()
	var ids storyIDs
	if err := json.Unmarshal([]byte(out), &ids); err != nil {
		t.Fatalf("client printed %q: %v", out, err)
	}
	return ids
}
