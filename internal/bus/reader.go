package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/spanmill/spanmill/pkg/pipeline"
)

// topicPartition is a partition by name.
type topicPartition struct {
	topic     string
	partition int32
}

// reader reads one partition forward from an offset, on connections of its own.
// It buffers one fetch ahead and is paused by not being called. It never resets
// an offset.
type reader struct {
	cl   *kgo.Client
	adm  *kadm.Client
	tp   topicPartition
	next int64 // no record below it is still to come
	end  int64 // high watermark, as last seen
	log  *slog.Logger
	errs prometheus.Counter
	// again is when the next fetch is taken, if the last one brought little.
	again time.Time
	pause time.Duration
	// fetched are the library's records of the last fetch, if their memory is
	// used again.
	fetched []*kgo.Record
	reuse   bool
}

// littleFetch is how many bytes a fetch has to bring for the next one to follow
// without a pause. Brokers answer at once when there is anything: a reader that
// keeps up would otherwise fetch each request of each producer by itself,
// hundreds a second of every partition, at more CPU than reading costs.
const littleFetch = 64 << 10

func (c *Consumer) newReader(tp topicPartition, from int64) (*reader, error) {
	return reading{
		bus: c.bus, fetchBytes: c.cfg.FetchBytes, pause: c.cfg.FetchPause, reuse: c.cfg.Reuse,
		log: c.log, errs: c.metrics.fetchErrs,
	}.open(tp, from)
}

// reading is how readers are opened.
type reading struct {
	bus        Config
	fetchBytes int
	pause      time.Duration // after little
	reuse      bool
	log        *slog.Logger
	errs       prometheus.Counter
}

func (o reading) open(tp topicPartition, from int64) (*reader, error) {
	fetchBytes := int32(o.fetchBytes)
	opts := options(o.bus, o.log)
	if o.reuse {
		opts = append(opts, kgo.WithPools(new(decompressed)))
	}
	cl, err := kgo.NewClient(append(opts,
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{
			tp.topic: {tp.partition: kgo.NewOffset().At(from)},
		}),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		// Markers are skipped below; seeing them tells how far we have read.
		kgo.KeepControlRecords(),
		// The partition's limit ends an answer, never the request's: kfake, which is
		// the bus of up, leaves the list of aborted transactions out of an answer
		// that the latter cut short, and their records would be read as committed.
		kgo.FetchMaxBytes(max(fetchBytes, MaxMessageBytes)+MaxMessageBytes),
		kgo.FetchMaxPartitionBytes(fetchBytes),
		kgo.MaxConcurrentFetches(1),
		kgo.DisableFetchSessions(), // one partition has nothing to leave out
		kgo.Rack(o.bus.Rack),
	)...)
	if err != nil {
		return nil, fmt.Errorf("read %s/%d: %w", tp.topic, tp.partition, err)
	}
	return &reader{cl: cl, adm: kadm.NewClient(cl), tp: tp, next: from, pause: o.pause, log: o.log, errs: o.errs, reuse: o.reuse}, nil
}

// fetch waits for the next records. On ctx's end it returns ctx.Err() and
// nothing is lost. It may return none, having only moved past markers.
func (r *reader) fetch(ctx context.Context) ([]pipeline.Record, error) {
	if err := sleep(ctx, time.Until(r.again)); err != nil {
		return nil, err
	}
	r.recycle()
	for {
		fetches := r.cl.PollFetches(ctx)
		if err := ctx.Err(); err != nil && fetches.NumRecords() == 0 {
			return nil, err
		}
		if fetches.IsClientClosed() {
			return nil, kgo.ErrClientClosed
		}
		moved := r.next
		records := r.take(fetches)
		if r.next > moved {
			return records, nil
		}
		for _, e := range fetches.Errors() {
			if err := r.judge(ctx, e.Err); err != nil {
				return nil, err
			}
		}
	}
}

// take converts what was fetched and moves past it.
func (r *reader) take(fetches kgo.Fetches) []pipeline.Record {
	records, size := make([]pipeline.Record, 0, fetches.NumRecords()), 0
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if p.Err == nil && p.HighWatermark > r.end {
			r.end = p.HighWatermark
		}
		for _, rec := range p.Records {
			if !rec.Attrs.IsControl() {
				records = append(records, decode(rec))
			}
			if r.reuse {
				r.fetched = append(r.fetched, rec)
			}
			r.next, size = rec.Offset+1, size+len(rec.Value)
		}
	})
	r.again = time.Time{}
	if size < littleFetch {
		r.again = time.Now().Add(r.pause)
	}
	return records
}

