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

// Scan shows visit every record that a topic has at this moment, partition by
// partition in offset order, and no member of any group notices. It ends with
// visit's first error, which it returns as it is.
func Scan(ctx context.Context, cfg Config, topic string, log *slog.Logger, visit func(*pipeline.Record) error) error {
	if err := cfg.Validate(); err != nil {
		return fmt.Errorf("bus: %w", err)
	}
	cl, err := kgo.NewClient(options(cfg, log)...)
	if err != nil {
		return fmt.Errorf("reach kafka: %w", err)
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	topics, err := adm.ListTopics(ctx, topic)
	if err == nil {
		err = topics[topic].Err
	}
	if err != nil {
		return fmt.Errorf("look up topic %s: %w", topic, err)
	}
	// A reader belongs to a consumer, whose settings it reads by.
	c := &Consumer{bus: cfg, cfg: DefaultConsumer(), log: log, metrics: newConsumerMetrics(prometheus.NewRegistry())}
	for _, p := range topics[topic].Partitions.Sorted() {
		if err := c.scan(ctx, adm, topicPartition{topic, p.Partition}, visit); err != nil {
			return err
		}
	}
	return nil
}

func (c *Consumer) scan(ctx context.Context, adm *kadm.Client, tp topicPartition, visit func(*pipeline.Record) error) error {
	start, end, err := listOffsets(ctx, adm, tp)
	if err != nil || start >= end {
		return err
	}
	r, err := c.newReader(tp, start)
	if err != nil {
		return err
	}
	defer r.close()
	return r.readTo(ctx, end, visit)
}
