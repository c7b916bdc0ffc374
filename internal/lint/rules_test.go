package lint_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spanmill/spanmill/internal/lint"
)

const ours = lint.Module + "/"

// TestRulesObject shows each rule a small source and expects its objection, or
// none. A linter that cannot fail proves nothing.
func TestRulesObject(t *testing.T) {
	for _, c := range []struct {
		name, path, source string
		rule               func([]*lint.File) []lint.Finding
		want               string // part of the one finding; "": no finding
	}{
		{"stage uses adapter", "internal/gateway/a.go", imports(ours + "internal/bus"), lint.Layers, "declare the one to three methods"},
		{"stage uses stage", "internal/gateway/a.go", imports(ours + "internal/writer"), lint.Layers, "topics and tables"},
		{"adapter uses adapter", "internal/bus/embedded/a.go", imports(ours + "internal/bus"), lint.Layers, "internal/app joins them"},
		{"base uses stage", "internal/dedup/a.go", imports(ours + "internal/writer"), lint.Layers, "imports point downward"},
		{"stage uses words", "internal/gateway/a.go", imports(ours + "pkg/schema/otlp"), lint.Layers, ""},
		{"stage uses its own part", "internal/gateway/a.go", imports(ours + "internal/gateway/page"), lint.Layers, ""},
		{"words use words", "pkg/schema/otlp/a.go", imports(ours + "pkg/schema"), lint.Layers, ""},
		{"words use context", "pkg/schema/a.go", imports("context"), lint.Layers, "words are values"},
		{"words use sockets", "pkg/schema/otlp/a.go", imports("net/http"), lint.Layers, "words are values"},
		{"words use a stranger", "pkg/schema/a.go", imports("github.com/twmb/franz-go/pkg/kgo"), lint.Layers, "does without"},
		{"flow uses words", "pkg/pipeline/a.go", imports(ours + "pkg/schema"), lint.Layers, "imports point downward"},
		{"flow uses a library", "pkg/pipeline/a.go", imports("golang.org/x/sync/errgroup"), lint.Layers, "does without"},
		{"door uses stage", "cmd/spanmill/main.go", imports(ours + "internal/gateway"), lint.Layers, "cmd imports internal/app only"},
		{"door uses root", "cmd/spanmill/main.go", imports(ours + "internal/app"), lint.Layers, ""},
		{"root uses everything", "internal/app/a.go", imports(ours+"internal/bus", ours+"internal/gateway", ours+"internal/demo"), lint.Layers, ""},
		{"oracle uses our code", "internal/demo/a.go", imports(ours + "pkg/schema"), lint.Layers, "imports point downward"},
		{"production uses test code", "internal/app/a.go", imports(ours + "internal/testkit"), lint.Layers, "it is for tests"},
		{"production uses a suite", "internal/app/a.go", imports(ours + "internal/bus/bustest"), lint.Layers, "it is for tests"},
		{"tests use anything", "internal/gateway/a_test.go", imports(ours+"internal/bus", "go.uber.org/goleak"), lint.Layers, ""},
		{"Kafka outside the bus", "internal/app/a.go", imports("github.com/twmb/franz-go/pkg/kgo"), lint.Layers, "internal/bus, internal/bus/embedded only"},
		{"Kafka in the bus", "internal/bus/a.go", imports("github.com/twmb/franz-go/pkg/kgo"), lint.Layers, ""},
		{"embedded broker in the bus", "internal/bus/a.go", imports("github.com/twmb/franz-go/pkg/kfake"), lint.Layers, "internal/bus/embedded only"},
		{"ClickHouse outside the store", "internal/writer/a.go", imports("github.com/ClickHouse/ch-go/proto"), lint.Layers, "internal/store only"},
		{"dlopen outside the engine", "internal/app/a.go", imports("github.com/ebitengine/purego"), lint.Layers, "internal/engine only"},
		{"oracle in production", "internal/writer/a.go", imports("go.opentelemetry.io/collector/pdata/ptrace"), lint.Layers, "for tests only"},
		{"unknown package", "internal/new/a.go", imports("fmt"), lint.Layers, "has no layer"},

		{"long file", "internal/app/a.go", "package app\n" + strings.Repeat("\n", lint.MaxFileLines), lint.Sizes, "split it by idea"},
		{"longest file", "internal/app/a.go", "package app\n" + strings.Repeat("\n", lint.MaxFileLines-1), lint.Sizes, ""},
		{"long function", "internal/app/a.go", function(lint.MaxFunctionLines + 1), lint.Sizes, "function f has"},
		{"longest function", "internal/app/a.go", function(lint.MaxFunctionLines), lint.Sizes, ""},
		{"long test function", "internal/app/a_test.go", function(lint.MaxFunctionLines + 1), lint.Sizes, ""},

		{"drawer", "internal/app/util/a.go", "package util\n", lint.Names, "name it for what it holds"},
		{"history in a type", "internal/app/a.go", "package app\ntype WriterV2 struct{}\n", lint.Names, "version in the name WriterV2"},
		{"history in a file", "internal/app/writer_v3.go", "package app\n", lint.Names, "version in a file name"},
		{"protocol version", "internal/app/a.go", "package app\ntype msgpackv5 struct{}\n", lint.Names, ""},

		{"sleep", "internal/app/a_test.go", body("time", "time.Sleep(1)"), lint.Calls, "testkit.Eventually"},
		{"sleep, renamed", "internal/app/a.go", "package app\nimport t \"time\"\nfunc f() { t.Sleep(1) }\n", lint.Calls, "testkit.Eventually"},
		{"global logger", "internal/app/a.go", body("log/slog", "slog.Default()"), lint.Calls, "constructor"},
		{"init", "internal/app/a.go", "package app\nfunc init() {}\n", lint.Calls, "constructor"},
		{"environment", "internal/gateway/a.go", body("os", "os.Getenv(``)"), lint.Calls, "Config"},
		{"environment in app", "internal/app/a.go", body("os", "os.Getenv(``)"), lint.Calls, ""},
		{"environment in a fault point", "pkg/pipeline/a.go", "//go:build faults\n\n" + body("os", "os.Getenv(``)"), lint.Calls, ""},
		{"root context", "internal/gateway/a.go", body("context", "context.Background()"), lint.Calls, "context of the caller"},
		{"root context in a test", "internal/gateway/a_test.go", body("context", "context.Background()"), lint.Calls, ""},
		{"clock in words", "pkg/schema/a.go", body("time", "time.Now()"), lint.Calls, "as an argument"},
		{"clock in a stage", "internal/gateway/a.go", body("time", "time.Now()"), lint.Calls, ""},
		{"silent skip", "internal/app/a_test.go", "package app\nimport \"testing\"\nfunc f(t *testing.T) { t.SkipNow() }\n", lint.Calls, "must say why"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, dir, c.path, c.source)
			files, err := lint.Load(dir)
			if err != nil {
				t.Fatal(err)
			}
			expect(t, c.rule(files), c.want)
		})
	}
}

