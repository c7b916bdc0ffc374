package compat_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spanmill/spanmill/tests/e2e/harness"
)

// testReadme runs the examples of README.md word for word. Only the addresses
// differ from what a reader has, and those come from the environment.
func testReadme(t *testing.T, up *harness.Instance) {
	readme, err := os.ReadFile(filepath.Join(harness.Root(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	t.Run("opentelemetry", func(t *testing.T) { testReadmeOpenTelemetry(t, up, string(readme)) })
	t.Run("mlflow", func(t *testing.T) { testReadmeMLflow(t, up, string(readme)) })
	t.Run("curl", func(t *testing.T) { testReadmeCurl(t, up, string(readme)) })
}

func testReadmeOpenTelemetry(t *testing.T, up *harness.Instance, readme string) {
	runPython(t, example(t, readme, "### OpenTelemetry Python", "python"), "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+up.OTLPHTTP)
	query := strings.TrimSpace(example(t, readme, "### OpenTelemetry Python", "sql"))
	want := strings.Join([]string{
		"chat gpt-4o-mini", "gpt-4o-mini", "21", "9", "session-1", "user-1",
		`[{"role": "user", "parts": [{"type": "text", "content": "What is a span?"}]}]`,
		`[{"role": "assistant", "parts": [{"type": "text", "content": "One timed step of a trace."}]}]`,
	}, "\t")
	harness.Eventually(t, func() error {
		cmd := exec.CommandContext(t.Context(), up.Door().Path, slices.Concat([]string{"sql", "--format", "TSV"}, up.Target, []string{query})...)
		if diff := cmp.Diff(want, strings.TrimSpace(run(t, cmd))); diff != "" {
			return fmt.Errorf("README's query (-want +got):\n%s", diff)
		}
		return nil
	})
}

func testReadmeMLflow(t *testing.T, up *harness.Instance, readme string) {
	runPython(t, example(t, readme, "### MLflow Tracing SDK", "python"), "MLFLOW_TRACKING_URI=http://"+up.MLflow)
	awaitRow(t, up, "SELECT kind, model, input_tokens, output_tokens FROM spans WHERE name = 'answer' FORMAT TSV", "LLM\tgpt-4o-mini\t21\t9")
}

func testReadmeCurl(t *testing.T, up *harness.Instance, readme string) {
	command := example(t, readme, "### curl", "sh")
	const port = "localhost:4318"
	if !strings.Contains(command, port) {
		t.Fatalf("README's curl example does not use %s", port)
	}
	out := run(t, exec.CommandContext(t.Context(), "bash", "-euc", strings.ReplaceAll(command, port, up.OTLPHTTP)))
	if strings.Contains(out, "rejected") {
		t.Errorf("answer: %s", out)
	}
	awaitRow(t, up, "SELECT service_name, model FROM spans WHERE name = 'chat from curl' FORMAT TSV", "curl\tgpt-4o-mini")
}

func awaitRow(t *testing.T, up *harness.Instance, query, want string) {
	t.Helper()
	harness.Eventually(t, func() error {
		got, err := up.TrySQL(t, query)
		if err == nil && got != want {
			err = fmt.Errorf("%s: got %q, want %q", query, got, want)
		}
		return err
	})
}

// runPython runs a program as a reader would who pasted it into a file.
func runPython(t *testing.T, program string, env ...string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "example.py")
	if err := os.WriteFile(file, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), installed(t, "python-env.sh", "tests/compat/python/requirements.txt"), file)
	cmd.Env = append(os.Environ(), env...)
	run(t, cmd)
}

// example gives the first block of a language below a heading of README.md.
func example(t *testing.T, readme, heading, language string) string {
	t.Helper()
	_, section, ok := strings.Cut(readme, heading+"\n")
	if !ok {
		t.Fatalf("README.md has no heading %q", heading)
	}
	if next := regexp.MustCompile(`(?m)^##`).FindStringIndex(section); next != nil {
		section = section[:next[0]]
	}
	_, block, ok := strings.Cut(section, "```"+language+"\n")
	block, _, closed := strings.Cut(block, "```")
	if !ok || !closed {
		t.Fatalf("README.md, %q: no %s block", heading, language)
	}
	return block
}
