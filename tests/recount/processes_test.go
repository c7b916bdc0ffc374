//go:build soak

package recount

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/bus"
	"github.com/spanmill/spanmill/internal/demo"
	"github.com/spanmill/spanmill/internal/testkit"
	"github.com/spanmill/spanmill/tests/e2e/harness"
	"github.com/spanmill/spanmill/tests/kafka"
)

// catchUp bounds how long counting may lag behind when producing has ended.
const catchUp = 20 * time.Minute

// settings of writer and aggregators. Spans come in random order, so the whole log
// is a trace's: self time has to reach over all of it.
var settings = []string{"SPANMILL_PARTITIONS=" + strconv.Itoa(partitions), "SPANMILL_METRICS_SPANS=2000000"}

// crew is a writer and two aggregators on a Kafka and a ClickHouse.
type crew struct {
	*kafka.Plant

	writer  *harness.Process
	members [2]*life
	rng     *rand.Rand
	points  map[string]int // kills at a fault point
	others  int            // kills of one that was counting
	counted map[string]int64
}

// life is one of an aggregator; point is where it is killed, "" anywhere.
type life struct {
	*harness.Process

	api, point, reached string
}

func newCrew(t *testing.T, seed uint64) *crew {
	t.Helper()
	site := kafka.NewSite(t)
	site.Broker.Configure(t, "log.segment.bytes=33554432\nlog.flush.offset.checkpoint.interval.ms=1000\n")
	site.Start(t)
	c := &crew{Plant: site.Plant(t, bus.ProtocolClassic), rng: rand.New(rand.NewPCG(seed, 2)), points: map[string]int{}, counted: map[string]int64{}}
	c.writer = c.Writer(t, harness.Options{Env: settings})
	c.writer.AwaitReady(t)
	for i := range c.members {
		c.members[i] = c.begin(t, i)
		c.members[i].AwaitReady(t)
	}
	return c
}

// begin starts the next life of an aggregator. One of the two always has a point
// before it, by turns before and after its offset joined the transaction.
func (c *crew) begin(t *testing.T, i int) *life {
	t.Helper()
	m := &life{api: testkit.FreeAddr(t), reached: filepath.Join(t.TempDir(), "reached")}
	o := harness.Options{Env: settings, Tags: "faults"}
	if i == 0 {
		m.point = "in_transaction"
		if c.points[m.point] > c.points["before_transaction_end"] {
			m.point = "before_transaction_end"
		}
		o.Env = append(slices.Clip(o.Env), fmt.Sprintf("SPANMILL_FAULT=%s:%d", m.point, 1+c.rng.IntN(6)), "SPANMILL_FAULT_FILE="+m.reached)
	}
	m.Process = c.Aggregator(t, m.api, o)
	return m
}

// strike kills an aggregator: at its point, or when it has counted something in
// this life and there is more to count.
func (c *crew) strike(t *testing.T, i int) {
	t.Helper()
	m := c.members[i]
	testkit.Eventually(t, 3*time.Minute, func() error {
		if m.point != "" {
			_, err := os.Stat(m.reached)
			if errors.Is(err, fs.ErrNotExist) {
				err = errors.New("it did not come to " + m.point)
			}
			return err
		}
		if c.number(t, m.Process, "spanmill_aggregator_spans_total") == 0 {
			return errors.New("it has counted nothing")
		}
		return nil
	})
	if m.point == "" && c.Lag(t, c.Aggregators) == 0 {
		t.Error("it was killed when there was nothing to do")
	}
	c.account(t, m)
	m.Kill()
	if m.point != "" {
		c.points[m.point]++
	} else {
		c.others++
	}
	c.members[i] = c.begin(t, i)
	c.BuryAgain(t)
}

// exceptions are what is counted of spans that are not as the others.
var exceptions = []string{
	"spans_total", "duplicate_spans_total", "invalid_spans_total", "undecodable_records_total", "redriven_spans_total", "refused_values_total",
	"self_time_unresolved_spans_total", "window_early_spans_total", "overflown_spans_total",
}

// account adds what a life counted. It is for its last moment.
func (c *crew) account(t *testing.T, m *life) {
	t.Helper()
	for _, name := range exceptions {
		c.counted[name] += c.number(t, m.Process, "spanmill_aggregator_"+name)
	}
}

// number adds up a metric of a process.
func (c *crew) number(t *testing.T, p *harness.Process, name string) (sum int64) {
	t.Helper()
	for _, m := range regexp.MustCompile(`(?m)^`+name+`(?:\{.*\})? (\S+)$`).FindAllStringSubmatch(p.Metrics(t), -1) {
		v, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += int64(v)
	}
	return sum
}

// feed is the log being produced.
type feed struct {
	log  []order
	sent atomic.Int64
	hurt atomic.Bool // nobody is killed any more: as fast as it goes
	err  error
	all  sync.WaitGroup
}

// portion is what is produced at once; a tenth of it when there is not much left
// for those who are still to be killed.
const portion = 1600

// produce writes the log, at some thousand spans a second while processes are
// killed. Late spans' records are an hour younger than the others.
func (f *feed) produce(ctx context.Context, to *bus.Producer, g *demo.Generator, received time.Time) {
	m, tick := g.NewMaker(), time.NewTicker(200*time.Millisecond)
	defer tick.Stop()
	for at := 0; at < len(f.log) && f.err == nil; {
		n := portion
		if !f.hurt.Load() {
			if at > len(f.log)*6/10 {
				n /= 10
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				f.err = ctx.Err()
				return
			}
		}
		part := f.log[at:min(at+n, len(f.log))]
		for i := range part {
			part[i].received = received.Add(time.Duration(at/1000) * time.Millisecond)
			if part[i].late {
				part[i].received = part[i].received.Add(time.Hour)
			}
		}
		f.err = to.Produce(ctx, pack(g, m, part))
		at += len(part)
		f.sent.Store(int64(at))
	}
}