func TestHygieneObjects(t *testing.T) {
	t.Parallel()
	// Spelt in halves, so that this file passes the rule it tests.
	for name, c := range map[string]struct{ path, text, want string }{
		"unfinished":     {"a.go", "// TO" + "DO: later\n", "finish it"},
		"postponed":      {"a.md", "enough for" + " now\n", "finish it"},
		"template":       {"a.sh", "mktemp x.XX" + "XXXX\n", ""},
		"home folder":    {"a.sh", "cd /ho" + "me/me/src\n", "one machine only"},
		"registry":       {"a.txt", "https://pyp" + "i.org/simple\n", "one machine only"},
		"locked address": {"package-lock.json", "  \"resolv" + "ed\": \"https://x\"\n", "one machine only"},
		"clean":          {"a.go", "package a\n", ""},
		"ignored file":   {"bin/a.go", "// TO" + "DO\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			git := exec.CommandContext(t.Context(), "git", "init", "--quiet", dir)
			if out, err := git.CombinedOutput(); err != nil {
				t.Fatalf("git init: %v\n%s", err, out)
			}
			write(t, dir, ".gitignore", "/bin/\n")
			write(t, dir, c.path, c.text)
			found, err := lint.Hygiene(t.Context(), dir)
			if err != nil {
				t.Fatal(err)
			}
			expect(t, found, c.want)
		})
	}
}

// expect wants exactly one finding that contains want, or none.
func expect(t *testing.T, found []lint.Finding, want string) {
	t.Helper()
	switch {
	case want == "" && len(found) > 0:
		t.Errorf("unexpected: %v", found)
	case want != "" && (len(found) != 1 || !strings.Contains(found[0].What, want)):
		t.Errorf("found %v, want one with %q", found, want)
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	name = filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func imports(paths ...string) string {
	var b strings.Builder
	b.WriteString("package p\n")
	for _, p := range paths {
		fmt.Fprintf(&b, "import _ %q\n", p)
	}
	return b.String()
}

func body(pkg, call string) string {
	return fmt.Sprintf("package p\nimport %q\nfunc f() { %s }\n", pkg, call)
}

func function(lines int) string {
	return "package p\nfunc f() {\n" + strings.Repeat("\n", lines-2) + "}\n"
}
