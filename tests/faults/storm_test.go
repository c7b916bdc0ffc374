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

// storm is writers coming and going, one to four of them.
type storm struct {
	protocol string
	length   time.Duration
	rate     float64
}

func testStorm(t *testing.T, site *kafka.Site, s storm) {
	c := newCrew(t, site.Plant(t, s.protocol), 2)
	l := startLoad(t, c.OTLPHTTP, s.rate)
	var gone []*harness.Process
	var leaving []*harness.Process
	did := map[string]int{}
	for end := time.Now().Add(s.length); time.Now().Before(end); {
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
	l.stop(t)
	l.exact(t, c.place())
	rebalances := 0
	for _, w := range append(gone, c.writers...) {
		rebalances += strings.Count(w.Log(), `"partitions assigned"`)
	}
	t.Logf("writers: %v; %d assignments", did, rebalances)
	c.refusedNothing(t)
	c.end(t)
}
