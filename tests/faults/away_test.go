package faults_test

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/spanmill/spanmill/internal/testkit"
	"github.com/spanmill/spanmill/tests/e2e/harness"
	"github.com/spanmill/spanmill/tests/kafka"
)

// testAway takes ClickHouse away for a while: nobody at the doors notices.
func testAway(t *testing.T, site *kafka.Site, away time.Duration, rate float64) {
	c := newCrew(t, site.Plant(t, "classic"), 2)
	l := startLoad(t, c.OTLPHTTP, rate)
	pause(t, away/10, away/10) // connections, caches
	acks := readAcks(t, c.gateway)
	phase := func(name string, from time.Time) {
		now := readAcks(t, c.gateway)
		t.Logf("%s, %s: acks in %s", name, time.Since(from).Round(100*time.Millisecond), now.since(acks))
		acks = now
	}
	began := time.Now()
	pause(t, away/4, away/4)
	phase("before", began)

	for _, w := range c.writers {
		w.ResetPeak(t)
	}
	began = time.Now()
	site.ClickHouse.Stop()
	pause(t, away, away)
	phase("away", began)

	began = time.Now()
	site.ClickHouse.Restart(t)
	l.awaitDrained(t, c.Addresses(), rate)
	phase("draining", began)
	for i, w := range c.writers {
		t.Logf("writer %d: peak RSS %d MiB", i+1, w.PeakKiB(t)>>10)
	}
	began = time.Now()
	pause(t, away/10, away/10)
	phase("after", began)
	l.stop(t)
	l.exact(t, c.place())
	c.refusedNothing(t)
	c.end(t)
}

// awaitDrained waits until the tables are two seconds behind what is acked.
func (l *load) awaitDrained(t *testing.T, at *harness.Addresses, rate float64) {
	t.Helper()
	testkit.Eventually(t, catchUp, func() error {
		acked := l.acked.Load()
		answer, err := at.Query(t.Context(), "SELECT count() FROM spans")
		if err != nil {
			return err
		}
		rows, err := strconv.ParseUint(answer, 10, 64)
		if float64(rows) < float64(acked)-2*rate {
			err = fmt.Errorf("%d rows of %d acked spans", rows, acked)
		}
		return err
	})
}

// acks is the gateway's histogram of the time to an acknowledgement: how many
// took at most so many seconds.
type acks map[float64]float64

var ackLine = regexp.MustCompile(`(?m)^spanmill_gateway_ack_seconds_bucket\{outcome="acknowledged",le="([^"]+)"\} (\d+)$`)

func readAcks(t *testing.T, gateway *harness.Process) acks {
	t.Helper()
	a := acks{}
	for _, m := range ackLine.FindAllStringSubmatch(gateway.Metrics(t), -1) {
		le, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		if a[le], err = strconv.ParseFloat(m[2], 64); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// since says what the acks between two readings were like.
func (a acks) since(before acks) string {
	between := acks{}
	for le := range a {
		between[le] = a[le] - before[le]
	}
	return fmt.Sprintf("p50 %s, p99 %s (%.0f requests)", between.quantile(0.5), between.quantile(0.99), between[math.Inf(1)])
}

// quantile takes the acks of a bucket to be spread evenly, as Prometheus does.
func (a acks) quantile(q float64) time.Duration {
	want := q * a[math.Inf(1)]
	low, below := 0.0, 0.0
	for _, le := range slices.Sorted(func(yield func(float64) bool) {
		for le := range a {
			if !yield(le) {
				return
			}
		}
	}) {
		if a[le] >= want && a[le] > below {
			if math.IsInf(le, 1) {
				le = low
			}
			seconds := low + (le-low)*(want-below)/(a[le]-below)
			return time.Duration(seconds * float64(time.Second)).Round(100 * time.Microsecond)
		}
		low, below = le, a[le]
	}
	return 0
}
