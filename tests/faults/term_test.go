package faults_test

import (
	"regexp"
	"strconv"
	"testing"

	"github.com/spanmill/spanmill/tests/e2e/harness"
	"github.com/spanmill/spanmill/tests/kafka"
)

var duplicatesLine = regexp.MustCompile(`(?m)^spanmill_writer_duplicate_spans_total (\d+)$`)

// duplicates is how many spans a writer met again.
func duplicates(t *testing.T, w *harness.Process) int {
	t.Helper()
	m := duplicatesLine.FindStringSubmatch(w.Metrics(t))
	if m == nil {
		t.Fatal("no counter of duplicates")
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// testTerm stops gateway and writers in order, in the middle of everything.
// What was stored was answered: no client sends it again.
func testTerm(t *testing.T, site *kafka.Site, times int, rate float64) {
	c := newCrew(t, site.Plant(t, "classic"), 2)
	l := startLoad(t, c.OTLPHTTP, rate)
	again := 0
	for range times {
		l.awaitMore(t, uint64(rate))
		c.gateway.Terminate(t)
		c.gateway = c.Gateway(t, harness.Options{})
		c.gateway.AwaitReady(t)
		for i, w := range c.writers {
			l.awaitMore(t, uint64(rate))
			again += duplicates(t, w)
			w.Terminate(t)
			c.writers[i] = c.newWriter(t)
			c.writers[i].AwaitReady(t)
		}
	}
	l.stop(t)
	l.exact(t, c.place())
	for _, w := range c.writers {
		again += duplicates(t, w)
	}
	if l.totals.Doubt > 0 || again > 0 {
		t.Errorf("%d spans are in doubt, %d were stored and not answered", l.totals.Doubt, again)
	}
	c.end(t)
}
