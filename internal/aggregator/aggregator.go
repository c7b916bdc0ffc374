package aggregator

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/pkg/schema"
)

// Consumer runs handle once for each partition it is assigned, until ctx ends.
type Consumer interface {
	Run(ctx context.Context, handle func(ctx context.Context, src Source) error) error
}

// Topics knows how many partitions a topic has.
type Topics interface {
	Partitions(ctx context.Context, topic string) (int, error)
}

// Aggregator turns topics spans and events into topic rollups.
type Aggregator struct {
	cfg      Config
	consumer Consumer
	topics   Topics
	pricer   func() Pricer
	metrics  *metrics
	log      *slog.Logger
}

// Dependencies are what an aggregator works with. Each partition has a pricer of
// its own.
type Dependencies struct {
	Consumer Consumer
	Topics   Topics
	Pricer   func() Pricer
	Log      *slog.Logger
	Reg      prometheus.Registerer
}

// New makes an aggregator; it does nothing before Run.
func New(cfg Config, d Dependencies) *Aggregator {
	return &Aggregator{cfg: cfg, consumer: d.Consumer, topics: d.Topics, pricer: d.Pricer, metrics: newMetrics(d.Reg), log: d.Log}
}

// Run aggregates until ctx ends, then drains: every owned partition sends what it
// has before Run returns.
func (a *Aggregator) Run(ctx context.Context) error {
	return a.consumer.Run(ctx, a.partition)
}

// partition owns one assigned partition until it is revoked, drained or halted.
func (a *Aggregator) partition(ctx context.Context, src Source) error {
	log := src.Log()
	partitions, err := a.topics.Partitions(ctx, schema.TopicRollups)
	if err != nil {
		return fmt.Errorf("count partitions of %s: %w", schema.TopicRollups, err)
	}
	l := &loop{
		cfg: a.cfg, src: src, pack: newPacker(partitions),
		log: a.log.With("topic", log.Topic, "partition", log.Partition),
	}
	l.count(a.metrics, a.pricer())
	defer l.meter.forget()
	return l.run(ctx)
}

// count gives the loop what counts its topic.
func (l *loop) count(m *metrics, pricer Pricer) {
	log := l.src.Log()
	if log.Topic == schema.TopicEvents {
		c := newToldCore(l.cfg, log)
		l.core, l.meter = c, m.toldMeter(log.Partition, c)
		return
	}
	c := newCore(l.cfg, log, pricer)
	l.core, l.meter = c, m.meter(log.Partition, c)
}
