package writer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

// Redriven is the record that a dead letter becomes when it is driven again: as
// it first came, to the partition it first came in, with what tells of its
// first life. Its time is the present, since the log keeps records by their
// time; rows get the time of receipt from the header.
func Redriven(letter *pipeline.Record) (pipeline.Record, error) {
	origin, err := schema.ParseOrigin(letter.Header(schema.HeaderOrigin))
	switch {
	case err != nil:
		return pipeline.Record{}, err
	case origin.Topic != schema.TopicSpans && origin.Topic != schema.TopicEvents:
		return pipeline.Record{}, fmt.Errorf("its topic %s is not one that is re-driven", origin.Topic)
	case letter.Header(schema.HeaderOmitted) != "":
		return pipeline.Record{}, errors.New("its value was too large to be copied; it stands at its origin for as long as the topic keeps it")
	}
	r := pipeline.Record{Topic: origin.Topic, Partition: origin.Partition, Value: letter.Value}
	for _, h := range letter.Headers {
		switch h.Key {
		case schema.HeaderError:
		default:
			r.Headers = append(r.Headers, h)
		}
	}
	return r, nil
}

// life is which life of its content a record is. The zero value is the first.
type life struct {
	again    bool
	origin   schema.Origin
	only     schema.Indices // spans meant; nil: all
	received int64          // milliseconds
}

// lifeOf reads a record's headers. Only the partition of its origin can tell
// whether a record was there already, so elsewhere it is a stranger's.
func lifeOf(r *pipeline.Record) life {
	l := life{received: r.Time.UnixMilli()}
	text := r.Header(schema.HeaderOrigin)
	if text == "" {
		return l
	}
	origin, err := schema.ParseOrigin(text)
	if err != nil || origin.Topic != r.Topic || origin.Partition != r.Partition {
		return l
	}
	l.again, l.origin = true, origin
	if milli, err := strconv.ParseInt(r.Header(schema.HeaderReceived), 10, 64); err == nil {
		l.received = milli
	}
	if only, err := schema.ParseIndices(r.Header(schema.HeaderSpans)); err == nil {
		l.only = only
	}
	return l
}

// means reports whether the record is about its i-th span.
func (l life) means(i uint32) bool { return l.only == nil || l.only.Contains(i) }

// spanOrigin names a span of a re-driven record, "" in a first life.
func (l life) spanOrigin(i uint32) string {
	if !l.again {
		return ""
	}
	o := l.origin
	o.Index = int32(i)
	return o.String()
}

// SpanLife is a span of a re-driven record: which, and its place in the record
// that it first was in.
type SpanLife struct {
	TraceID schema.TraceID
	SpanID  schema.SpanID
	Index   uint32
}

// LifeQuery asks whether spans of one record have rows.
type LifeQuery struct {
	Tenant string
	Origin schema.Origin // of the record
	Spans  []SpanLife
	// Log and Before say which rows count: of this log, of the origin's
	// partition, those from before an offset; of other logs all.
	Log    string
	Before int64
}

// lives is what of the open batch was driven again, and what of it was left
// out as a resend.
type lives struct {
	from    int64 // the batch's first offset; -1: it has no record yet
	kept    map[keptSpan]bool
	resends []resends // by offset
}

// keptSpan is a span of the record that first had the offset.
type keptSpan struct {
	offset int64
	SpanLife
}

// resends are a record's spans that were left out.
type resends struct {
	offset  int64
	indices schema.Indices
}

func (l *lives) reset() {
	l.from, l.resends = -1, l.resends[:0]
	clear(l.kept)
}

// open notes the first offset of the batch, and reports whether this is it.
func (l *lives) open(offset int64) bool {
	first := l.from < 0
	if first {
		l.from = offset
	}
	return first
}

func (l *lives) keep(offset int64, s SpanLife) {
	if l.kept == nil {
		l.kept = make(map[keptSpan]bool)
	}
	l.kept[keptSpan{offset, s}] = true
}

func (l *lives) has(offset int64, s SpanLife) bool { return l.kept[keptSpan{offset, s}] }

// resent are the spans of a record of the batch that were left out.
func (l *lives) resent(offset int64) schema.Indices {
	i, found := slices.BinarySearchFunc(l.resends, offset, func(r resends, o int64) int { return cmp.Compare(r.offset, o) })
	if !found {
		return nil
	}
	return l.resends[i].indices
}

func lifeOfSpan(s *schema.Span) SpanLife { return SpanLife{s.TraceID, s.SpanID, s.Index} }

// remember notes in the open batch what the weighed record adds to it.
func (s *stage) remember() {
	s.lives.open(s.record.Offset)
	if s.resent != nil {
		s.lives.resends = append(s.lives.resends, resends{s.record.Offset, s.resent})
	}
	if !s.life.again {
		return
	}
	for _, p := range s.rows {
		s.lives.keep(s.life.origin.Offset, lifeOfSpan(&s.decoded[p.span]))
	}
}

// keepFresh marks as rows to be those of the held record's spans that have no
// row yet: neither in the open batch nor in the table from before it. Rows of
// the open batch itself do not count, since it may be a batch that is formed
// again, which would find its own.
func (s *stage) keepFresh(ctx context.Context, spans []int) error {
	q := LifeQuery{Tenant: s.tenant, Origin: s.life.origin, Log: s.batchLog, Before: s.lives.from}
	for _, i := range spans {
		q.Spans = append(q.Spans, lifeOfSpan(&s.decoded[i]))
	}
	stored, err := s.ask(ctx, q)
	if err != nil {
		return err
	}
	there := make(map[SpanLife]bool, len(stored))
	for _, l := range stored {
		there[l] = true
	}
	for n, i := range spans {
		outcome := "stored"
		if l := q.Spans[n]; there[l] || s.lives.has(s.life.origin.Offset, l) {
			outcome = "there"
			s.resent = s.resent.With(l.Index)
		} else {
			s.keep(i)
		}
		s.metrics.redriven.WithLabelValues(outcome).Inc()
	}
	return nil
}

// ask asks until the table answers or ctx ends.
func (s *stage) ask(ctx context.Context, q LifeQuery) ([]SpanLife, error) {
	backoff := pipeline.Backoff{Min: s.cfg.Pipeline.RetryMin, Max: s.cfg.Pipeline.RetryMax}
	for {
		stored, err := s.stored(ctx, q)
		if err == nil {
			return stored, nil
		}
		s.letters.log.Warn("a re-driven record waits for the table to say whether it is there",
			"partition", s.log.Partition, "offset", s.record.Offset, "err", err)
		if err := backoff.Wait(ctx); err != nil {
			return nil, err
		}
	}
}
