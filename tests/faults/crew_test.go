package faults_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/spanmill/spanmill/tests/e2e/harness"
	"github.com/spanmill/spanmill/tests/kafka"
)

// brokerSettings keep a start after SIGKILL short: only segments that were not
// flushed are read again. What was acknowledged needs no fsync to outlive the
// process, only the machine: the kernel has it.
const brokerSettings = `log.segment.bytes=33554432
log.flush.offset.checkpoint.interval.ms=1000
`

// dedupSpans is K of the writers here: what a start reads back.
const dedupSpans = "50000"

// settings of every writer here: many small batches, also when it lags behind.
func settings(more ...string) []string {
	return append([]string{
		"SPANMILL_DEDUP_SPANS=" + dedupSpans, "SPANMILL_MAX_AGE=500ms", "SPANMILL_MAX_ROWS=10000", "SPANMILL_RETRY_MAX=500ms",
	}, more...)
}

// newSite is a Kafka and a ClickHouse, running.
func newSite(t *testing.T) *kafka.Site {
	t.Helper()
	site := kafka.NewSite(t)
	site.Broker.Configure(t, brokerSettings)
	site.Start(t)
	return site
}

// crew is a gateway and some writers on Kafka.
type crew struct {
	*kafka.Plant

	env     []string // of writers
	gateway *harness.Process
	writers []*harness.Process
}

// newCrew starts a gateway and so many writers.
func newCrew(t *testing.T, plant *kafka.Plant, writers int, env ...string) *crew {
	t.Helper()
	c := &crew{Plant: plant, env: settings(env...)}
	c.gateway = c.Gateway(t, harness.Options{})
	for range writers {
		c.writers = append(c.writers, c.newWriter(t))
	}
	c.gateway.AwaitReady(t)
	for _, w := range c.writers {
		w.AwaitReady(t)
	}
	return c
}

func (c *crew) newWriter(t *testing.T) *harness.Process {
	t.Helper()
	return c.Writer(t, harness.Options{Env: c.env})
}

// place is where all of it is.
func (c *crew) place() place {
	return place{
		at: c.Addresses(), target: c.Target(),
		history: append(c.Target(), "--brokers", c.Broker.Plain, "--group", c.Group, "--dedup-spans", dedupSpans),
	}
}

// refusedNothing: the gateway took every request.
func (c *crew) refusedNothing(t *testing.T) {
	t.Helper()
	for line := range strings.Lines(c.gateway.Metrics(t)) {
		if strings.HasPrefix(line, "spanmill_gateway_requests_refused_total") {
			t.Errorf("the gateway refused requests: %s", line)
		}
	}
}

// end stops everything in order and looks for partitions that gave up.
func (c *crew) end(t *testing.T) {
	t.Helper()
	c.gateway.Terminate(t)
	for _, w := range c.writers {
		w.Terminate(t)
		if strings.Contains(w.Log(), "halted") {
			t.Errorf("a partition was halted:\n%s", w.Log())
		}
	}
}

// testKillRoundsKafka kills gateway, writers, ClickHouse and the broker, each
// started again at once.
func testKillRoundsKafka(t *testing.T, site *kafka.Site, k killing) {
	// Batches as old as the product's own: half as many parts for ClickHouse,
	// which has the machine's two processors to share with everything else.
	c := newCrew(t, site.Plant(t, "classic"), 1, "SPANMILL_MAX_AGE=1s")
	recovered := recoveries{}
	target := newAim(t, "partial")
	c.writers = append(c.writers, c.Writer(t, target.options(c.env)))
	c.writers[1].AwaitReady(t)
	l := startLoad(t, c.OTLPHTTP, k.rate)

	// The writer that is aimed at always has a point before it.
	killTarget := func() {
		recovered.add(t, c.writers[1])
		c.writers[1].Kill()
		target = newAim(t, recovered.rarest())
		c.writers[1] = c.Writer(t, target.options(c.env))
		c.BuryAgain(t)
		c.writers[1].AwaitReady(t)
	}
	b := &battlefield{recovered: recovered}
	b.aimed = func() {
		target.await(t)
		killTarget()
	}
	b.others = []other{
		{"writer", 3, func() {
			recovered.add(t, c.writers[0])
			c.writers[0].Kill()
			c.writers[0] = c.newWriter(t)
			c.BuryAgain(t)
			c.writers[0].AwaitReady(t)
		}},
		{"writer that is aimed at", 1, killTarget},
		{"gateway", 3, b.closing(func() {
			c.gateway.Kill()
			c.gateway = c.Gateway(t, harness.Options{})
			c.gateway.AwaitReady(t)
		})},
		{"ClickHouse", 2, func() { killClickHouse(t, c.ClickHouse) }},
		{"broker", 1, b.closing(func() {
			c.Broker.Kill()
			c.Broker.Restart(t)
			c.gateway.AwaitReady(t)
		})},
	}
	b.living = func() {
		for _, w := range c.writers {
			recovered.add(t, w)
		}
	}
	b.fight(t, l, k)
	// The last life has a point before it too: nobody is to stand there now.
	recovered.add(t, c.writers[1])
	c.writers[1].Kill()
	c.writers[1] = c.newWriter(t)
	c.BuryAgain(t)
	l.awaitMore(t, workers*batch) // nobody is turned away any more: nothing stays in doubt
	l.stop(t)
	l.exact(t, c.place())
	b.conclude(t, k)
	c.end(t)
}

// killClickHouse returns when its next life answers.
func killClickHouse(t *testing.T, ch *kafka.ClickHouse) {
	t.Helper()
	before := ch.PID()
	ch.Kill(t)
	harness.Eventually(t, func() error {
		if pid := ch.PID(); pid == 0 || pid == before {
			return errors.New("ClickHouse was not started again")
		}
		at := harness.Addresses{ClickHouseHTTP: ch.At.HTTPAddr, ClickHouseUser: ch.At.User, ClickHousePassword: ch.At.Password}
		_, err := at.Query(t.Context(), "SELECT 1")
		return err
	})
}
