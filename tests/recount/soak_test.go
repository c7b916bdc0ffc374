//go:build soak

package recount

import (
	"flag"
	"testing"
	"testing/synctest"
)

// TestSoakRecount plays a million spans.
func TestSoakRecount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { recount(t, 2, 1_000_000, 30) })
}

var (
	spans = flag.Int("spans", 1_000_000, "spans of TestSoakRecountOfProcesses")
	kills = flag.Int("kills", 12, "kills of it")
)

// TestSoakRecountOfProcesses: a million spans in random order through two
// aggregators, every one of whose lives but the last ends by SIGKILL.
//
// A shorter try is: go test -tags soak -run OfProcesses -v ./tests/recount -spans 50000 -kills 4.
func TestSoakRecountOfProcesses(t *testing.T) { processes(t, 3, *spans, *kills) }
