package bus

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// partitionsFresh is how long a partition count is used without looking again.
// Counts change by a documented procedure with the writers drained.
const partitionsFresh = 30 * time.Second

// partitionCounts remembers how many partitions topics have.
type partitionCounts struct {
	mu     sync.Mutex
	counts map[string]partitionCount
}

type partitionCount struct {
	n    int
	seen time.Time
}

// stale gives the known count, and whether it is on the caller to look again:
// one caller at a time does, the others go on with what is known.
func (c *partitionCounts) stale(topic string, now time.Time) (int, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.counts[topic]
	if ok && now.Sub(known.seen) < partitionsFresh {
		return known.n, false
	}
	if ok {
		c.counts[topic] = partitionCount{known.n, now}
	}
	return known.n, true
}

func (c *partitionCounts) set(topic string, n int, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = make(map[string]partitionCount)
	}
	c.counts[topic] = partitionCount{n, now}
}

// Partitions gives the topic's partition count, asking the brokers now and
// then. While they are away the last known count is given.
func (p *Producer) Partitions(ctx context.Context, topic string) (int, error) {
	known, look := p.counts.stale(topic, time.Now())
	if !look {
		return known, nil
	}
	n, err := p.countPartitions(ctx, topic)
	if err != nil {
		if known > 0 {
			p.log.Warn("partition count not refreshed", "topic", topic, "partitions", known, "err", err)
			return known, nil
		}
		return 0, err
	}
	p.counts.set(topic, n, time.Now())
	return n, nil
}

func (p *Producer) countPartitions(ctx context.Context, topic string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.RequestTimeout)
	defer cancel()
	topics, err := kadm.NewClient(p.small).ListTopics(ctx, topic)
	if err != nil {
		return 0, fmt.Errorf("partitions of topic %s: %w: %w", topic, ErrUnavailable, err)
	}
	detail := topics[topic]
	if detail.Err != nil {
		return 0, fmt.Errorf("partitions of topic %s: %w", topic, detail.Err)
	}
	if len(detail.Partitions) == 0 {
		return 0, fmt.Errorf("topic %s has no partitions", topic)
	}
	return len(detail.Partitions), nil
}
