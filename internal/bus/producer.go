package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/spanmill/spanmill/pkg/pipeline"
)

const (
	// smallRecord is the most that shares a batch with others. Readers take
	// batches whole, so batches are kept near 1 MiB: the packing target of a
	// record plus its framing.
	smallRecord = mib + 64<<10
	smallBatch  = smallRecord + 64<<10
	// recordOverhead is what a buffered record costs beside its bytes.
	recordOverhead = 256
)

// Producer writes records to the partitions their senders chose. It is
// idempotent and waits for all in-sync replicas. Safe for concurrent use.
type Producer struct {
	cfg     Config
	log     *slog.Logger
	metrics producerMetrics

	// small batches what is small; large sends the rest nearly alone. The
	// library has one batch limit per client, for one record and for many.
	small, large *kgo.Client
	inFlight     atomic.Int64
	counts       partitionCounts
}

// NewProducer connects when it is first used.
func NewProducer(cfg Config, log *slog.Logger, reg prometheus.Registerer) (*Producer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("bus: %w", err)
	}
	small, err := producerClient(cfg, log, smallBatch)
	if err != nil {
		return nil, fmt.Errorf("producer: %w", err)
	}
	large, err := producerClient(cfg, log, MaxMessageBytes)
	if err != nil {
		small.Close()
		return nil, fmt.Errorf("producer: %w", err)
	}
	return &Producer{cfg: cfg, log: log, metrics: newProducerMetrics(reg), small: small, large: large}, nil
}

func producerClient(cfg Config, log *slog.Logger, batchBytes int32) (*kgo.Client, error) {
	c, err := codec(cfg.Codec)
	if err != nil {
		return nil, err
	}
	return kgo.NewClient(append(options(cfg, log),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerBatchCompression(c, kgo.NoCompression()),
		kgo.ProducerBatchMaxBytes(batchBytes),
		kgo.ProducerLinger(cfg.Linger),
		kgo.ProduceRequestTimeout(cfg.RequestTimeout),
		kgo.MaxBufferedRecords(1<<20), // never reached: in-flight bytes bound it
		kgo.MetadataMinAge(time.Second),
		kgo.RecordPartitioner(kgo.BasicConsistentPartitioner(partitioner)),
	)...)
}

// partitioner obeys the record; a negative partition is chosen by the key.
func partitioner(string) func(*kgo.Record, int) int {
	return func(r *kgo.Record, partitions int) int {
		if r.Partition >= 0 {
			return int(r.Partition)
		}
		return int(xxhash.Sum64(r.Key) % uint64(partitions))
	}
}

// Produce returns nil once every record is written to all in-sync replicas.
// The zero Time becomes the present; Partition -1 is chosen by the key.
//
// The records' bytes belong to the producer until it returns nil. After an
// error they must not be changed or reused: some may still be on their way.
// Errors: ErrBufferFull, ErrUnavailable, *TooLargeError.
func (p *Producer) Produce(ctx context.Context, records []pipeline.Record) error {
	if len(records) == 0 {
		return nil
	}
	began := time.Now()
	err := p.produce(ctx, records)
	if errors.Is(err, kerr.UnknownTopicID) {
		p.forget(records)
	}
	outcome := outcomeOf(err)
	p.metrics.seconds.WithLabelValues(outcome).Observe(time.Since(began).Seconds())
	for i := range records {
		p.metrics.records.WithLabelValues(records[i].Topic, outcome).Inc()
		if err == nil {
			p.metrics.bytes.WithLabelValues(records[i].Topic).Add(float64(sizeOf(&records[i])))
		}
	}
	return err
}

