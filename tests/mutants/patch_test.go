package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../.."

// TestPatchesApply keeps the patches alive: code moves, and a patch that no
// longer applies, or whose test was renamed, guards nothing.
func TestPatchesApply(t *testing.T) {
	t.Parallel()
	list, err := patches(".")
	if err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 {
		t.Fatal("no patches")
	}
	for _, p := range list {
		t.Run(filepath.Base(p.File), func(t *testing.T) {
			t.Parallel()
			if err := p.apply(t.Context(), root, true); err != nil {
				t.Error(err)
			}
			name, _, _ := strings.Cut(p.Test, "/")
			cmd := exec.CommandContext(t.Context(), "go", "test", "-tags", p.Tags, "-list", "^"+name+"$", p.Package)
			cmd.Dir = root
			if out, err := cmd.CombinedOutput(); err != nil || !strings.HasPrefix(string(out), name+"\n") {
				t.Errorf("%s has no test %s: %v\n%s", p.Package, name, err, out)
			}
		})
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want, fails string }{
		"whole":          {text: "Mutant: m\nPackage: ./p\nTest: TestX/a\n\ndiff --git a/x b/x\n", want: "TestX/a"},
		"no test":        {text: "Mutant: m\nPackage: ./p\n\ndiff --git a/x b/x\n", fails: "must have"},
		"unknown header": {text: "Mutant: m\nWhy: because\n", fails: "unknown header"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := parse([]byte(c.text))
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) {
					t.Errorf("error %v, want %q", err, c.fails)
				}
				return
			}
			if err != nil || p.Test != c.want {
				t.Errorf("got %+v, %v", p, err)
			}
		})
	}
}
