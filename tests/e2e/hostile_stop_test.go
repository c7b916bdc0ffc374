package e2e_test

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/spanmill/spanmill/tests/e2e/harness"
)

const spansPerTrace = 3

// load sends traces from several clients until each meets an error, and gives
// the ids of those that were acked.
type load struct {
	mu    sync.Mutex
	acked []string
	all   sync.WaitGroup
}

func startLoad(t *testing.T, up *harness.Instance, clients int) *load {
	l := new(load)
	for range clients {
		l.all.Go(func() { // ends when the instance does
			for {
				request := newTrace("load", spansPerTrace)
				if trySend(t, up, request) != nil {
					return
				}
				l.mu.Lock()
				l.acked = append(l.acked, fmt.Sprintf("%x", request.GetResourceSpans()[0].GetScopeSpans()[0].GetSpans()[0].GetTraceId()))
				l.mu.Unlock()
			}
		})
	}
	harness.Eventually(t, func() error {
		if n := l.count(); n < 100 {
			return fmt.Errorf("%d traces acked", n)
		}
		return nil
	})
	return l
}

func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked)
}

// check starts the instance again: each acked trace is there, once and whole.
func (l *load) check(t *testing.T, p harness.Plant) {
	t.Helper()
	l.all.Wait()
	up := harness.Start(t, p, harness.Options{})
	fence(t, up)
	rows := make(map[string]bool)
	for line := range strings.Lines(up.SQL(t, "SELECT trace_id, count(), uniqExact(span_id) FROM spans WHERE service_name = 'load' GROUP BY trace_id")) {
		id, counts, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if counts != fmt.Sprintf("%d\t%d", spansPerTrace, spansPerTrace) {
			t.Errorf("trace %s has rows and spans: %s", id, counts)
		}
		rows[id] = true
	}
	for _, id := range l.acked {
		if !rows[id] {
			t.Errorf("trace %s was acked and is not there", id)
		}
	}
	t.Logf("%d traces acked, %d in the table", len(l.acked), len(rows))
}

// testHostileStop: SIGTERM under load ends with exit code 0, and what was acked
// is there after the next start.
func testHostileStop(t *testing.T, p harness.Plant) {
	up := harness.Start(t, p, harness.Options{})
	l := startLoad(t, up, 8)
	up.Terminate(t)
	l.check(t, p)
}

// testHostileSecondSignal: a second signal does not wait for a client that
// never sends the rest, nor for anything else, and loses nothing either.
func testHostileSecondSignal(t *testing.T, p harness.Plant) {
	up := harness.Start(t, p, harness.Options{})
	halfSend(t, up, mib, 1000)
	awaitMetric(t, up, inflight, func(v float64) bool { return v > 0 })
	l := startLoad(t, up, 8)
	up.Door().Signal(t, syscall.SIGTERM)
	harness.Eventually(t, func() error {
		if !strings.Contains(up.Door().Log(), "stopping; a second signal exits at once") {
			return errors.New("the first signal was not noticed")
		}
		return nil
	})
	up.Door().Signal(t, syscall.SIGTERM)
	var exit *exec.ExitError
	if err := up.Door().Wait(t, time.Minute); !errors.As(err, &exit) || exit.ExitCode() != 130 {
		t.Errorf("ended with %v, want exit code 130", err)
	}
	up.Kill() // a writer of its own, in the middle of what it does
	if _, ok := p.(*harness.Up); ok {
		harness.Eventually(t, func() error {
			if syscall.Kill(up.PIDs.Engine, 0) == nil {
				return errors.New("the engine outlives its parent")
			}
			return nil
		})
	}
	l.check(t, p)
}
