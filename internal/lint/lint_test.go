package lint_test

import (
	"testing"

	"github.com/spanmill/spanmill/internal/lint"
)

const root = "../.."

// TestTree holds the whole tree to the rules.
func TestTree(t *testing.T) {
	files, err := lint.Load(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 20 {
		t.Fatalf("only %d Go files found below %s: the walk is broken", len(files), root)
	}
	for name, rule := range map[string]func([]*lint.File) []lint.Finding{
		"layers": lint.Layers,
		"sizes":  lint.Sizes,
		"names":  lint.Names,
		"calls":  lint.Calls,
	} {
		t.Run(name, func(t *testing.T) { report(t, rule(files)) })
	}
}

// TestCommittedText reads everything that is or would be committed.
func TestCommittedText(t *testing.T) {
	found, err := lint.Hygiene(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	report(t, found)
}

func report(t *testing.T, found []lint.Finding) {
	t.Helper()
	for _, f := range found {
		t.Error(f)
	}
}
