package faults_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spanmill/spanmill/tests/e2e/harness"
	"github.com/spanmill/spanmill/tests/kafka"
)

// testStorms has writers come and go, one to four of them, in each group
// protocol.
func testStorms(t *testing.T, site *kafka.Site, length time.Duration, rate float64) {
	for _, protocol := range []string{"classic", "consumer"} {
		t.Run(protocol, func(t *testing.T) {
			c := newCrew(t, site.Plant(t, protocol), 2)
			l := startLoad(t, c.OTLPHTTP, rate)
			storm(t, c, length)
			l.stop(t)
			l.exact(t, c.place())
			c.refusedNothing(t)
			c.end(t)
		})
	}
}

func storm(t *testing.T, c *crew, length time.Duration) {
	t.Helper()
	var gone, leaving []*harness.Process
	did := map[string]int{}
	for end := time.Now().Add(length); time.Now().Before(end); {
		pause(t, 200*time.Millisecond, 1500*time.Millisecond)
		if n := len(c.writers); n == 1 || n < 4 && rand.IntN(2) == 0 {
			c.writers = append(c.writers, c.newWriter(t))
			did["came"]++
			continue
		}
		i := rand.IntN(len(c.writers))
		w := c.writers[i]
		c.writers = slices.Delete(c.writers, i, i+1)
		gone = append(gone, w)
		if rand.IntN(2) == 0 {
			w.Signal(t, syscall.SIGTERM)
			leaving = append(leaving, w)
			did["went"]++
			continue
		}
		w.Kill()
		c.BuryAgain(t) // else the storm waits for a session to time out
		did["were killed"]++
	}
	for _, w := range leaving {
		if err := w.Wait(t, time.Minute); err != nil {
			t.Errorf("a writer that was told to stop: %v", err)
		}
	}
	assignments := 0
	for _, w := range append(gone, c.writers...) {
		assignments += strings.Count(w.Log(), `"partitions assigned"`)
	}
	t.Logf("writers: %v; %d assignments", did, assignments)
}
