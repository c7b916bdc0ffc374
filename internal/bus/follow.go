package bus

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/spanmill/spanmill/pkg/pipeline"
)

// Follower reads one partition from its first record on, and no member of any
// group notices. It is for small topics that everyone reads whole.
type Follower struct {
	consumer *Consumer // whose settings its readers have
	tp       topicPartition
	cl       *kgo.Client
}

// NewFollower connects when it is first used.
func NewFollower(cfg Config, topic string, partition int32, log *slog.Logger) (*Follower, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("bus: %w", err)
	}
	cl, err := kgo.NewClient(options(cfg, log)...)
	if err != nil {
		return nil, fmt.Errorf("follow %s: %w", topic, err)
	}
	c := &Consumer{bus: cfg, cfg: DefaultConsumer(), log: log, metrics: newConsumerMetrics(prometheus.NewRegistry())}
	return &Follower{consumer: c, tp: topicPartition{topic, partition}, cl: cl}, nil
}

// End is the offset behind the last record that there is now.
func (f *Follower) End(ctx context.Context) (int64, error) {
	_, end, err := listOffsets(ctx, kadm.NewClient(f.cl), f.tp)
	return end, err
}

// Follow shows visit every record, in order, until ctx ends. While the brokers
// are away it waits. The error is ctx's, or says that what was not read yet is
// gone.
func (f *Follower) Follow(ctx context.Context, visit func(*pipeline.Record)) error {
	start, _, err := bounds(ctx, kadm.NewClient(f.cl), f.tp, f.consumer.log)
	if err != nil {
		return err
	}
	r, err := f.consumer.newReader(f.tp, start)
	if err != nil {
		return err
	}
	defer r.close()
	for {
		records, err := r.fetch(ctx)
		if err != nil {
			return err
		}
		for i := range records {
			visit(&records[i])
		}
	}
}

// Close ends the connections.
func (f *Follower) Close() { f.cl.Close() }
