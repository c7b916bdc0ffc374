package bus_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/spanmill/spanmill/internal/bus"
	"github.com/spanmill/spanmill/pkg/pipeline"
)

const topic = "spans"

// bubble runs a test in virtual time, with a broker on a virtual network.
func bubble(t *testing.T, partitions int, test func(t *testing.T, c *cluster)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, partitions)
		test(t, c)
	})
}

// cluster is a broker that faults can be planted in.
type cluster struct {
	*kfake.Cluster
	t   *testing.T
	cfg bus.Config
	log *slog.Logger
}

func newCluster(t *testing.T, partitions int) *cluster {
	t.Helper()
	network := new(kfake.VirtualNetwork)
	k, err := kfake.NewCluster(
		kfake.Ports(9092), kfake.ListenFn(network.Listen), kfake.SeedTopics(int32(partitions), topic),
		kfake.BrokerConfigs(map[string]string{"message.max.bytes": fmt.Sprint(bus.MaxMessageBytes)}),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	cfg := bus.Default()
	cfg.Dial = network.DialContext
	return &cluster{Cluster: k, t: t, cfg: cfg, log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))}
}

func (c *cluster) producer() *bus.Producer {
	c.t.Helper()
	p, err := bus.NewProducer(c.cfg, c.log, prometheus.NewRegistry())
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(p.Close)
	return p
}

// produce writes n one-record batches to a partition and waits for the acks.
func (c *cluster) produce(partition int32, n int) {
	c.t.Helper()
	p := c.producer()
	defer p.Close()
	for i := range n {
		r := pipeline.Record{Topic: topic, Partition: partition, Value: fmt.Appendf(nil, "record %d", i)}
		if err := p.Produce(c.t.Context(), []pipeline.Record{r}); err != nil {
			c.t.Fatal(err)
		}
	}
}

// member is a running consumer.
type member struct {
	reg  *prometheus.Registry
	stop context.CancelFunc
	done chan struct{}
}

type tuning struct {
	group string
	start bus.Starter
	tune  func(*bus.ConsumerConfig)
}

// join starts a consumer. It is stopped with the test at the latest.
func (c *cluster) join(tu tuning, handle bus.Handler) *member {
	c.t.Helper()
	cfg := bus.DefaultConsumer()
	cfg.Group, cfg.Topics = "g", []string{topic}
	if tu.group != "" {
		cfg.Group = tu.group
	}
	if tu.tune != nil {
		tu.tune(&cfg)
	}
	if tu.start == nil {
		tu.start = bus.AtLogStart
	}
	reg := prometheus.NewRegistry()
	consumer, err := bus.NewConsumer(c.cfg, cfg, bus.ConsumerDeps{Start: tu.start, Log: c.log, Reg: reg})
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	m := &member{reg: reg, stop: stop, done: make(chan struct{})}
	go func() {
		defer close(m.done)
		if err := consumer.Run(ctx, handle); err != nil {
			c.t.Errorf("consumer: %v", err)
		}
	}()
	c.t.Cleanup(m.leave)
	return m
}

func (m *member) leave() {
	m.stop()
	<-m.done
}

// gauge reads a metric of one partition; ok is false when it has no series.
func (m *member) gauge(t *testing.T, name, partition string) (value float64, ok bool) {
	t.Helper()
	families, err := m.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, s := range f.GetMetric() {
			for _, l := range s.GetLabel() {
				if l.GetName() == "partition" && l.GetValue() == partition {
					return s.GetGauge().GetValue(), true
				}
			}
		}
	}
	return 0, false
}

// counter reads a metric without labels.
func (m *member) counter(t *testing.T, name string) float64 {
	t.Helper()
	families, err := m.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

// committed is what the group holds of a partition.
func (c *cluster) committed(partition int32) string {
	g := c.GroupInfo("g")
	if g == nil {
		return "nothing"
	}
	at, ok := g.Commits[topic][partition]
	if !ok {
		return "nothing"
	}
	return fmt.Sprintf("%d %s", at.Offset, at.Metadata)
}

// receive takes from a channel, failing the test when virtual time runs on for
// ten minutes without anything.
func receive[T any](t *testing.T, ch <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(10 * time.Minute):
		t.Fatalf("waited ten minutes for %s", what)
		panic("unreachable")
	}
}

// idle is a handler that holds its partition until it is to end.
func idle(ctx context.Context, src pipeline.Source) error {
	select {
	case <-src.Draining():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
