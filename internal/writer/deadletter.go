package writer

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"time"

	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

// Reasons a record or span becomes a dead letter.
const (
	// ReasonEmpty: the record has no value, as tombstones have none.
	ReasonEmpty = "empty"
	// ReasonVersion: its header says a format that this binary does not know.
	ReasonVersion     = "unknown_version"
	ReasonUndecodable = "undecodable"
	ReasonInvalidSpan = "invalid_span"
	ReasonRejected    = schema.ReasonRejected
	// ReasonInvalidEvent: an event of a kind that this binary does not know, or
	// without what makes it one.
	ReasonInvalidEvent = "invalid_event"
)

// letter is why a record, or some of its spans, cannot be stored.
type letter struct {
	reason string
	cause  error
	index  int32          // first span meant; -1: the record
	spans  schema.Indices // those meant; nil: all
}

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

// publish tries until the dead letter is durable or ctx ends: dropping it would
// lose the record, going on without it too.
func (d *deadLetters) publish(ctx context.Context, r *pipeline.Record, why letter) error {
	origin := schema.Origin{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Index: why.index}
	life := lifeOf(r)
	if life.again { // it fails once more and keeps the name it has
		origin = life.origin
		if why.spans == nil {
			why.spans = life.only
		}
	}
	letter := pipeline.Record{
		Topic: schema.TopicDeadLetters, Partition: -1, Key: []byte(origin.String()), Value: r.Value,
		Headers: []pipeline.Header{
			{Key: schema.HeaderReason, Value: []byte(why.reason)},
			{Key: schema.HeaderError, Value: []byte(why.cause.Error())},
			{Key: schema.HeaderOrigin, Value: []byte(origin.String())},
			{Key: schema.HeaderReceived, Value: strconv.AppendInt(nil, life.received, 10)},
		},
	}
	if why.spans != nil {
		letter.Headers = append(letter.Headers, pipeline.Header{Key: schema.HeaderSpans, Value: []byte(why.spans.String())})
	}
	for _, h := range r.Headers {
		if !schema.DeadLetterHeader(h.Key) {
			letter.Headers = append(letter.Headers, h)
		}
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
			d.metrics.letters.WithLabelValues(why.reason).Inc()
			d.log.Warn("dead letter", "origin", origin.String(), "reason", why.reason, "err", why.cause)
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