// processes recounts spans through real processes of which so many are killed.
func processes(t *testing.T, seed uint64, spans, kills int) {
	c := newCrew(t, seed)
	const spacing, behind = 3500 * time.Microsecond, 9 * time.Minute
	began := time.Now().Add(-80 * time.Minute)
	options := demo.DefaultOptions(seed, began)
	options.SpacingNano = uint64(spacing)
	g, err := demo.NewGenerator(options)
	if err != nil {
		t.Fatal(err)
	}
	cfg, log := bus.Default(), slog.New(slog.DiscardHandler)
	cfg.Brokers = []string{c.Broker.Plain}
	producer, err := bus.NewProducer(cfg, log, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	f := &feed{log: shuffle(c.rng, g, spans, 1)}
	f.all.Go(func() { f.produce(t.Context(), producer, g, began.Add(behind)) })
	for n := range kills {
		c.strike(t, n%2)
		t.Logf("kill %d, %d of %d spans are sent", n+1, f.sent.Load(), len(f.log))
		if n%4 == 3 { // what lands in table rollups is exact too
			c.writer.Kill()
			c.writer = c.Writer(t, harness.Options{Env: settings})
			c.BuryAgain(t)
		}
	}
	f.hurt.Store(true)
	f.all.Wait()
	if f.err != nil {
		t.Fatal(f.err)
	}
	c.finish(t)
	c.compare(t, g, f, cfg)
}

// finish replaces the aggregator that still has a point before it, and waits until
// all is counted.
func (c *crew) finish(t *testing.T) {
	t.Helper()
	c.account(t, c.members[0])
	c.members[0].Kill()
	c.members[0] = &life{api: testkit.FreeAddr(t)}
	c.members[0].Process = c.Aggregator(t, c.members[0].api, harness.Options{Env: settings})
	c.BuryAgain(t)
	testkit.Eventually(t, catchUp, func() error {
		if left := c.Lag(t, c.Aggregators); left > 0 {
			return fmt.Errorf("%d records are not counted", left)
		}
		return nil
	})
}

// compare holds topic, table, live answers, SQL and the generator against each
// other.
func (c *crew) compare(t *testing.T, g *demo.Generator, f *feed, cfg bus.Config) {
	t.Helper()
	w, m := NewWant(), g.NewMaker()
	for _, o := range f.log {
		if !o.resent {
			s := m.Span(o.trace, o.span)
			w.Count(s, s.End+uint64(lateAfter) < uint64(o.received.UnixNano()))
		}
	}
	w.SelfTimes()
	for _, a := range c.members {
		testkit.Eventually(t, time.Minute, func() error { return answers(t, a.api, w.Spans) })
		c.account(t, a)
		t.Logf("an aggregator's peak RSS: %d MiB", a.PeakKiB(t)>>10)
		a.Terminate(t)
	}
	_, rows := readTopic(t, cfg)
	c.awaitRows(t, "rollups", rows)
	c.awaitRows(t, "spans", w.Spans)
	got, err := ReadStream(t.Context(), c.Addresses())
	if err != nil {
		t.Fatal(err)
	}
	bySQL, err := BySQL(t.Context(), c.Addresses())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d spans were sent again; %d rows of rollups, %.1f a thousand spans", len(f.log)-w.Spans, rows, float64(rows)/float64(w.Spans)*1000)
	t.Logf("kills: %d of one that was counting, %v; counted in all lives to their ends: %v", c.others, c.points, c.counted)
	Compare(t, w, got, bySQL)
	for _, point := range []string{"in_transaction", "before_transaction_end"} {
		if c.points[point] == 0 {
			t.Errorf("nobody died %s: %v", point, c.points)
		}
	}
	c.writer.Terminate(t)
}

// awaitRows waits until a table has so many rows; more are too many.
func (c *crew) awaitRows(t *testing.T, table string, want int) {
	t.Helper()
	testkit.Eventually(t, catchUp, func() error {
		answer, err := c.Addresses().Query(t.Context(), "SELECT count() FROM "+table)
		if err != nil {
			return err
		}
		if n, err := strconv.Atoi(answer); err != nil || n < want {
			return fmt.Errorf("%s has %s rows of %d", table, answer, want)
		} else if n > want {
			t.Fatalf("%s has %d rows, want %d", table, n, want)
		}
		return nil
	})
}

// answers asks an aggregator's API how many spans there were in a day.
func answers(t *testing.T, api string, want int) error {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+api+"/api/v1/metrics/query?metric=spans&window=24h&stat=count", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true // no idle connection outlives the test
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	var answer struct {
		Complete bool `json:"complete"`
		Series   []struct {
			Points []struct {
				Values map[string]float64 `json:"values"`
			} `json:"points"`
		} `json:"series"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return err
	}
	if !answer.Complete || len(answer.Series) != 1 || len(answer.Series[0].Points) != 1 || answer.Series[0].Points[0].Values["count"] != float64(want) {
		return fmt.Errorf("the API of an aggregator answers %+v, want %d", answer, want)
	}
	return nil
}
