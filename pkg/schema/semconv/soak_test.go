//go:build soak

package semconv

import (
	"maps"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/spanmill/spanmill/pkg/schema"
)

// budget is the CPU time that a million spans may take.
const budget = 1500 * time.Millisecond

// TestSoakCPUOfAMillionSpans: model calls as instrumentations send them, and
// the samples of all dialects, one after the other. CPU time of the thread, so
// that other work on the machine counts little; the best of some rounds.
func TestSoakCPUOfAMillionSpans(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for name, spans := range map[string][]*schema.Span{
		"OpenTelemetry": {typicalSpan()},
		"MLflow":        {mlflowSpan()},
		"all dialects":  slices.Collect(maps.Values(mixedSpans(t))),
	} {
		n := New()
		var g schema.GenAI
		best := time.Hour
		for range 5 {
			const share = 5 // of a million a round
			began := threadTime(t)
			for i := range 1_000_000 / share {
				n.Forget()
				n.Normalize(spans[i%len(spans)], &g)
			}
			best = min(best, share*(threadTime(t)-began))
		}
		t.Logf("%s: %v of CPU for a million spans", name, best)
		if best > budget {
			t.Errorf("%s: %v of CPU for a million spans, want at most %v", name, best, budget)
		}
	}
}

// threadTime is the CPU time that this thread has used.
func threadTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	const thread = 1 // RUSAGE_THREAD
	if err := syscall.Getrusage(thread, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