func (p *Producer) produce(ctx context.Context, records []pipeline.Record) error {
	var total int64
	for i := range records {
		size := sizeOf(&records[i])
		if size > MaxMessageBytes {
			return &TooLargeError{Topic: records[i].Topic, Bytes: size, Limit: MaxMessageBytes}
		}
		total += int64(size)
	}
	if p.reserve(total) > p.cfg.MaxInFlightBytes {
		p.reserve(-total)
		return ErrBufferFull
	}
	// A caller that gives up must not fail its neighbours in the batch, so its
	// cancellation does not reach the library; the time-out does. (The library's
	// own counts from the record's timestamp, which may be old.) It fails what
	// was never sent. What may have been written stays until the broker has said
	// so, which keeps the idempotent sequence whole.
	detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.cfg.ProduceTimeout)
	c := newCall(len(records), cancel)
	for i := range records {
		size := int64(sizeOf(&records[i]))
		client := p.small
		if size > smallRecord {
			client = p.large
		}
		client.Produce(detached, encode(&records[i]), func(_ *kgo.Record, err error) {
			p.reserve(-size)
			c.done(err)
		})
	}
	patience := time.NewTimer(p.cfg.ProduceTimeout)
	defer patience.Stop()
	select {
	case <-c.all:
		return classify(c.err.Load(), records[0].Topic)
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrUnavailable, context.Cause(ctx))
	case <-patience.C:
		return fmt.Errorf("%w: no acknowledgement within %s", ErrUnavailable, p.cfg.ProduceTimeout)
	}
}

// forget makes the clients look the records' topics up anew: one was deleted and
// made anew, and the library would wait for the old one for ever.
func (p *Producer) forget(records []pipeline.Record) {
	for i := range records {
		if i > 0 && records[i].Topic == records[i-1].Topic {
			continue
		}
		p.small.PurgeTopicsFromProducing(records[i].Topic)
		p.large.PurgeTopicsFromProducing(records[i].Topic)
	}
}

func (p *Producer) reserve(n int64) int64 {
	now := p.inFlight.Add(n)
	p.metrics.inFlight.Set(float64(now))
	return now
}

// Ping says what is wrong with the brokers that lead a topic, nil if nothing is.
func (p *Producer) Ping(ctx context.Context, topic string) error {
	topics, err := kadm.NewClient(p.small).ListTopics(ctx, topic)
	if err != nil {
		return fmt.Errorf("ask kafka for topic %s: %w", topic, err)
	}
	detail := topics[topic]
	if detail.Err != nil {
		return fmt.Errorf("topic %s: %w", topic, detail.Err)
	}
	for _, partition := range detail.Partitions {
		if partition.Err != nil {
			return fmt.Errorf("partition %d of topic %s: %w", partition.Partition, topic, partition.Err)
		}
	}
	return nil
}

// Close ends the connections; what is not acknowledged fails.
func (p *Producer) Close() {
	p.small.Close()
	p.large.Close()
}

// call counts the answers to one Produce.
type call struct {
	left atomic.Int64
	err  atomic.Pointer[error] // the first
	all  chan struct{}
	// end releases the records' context; theirs, not the caller's.
	end context.CancelFunc
}

func newCall(n int, end context.CancelFunc) *call {
	c := &call{all: make(chan struct{}), end: end}
	c.left.Store(int64(n))
	return c
}

func (c *call) done(err error) {
	if err != nil {
		c.err.CompareAndSwap(nil, &err)
	}
	if c.left.Add(-1) == 0 {
		c.end()
		close(c.all)
	}
}

func classify(err *error, topic string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(*err, kerr.MessageTooLarge), errors.Is(*err, kerr.RecordListTooLarge):
		return &TooLargeError{Topic: topic}
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, *err)
}

func outcomeOf(err error) string {
	var large *TooLargeError
	switch {
	case err == nil:
		return "acked"
	case errors.Is(err, ErrBufferFull):
		return "full"
	case errors.As(err, &large):
		return "too_large"
	}
	return "unavailable"
}

func sizeOf(r *pipeline.Record) int {
	n := recordOverhead + len(r.Key) + len(r.Value)
	for i := range r.Headers {
		n += len(r.Headers[i].Key) + len(r.Headers[i].Value)
	}
	return n
}

func encode(r *pipeline.Record) *kgo.Record {
	out := &kgo.Record{Topic: r.Topic, Partition: r.Partition, Timestamp: r.Time, Key: r.Key, Value: r.Value}
	if len(r.Headers) > 0 {
		out.Headers = make([]kgo.RecordHeader, len(r.Headers))
		for i, h := range r.Headers {
			out.Headers[i] = kgo.RecordHeader{Key: h.Key, Value: h.Value}
		}
	}
	return out
}
