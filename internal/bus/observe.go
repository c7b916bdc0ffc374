package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/spanmill/spanmill/pkg/pipeline"
)

// Observer reads topics, and what a group has committed, without being a member
// of it: nothing it does can disturb the group (W3).
type Observer struct {
	cfg Config
	cl  *kgo.Client
	adm *kadm.Client
	log *slog.Logger
}

// Standing is how far a group has come in a partition, and what the log has.
type Standing struct {
	Log       pipeline.Log
	Committed pipeline.Committed
	// Start is the log's first offset, End the high watermark.
	Start, End int64
}

// NewObserver makes an observer; it connects when first asked something.
func NewObserver(cfg Config, log *slog.Logger) (*Observer, error) {
	cl, err := kgo.NewClient(options(cfg, log)...)
	if err != nil {
		return nil, fmt.Errorf("reach kafka: %w", err)
	}
	return &Observer{cfg: cfg, cl: cl, adm: kadm.NewClient(cl), log: log}, nil
}

// Close ends the connections.
func (o *Observer) Close() { o.cl.Close() }

// Standings lists the topic's partitions in order. What is committed is read
// before the bounds, and stable: no transaction is about to change it.
func (o *Observer) Standings(ctx context.Context, topic, group string) ([]Standing, error) {
	topics, err := o.adm.ListTopics(ctx, topic)
	if err == nil {
		err = topics[topic].Err
	}
	if err != nil {
		return nil, fmt.Errorf("topic %s: %w", topic, err)
	}
	committed, err := o.adm.FetchOffsets(kadm.RequireStable(ctx), group)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return nil, fmt.Errorf("committed offsets of group %s: %w", group, err)
	}
	var out []Standing
	for p := range topics[topic].Partitions {
		s := Standing{
			Log:       pipeline.Log{Topic: topic, TopicID: topics[topic].ID, Partition: p},
			Committed: pipeline.Committed{Offset: -1},
		}
		if c, ok := committed.Lookup(topic, p); ok && c.At >= 0 {
			if c.Err != nil {
				return nil, fmt.Errorf("committed offset of %s/%d: %w", topic, p, c.Err)
			}
			s.Committed = pipeline.Committed{Offset: c.At, Metadata: c.Metadata}
		}
		if s.Start, s.End, err = listOffsets(ctx, o.adm, topicPartition{topic, p}); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b Standing) int { return int(a.Log.Partition - b.Log.Partition) })
	return out, nil
}

// Members lists the client ids of the members of a group that speaks the classic
// protocol.
func (o *Observer) Members(ctx context.Context, group string) ([]string, error) {
	groups, err := o.adm.DescribeGroups(ctx, group)
	if err == nil {
		err = groups[group].Err
	}
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return nil, fmt.Errorf("members of group %s: %w", group, err)
	}
	var out []string
	for _, m := range groups[group].Members {
		out = append(out, m.ClientID)
	}
	return out, nil
}

// OffsetAt is the first offset whose record's time is not before at, the log's
// end if there is none.
func (o *Observer) OffsetAt(ctx context.Context, log pipeline.Log, at time.Time) (int64, error) {
	offsets, err := o.adm.ListOffsetsAfterMilli(ctx, at.UnixMilli(), log.Topic)
	if err != nil {
		return 0, fmt.Errorf("offsets of %s at %s: %w", log.Topic, at, err)
	}
	found, ok := offsets.Lookup(log.Topic, log.Partition)
	if !ok {
		found.Err = kerr.UnknownTopicOrPartition
	}
	if found.Err != nil {
		return 0, fmt.Errorf("offset of %s/%d at %s: %w", log.Topic, log.Partition, at, found.Err)
	}
	return found.Offset, nil
}

// Read visits the records of [from, to) in order. pipeline.ErrExpired: the log
// has lost some of them by now; nothing was left out silently.
func (o *Observer) Read(ctx context.Context, log pipeline.Log, from, to int64, visit func(*pipeline.Record) error) error {
	tp := topicPartition{log.Topic, log.Partition}
	start, end, err := listOffsets(ctx, o.adm, tp)
	if err != nil {
		return err
	}
	if start > from {
		return fmt.Errorf("%w: records %d–%d of %s/%d", pipeline.ErrExpired, from, start-1, tp.topic, tp.partition)
	}
	if to = min(to, end); from >= to {
		return nil
	}
	r, err := o.open(tp, from)
	if err != nil {
		return err
	}
	defer r.close()
	return r.readTo(ctx, to, visit)
}

// Partitions is how many partitions a topic has.
func (o *Observer) Partitions(ctx context.Context, topic string) (int, error) {
	n, err := partitionsOf(ctx, o.adm, topic)
	if err != nil {
		return 0, fmt.Errorf("partitions of topic %s: %w", topic, err)
	}
	return n, nil
}

// Span gives the offset of the first record of a partition that is not older
// than since, and the one behind the last.
func (o *Observer) Span(ctx context.Context, log pipeline.Log, since time.Time) (from, end int64, err error) {
	if _, end, err = listOffsets(ctx, o.adm, topicPartition{log.Topic, log.Partition}); err != nil {
		return 0, 0, err
	}
	if from, err = o.OffsetAt(ctx, log, since); err != nil {
		return 0, 0, err
	}
	return min(from, end), end, nil
}

// Follow visits the records from an offset on, in order, until ctx ends. While
// the brokers are away it waits. The error is ctx's, or says that what was not
// read yet is gone.
func (o *Observer) Follow(ctx context.Context, log pipeline.Log, from int64, visit func(*pipeline.Record) error) error {
	r, err := o.open(topicPartition{log.Topic, log.Partition}, from)
	if err != nil {
		return err
	}
	defer r.close()
	return r.readTo(ctx, math.MaxInt64, visit)
}

// observedBytes is what is fetched at once from a partition, as compressed: who
// follows all partitions of a topic has two fetches of each in memory.
const observedBytes = 256 << 10

// open gives a reader whose errors nobody counts.
func (o *Observer) open(tp topicPartition, from int64) (*reader, error) {
	errs := prometheus.NewCounter(prometheus.CounterOpts{Name: "fetch_errors_total", Help: "Fetches that failed and are tried again."})
	return reading{bus: o.cfg, fetchBytes: observedBytes, pause: DefaultConsumer().FetchPause, log: o.log, errs: errs}.open(tp, from)
}
