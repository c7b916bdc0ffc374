package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/spanmill/spanmill/tests/e2e/harness"
	"github.com/spanmill/spanmill/tests/kafka"
)

// testLosses takes records away from a real Kafka, moves its offsets,
// adds partitions and makes the topic anew, between lives of a writer and under
// a living one: it halts and says what goes on, or says what happened.
func testLosses(t *testing.T, site *kafka.Site) {
	l := &losses{Plant: site.Plant(t, "classic"), t: t}
	cl, err := kgo.NewClient(kgo.SeedBrokers(site.Broker.Plain), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	l.cl, l.adm = cl, kadm.NewClient(cl)

	first := l.writer()
	first.AwaitReady(t)
	l.produce(0, "first", 3)
	l.awaitRows("first", 3)
	first.Terminate(t)
	l.expired()
	l.tailLost()
	l.added()
	l.recreated()
}

// losses is what the steps share.
type losses struct {
	*kafka.Plant
	t   *testing.T
	cl  *kgo.Client
	adm *kadm.Client
}

// writer starts one, with flags given as variables.
func (l *losses) writer(flags ...string) *harness.Process {
	l.t.Helper()
	return l.Writer(l.t, harness.Options{Env: append(flags, "SPANMILL_PARTITIONS=2")})
}

func (l *losses) sql(query string) string {
	l.t.Helper()
	answer, err := l.Addresses().Query(l.t.Context(), query)
	if err != nil {
		l.t.Fatal(err)
	}
	return answer
}

// produce writes n records of one span each.
func (l *losses) produce(partition int32, service string, n int) {
	l.t.Helper()
	for range n {
		r := &kgo.Record{Topic: "spans", Partition: partition, Value: traces(l.t, service, 1)}
		if err := l.cl.ProduceSync(l.t.Context(), r).FirstErr(); err != nil {
			l.t.Fatal(err)
		}
	}
}

func (l *losses) do(what func(context.Context) error) {
	l.t.Helper()
	if err := what(l.t.Context()); err != nil {
		l.t.Fatal(err)
	}
}

func (l *losses) awaitRows(service string, n int) {
	l.t.Helper()
	want := fmt.Sprintf("%d\t%d", n, n)
	harness.Eventually(l.t, func() error {
		if got := l.sql("SELECT count(), uniqExact(span_id) FROM spans WHERE service_name = '" + service + "'"); got != want {
			return fmt.Errorf("rows and spans of %s: %q, want %q", service, got, want)
		}
		return nil
	})
}

// awaitHalt waits until a partition of the writer stands still, for a reason
// that names the way on.
func (l *losses) awaitHalt(p *harness.Process, partition int, advice string) {
	l.t.Helper()
	p.AwaitReady(l.t)
	line := fmt.Sprintf(`spanmill_bus_partition_halted{group=%q,partition="%d",topic="spans"} 1`, l.Group, partition)
	harness.Eventually(l.t, func() error {
		if !strings.Contains(p.Metrics(l.t), line) {
			return errors.New("not halted")
		}
		return nil
	})
	if !strings.Contains(p.Log(), advice) {
		l.t.Errorf("the log does not name %q", advice)
	}
}

var lostLine = regexp.MustCompile(`(?m)^spanmill_writer_lost_records_total (\d+)$`)

func (l *losses) wantLost(p *harness.Process, n int) {
	l.t.Helper()
	if m := lostLine.FindStringSubmatch(p.Metrics(l.t)); len(m) < 2 || m[1] != strconv.Itoa(n) {
		l.t.Errorf("lost records: %v, want %d", m, n)
	}
}

// expired: the log has lost what was not read yet (W13).
func (l *losses) expired() {
	l.produce(0, "expired", 5)
	l.do(func(ctx context.Context) error {
		offsets := make(kadm.Offsets)
		offsets.AddOffset("spans", 0, 6, -1)
		_, err := l.adm.DeleteRecords(ctx, offsets)
		return err
	})
	p := l.writer()
	l.awaitHalt(p, 0, "records 3–5 expired before they were stored")
	l.produce(1, "other", 2) // the other partition goes on
	l.awaitRows("other", 2)
	p.Terminate(l.t)
	p = l.writer("SPANMILL_ACCEPT_LOSS=true")
	l.awaitRows("expired", 2)
	l.wantLost(p, 3)
	p.Terminate(l.t)
}

// tailLost: the group stands beyond the log's end (W14), as after a broker came
// back without its newest records.
func (l *losses) tailLost() {
	l.do(func(ctx context.Context) error {
		offsets := make(kadm.Offsets)
		offsets.AddOffset("spans", 1, 4, -1) // the log ends at 2
		_, err := l.adm.CommitOffsets(ctx, l.Group, offsets)
		return err
	})
	const advice = "--next-incarnation spans/1/1"
	p := l.writer()
	l.awaitHalt(p, 1, advice)
	l.produce(1, "reused", 5) // offsets 2 to 6: past what is committed
	p.Terminate(l.t)
	p = l.writer("SPANMILL_ACCEPT_LOSS=true")
	l.awaitHalt(p, 1, advice)
	p.Terminate(l.t)
	p = l.writer("SPANMILL_NEXT_INCARNATION=spans/1/1")
	l.awaitRows("reused", 5)
	l.awaitRows("other", 2)
	if got := l.sql("SELECT groupUniqArray(endsWith(src_log, '/1')), min(src_offset) FROM spans WHERE service_name = 'reused'"); got != "[1]\t2" {
		l.t.Errorf("rows of the next incarnation: %s", got)
	}
	p.Terminate(l.t)
	p = l.writer() // nobody has to be told twice
	l.produce(1, "reused", 1)
	l.awaitRows("reused", 6)
	p.Terminate(l.t)
}

// added: a living writer takes new partitions in, from their start.
func (l *losses) added() {
	p := l.writer()
	p.AwaitReady(l.t)
	l.do(func(ctx context.Context) error {
		_, err := l.adm.CreatePartitions(ctx, 1, "spans")
		return err
	})
	harness.Eventually(l.t, func() error {
		l.cl.ForceMetadataRefresh()
		r := &kgo.Record{Topic: "spans", Partition: 2, Value: traces(l.t, "added", 1)}
		return l.cl.ProduceSync(l.t.Context(), r).FirstErr()
	})
	l.awaitRows("added", 1)
	if !strings.Contains(p.Log(), "partitions were added to the topic") {
		l.t.Error("nobody says that partitions were added")
	}
	p.Terminate(l.t)
}

// recreated: the topic is deleted and made anew under a living writer.
func (l *losses) recreated() {
	p := l.writer()
	p.AwaitReady(l.t)
	l.do(func(ctx context.Context) error {
		topics, err := l.adm.DeleteTopics(ctx, "spans")
		return errors.Join(err, topics.Error())
	})
	harness.Eventually(l.t, func() error { // deleting takes its time
		_, err := l.adm.CreateTopic(l.t.Context(), 3, 1, nil, "spans")
		return err
	})
	harness.Eventually(l.t, func() error {
		l.cl.PurgeTopicsFromProducing("spans") // this client would wait for the old topic
		r := &kgo.Record{Topic: "spans", Partition: 1, Value: traces(l.t, "anew", 1)}
		return l.cl.ProduceSync(l.t.Context(), r).FirstErr()
	})
	l.awaitRows("anew", 1)
	for _, want := range []string{"deleted and made anew", "the tables have rows of another topic of this name"} {
		if !strings.Contains(p.Log(), want) {
			l.t.Errorf("nobody says %q", want)
		}
	}
	p.Terminate(l.t)
	for _, c := range []struct {
		service string
		n       int
	}{{"first", 3}, {"expired", 2}, {"other", 2}, {"reused", 6}, {"added", 1}, {"anew", 1}} {
		l.awaitRows(c.service, c.n)
	}
}