// judge decides what a failed fetch means. nil: it is tried again, which the
// library does by itself for whatever can pass.
func (r *reader) judge(ctx context.Context, err error) error {
	if errors.Is(err, kerr.UnknownTopicID) {
		// The library says so only when it has made sure. It would go on asking,
		// without a pause, for a topic that is no more.
		return fmt.Errorf("%w: topic %s was deleted, or made anew, at offset %d of partition %d; what was not read of it is gone: %w",
			pipeline.ErrLost, r.tp.topic, r.next, r.tp.partition, err)
	}
	var lost *kgo.ErrDataLoss
	if !errors.Is(err, kerr.OffsetOutOfRange) && !errors.As(err, &lost) {
		if kerr.IsRetriable(err) || kgo.IsRetryableBrokerErr(err) {
			r.errs.Inc()
			return nil
		}
		return fmt.Errorf("read %s/%d at offset %d: %w", r.tp.topic, r.tp.partition, r.next, err)
	}
	start, end, err := bounds(ctx, r.adm, r.tp, r.log)
	switch {
	case err != nil:
		return err
	case start > r.next:
		return fmt.Errorf("%w: records %d–%d of %s/%d", pipeline.ErrExpired, r.next, start-1, r.tp.topic, r.tp.partition)
	case lost != nil:
		return fmt.Errorf("%s/%d, read up to %d: %w", r.tp.topic, r.tp.partition, r.next, &pipeline.TruncatedError{End: min(lost.ResetTo, end)})
	case end < r.next:
		return fmt.Errorf("%s/%d, read up to %d: %w", r.tp.topic, r.tp.partition, r.next, &pipeline.TruncatedError{End: end})
	}
	return nil // the leader had moved; the offset is there
}

// readTo visits the records below an offset, in order.
func (r *reader) readTo(ctx context.Context, to int64, visit func(*pipeline.Record) error) error {
	for r.next < to {
		records, err := r.fetch(ctx)
		if err != nil {
			return err
		}
		for i := range records {
			if records[i].Offset >= to {
				return nil
			}
			if err := visit(&records[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *reader) close() { r.cl.Close() }

// boundsPause spaces tries to learn a log's bounds while the brokers are away.
const boundsPause = time.Second

// bounds asks for the log start and the high watermark until it is told: that
// the brokers are away for a while must not end a partition's handler.
func bounds(ctx context.Context, adm *kadm.Client, tp topicPartition, log *slog.Logger) (start, end int64, err error) {
	for {
		start, end, err = listOffsets(ctx, adm, tp)
		if err == nil {
			return start, end, nil
		}
		if ctx.Err() != nil {
			return 0, 0, ctx.Err()
		}
		log.Warn("log bounds unknown, trying again", "topic", tp.topic, "partition", tp.partition, "err", err)
		if err := sleep(ctx, boundsPause); err != nil {
			return 0, 0, err
		}
	}
}

func listOffsets(ctx context.Context, adm *kadm.Client, tp topicPartition) (start, end int64, err error) {
	starts, err := adm.ListStartOffsets(ctx, tp.topic)
	if err != nil {
		return 0, 0, fmt.Errorf("log start of %s/%d: %w", tp.topic, tp.partition, err)
	}
	ends, err := adm.ListEndOffsets(ctx, tp.topic)
	if err != nil {
		return 0, 0, fmt.Errorf("log end of %s/%d: %w", tp.topic, tp.partition, err)
	}
	first, _ := starts.Lookup(tp.topic, tp.partition)
	last, ok := ends.Lookup(tp.topic, tp.partition)
	if err := errors.Join(first.Err, last.Err); err != nil {
		return 0, 0, fmt.Errorf("bounds of %s/%d: %w", tp.topic, tp.partition, err)
	}
	if !ok {
		return 0, 0, fmt.Errorf("bounds of %s/%d: %w", tp.topic, tp.partition, kerr.UnknownTopicOrPartition)
	}
	return first.Offset, last.Offset, nil
}

func decode(rec *kgo.Record) pipeline.Record {
	out := pipeline.Record{
		Topic: rec.Topic, Partition: rec.Partition, Offset: rec.Offset,
		Time: rec.Timestamp, Key: rec.Key, Value: rec.Value,
	}
	if len(rec.Headers) > 0 {
		out.Headers = make([]pipeline.Header, len(rec.Headers))
		for i, h := range rec.Headers {
			out.Headers[i] = pipeline.Header{Key: h.Key, Value: h.Value}
		}
	}
	return out
}
