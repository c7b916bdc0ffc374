package testkit

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite golden files with what the tests got")

// Golden compares got with testdata/name of the calling package. With -update,
// or when the file does not exist yet, it is written instead; a file that was
// missing still fails the test, so that CI cannot pass on a forgotten one.
func Golden(t testing.TB, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", filepath.FromSlash(name))
	want, err := os.ReadFile(file)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		t.Fatal(err)
	}
	if *update || missing {
		writeGolden(t, file, got)
	}
	switch {
	case *update:
	case missing:
		t.Errorf("%s did not exist; written now: read it and commit it", file)
	default:
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s differs (-want +got; -update rewrites it):\n%s", file, diff)
		}
	}
}

func writeGolden(t testing.TB, file string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, content, 0o644); err != nil {
		t.Fatal(err)
	}
}
