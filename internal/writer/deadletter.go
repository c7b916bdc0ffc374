package writer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

// Reasons a record or span becomes a dead letter.
const (
	ReasonUndecodable = "undecodable"
	ReasonInvalidSpan = "invalid_span"
	ReasonRejected    = "store_rejected"
)

// deadLetters publishes what cannot be stored, as it came, before the batch
// that leaves it out is committed (P5). A batch formed again publishes again:
// dead letters are at least once, told apart by their origin.
type deadLetters struct {
	producer Producer
	metrics  *metrics
	log      *slog.Logger
	retryMin time.Duration
	retryMax time.Duration
}

// record publishes a whole record.
func (d *deadLetters) record(ctx context.Context, r *pipeline.Record, reason string, cause error) error {
	return d.publish(ctx, r, -1, reason, cause)
}

// invalidSpans are the spans of one record that no table can hold.
type invalidSpans struct {
	count  int
	first  uint32
	reason string
}

func (v *invalidSpans) add(s *schema.Span) {
	if v.count == 0 {
		v.first, v.reason = s.Index, s.Invalid
	}
	v.count++
}

// spans publishes the record of invalid spans once, its valid spans flow on.
func (d *deadLetters) spans(ctx context.Context, r *pipeline.Record, v invalidSpans) error {
	cause := fmt.Errorf("%d invalid spans, the first at index %d: %s", v.count, v.first, v.reason)
	return d.publish(ctx, r, int32(v.first), ReasonInvalidSpan, cause)
}

// publish tries until the dead letter is durable or ctx ends: dropping it would
// lose the record, going on without it too.
func (d *deadLetters) publish(ctx context.Context, r *pipeline.Record, index int32, reason string, cause error) error {
	origin := schema.Origin{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Index: index}
	letter := pipeline.Record{
		Topic: schema.TopicDeadLetters, Partition: -1, Key: []byte(origin.String()), Value: r.Value,
		Headers: append(slices.Clip(r.Headers),
			pipeline.Header{Key: schema.HeaderReason, Value: []byte(reason)},
			pipeline.Header{Key: schema.HeaderError, Value: []byte(cause.Error())},
			pipeline.Header{Key: schema.HeaderOrigin, Value: []byte(origin.String())},
			pipeline.Header{Key: schema.HeaderReceived, Value: strconv.AppendInt(nil, r.Time.UnixMilli(), 10)},
		),
	}
	backoff := pipeline.Backoff{Min: d.retryMin, Max: d.retryMax}
	for {
		err := d.producer.Produce(ctx, []pipeline.Record{letter})
		if isPermanent(err) && len(letter.Value) > 0 {
			// A stranger's record of just the topic's limit does not fit once it
			// carries our headers. Its origin still says where it stands.
			letter.Value = nil
			letter.Headers = append(letter.Headers, pipeline.Header{Key: schema.HeaderOmitted, Value: []byte("value")})
			continue
		}
		if err == nil {
			d.metrics.letters.WithLabelValues(reason).Inc()
			d.log.Warn("dead letter", "origin", origin.String(), "reason", reason, "err", cause)
			return nil
		}
		d.log.Warn("dead letter will be tried again", "origin", origin.String(), "err", err)
		if err := backoff.Wait(ctx); err != nil {
			return err
		}
	}
}

// isPermanent reports whether trying again cannot help. The producer's error
// type is the bus's own.
func isPermanent(err error) bool {
	var p interface{ Permanent() bool }
	return errors.As(err, &p) && p.Permanent()
}
