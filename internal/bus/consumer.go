package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/spanmill/spanmill/pkg/pipeline"
)

// rejoinPause keeps a member that cannot stay from hammering its coordinator.
const rejoinPause = 500 * time.Millisecond

// Handler owns one assigned partition until it returns. Its context ends when
// the partition is revoked, when the member has to rejoin, or when a drain
// took too long; Source.Draining closes first when there is time to finish.
//
// What it returns decides what becomes of the partition: nil after Draining
// closed is an orderly end. An error wrapping pipeline.ErrAmbiguous, ErrRejoin
// or ErrLost makes the member leave and a new one read back. Any other return
// halts the partition until it is assigned anew.
type Handler func(ctx context.Context, src pipeline.Source) error

// Starter says where to begin in a partition whose group holds no offset (W6).
// It must ask the tables, and retry for as long as they are away and ctx lives:
// an error halts the partition. Never "latest".
type Starter func(ctx context.Context, log pipeline.Log, logStart int64) (int64, error)

// AtLogStart is the Starter of a reader that has no tables to ask.
func AtLogStart(_ context.Context, _ pipeline.Log, logStart int64) (int64, error) {
	return logStart, nil
}

// ConsumerDeps are what a Consumer works with.
type ConsumerDeps struct {
	Start Starter
	Log   *slog.Logger
	Reg   prometheus.Registerer
}

// Consumer is a member of a consumer group, again and again under a new name
// when it has to be.
type Consumer struct {
	bus     Config
	cfg     ConsumerConfig
	start   Starter
	log     *slog.Logger
	metrics consumerMetrics
	// counts is how many partitions topics had when last looked at. Run and the
	// lag loop of its one membership take turns.
	counts map[string]int
}

// NewConsumer checks the configuration; Run connects.
func NewConsumer(bus Config, cfg ConsumerConfig, deps ConsumerDeps) (*Consumer, error) {
	if err := errors.Join(bus.Validate(), cfg.Validate()); err != nil {
		return nil, fmt.Errorf("bus: %w", err)
	}
	return &Consumer{
		bus: bus, cfg: cfg, start: deps.Start,
		log:     deps.Log.With("group", cfg.Group),
		metrics: newConsumerMetrics(deps.Reg),
		counts:  make(map[string]int),
	}, nil
}

// Run takes part in the group until ctx ends: then every source drains, handlers
// get DrainTimeout to finish, and the group is left. It returns nil then, and
// an error only for a configuration that cannot work.
func (c *Consumer) Run(ctx context.Context, handle Handler) error {
	if err := c.countPartitions(ctx); err != nil {
		c.log.Warn("partitions not counted before joining", "err", err)
	}
	for {
		m := newMembership(ctx, c, handle)
		if err := m.join(); err != nil {
			m.kill(err)
			return fmt.Errorf("join group %s: %w", c.cfg.Group, err)
		}
		select {
		case <-ctx.Done():
			m.drain()
			m.leave() //nolint:contextcheck // leaving has a time of its own: ctx has ended
			return nil
		case <-m.over:
			m.leave() //nolint:contextcheck // leaving has a time of its own
		}
		c.metrics.rejoins.Inc()
		c.log.Warn("rejoining the group as a new member", "err", m.why)
		pause := time.NewTimer(rejoinPause)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return nil
		}
	}
}

// countPartitions counts before the group is joined: a partition that is added
// after the group was divided, and before the member looks at the topic for the
// first time, is then seen to have been added. A topic that is not there yet
// counts as none.
func (c *Consumer) countPartitions(ctx context.Context) error {
	cl, err := kgo.NewClient(options(c.bus, c.log)...)
	if err != nil {
		return err
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(ctx, c.bus.RequestTimeout)
	defer cancel()
	topics, err := kadm.NewClient(cl).ListTopics(ctx, c.cfg.Topics...)
	if err != nil {
		return err
	}
	for name, t := range topics {
		c.counts[name] = len(t.Partitions)
	}
	return nil
}
