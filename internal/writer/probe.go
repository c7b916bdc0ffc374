package writer

import (
	"context"
	"errors"

	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/otlp"
	"github.com/spanmill/spanmill/pkg/schema/semconv"
)

// Probe implements pipeline.Stage: it stores the records' spans in scratch
// tables, resends included, with state of its own.
func (s *stage) Probe(ctx context.Context, records []pipeline.Record) error {
	p := &stage{
		cfg: s.cfg, letters: s.letters, metrics: s.metrics, log: s.log,
		normalizer: semconv.New(),
		build:      s.builds.scratch(),
		place:      s.place,
		retention:  s.retention, batchLog: s.batchLog,
	}
	p.place.days = nil
	var decoder otlp.Decoder
	for i := range records {
		r := &records[i]
		spans, why := read(&decoder, r)
		if why.cause != nil {
			continue // a dead letter already, no part of the batch
		}
		p.hold(r, spans)
		for j := range spans {
			if spans[j].Invalid == "" && p.life.means(spans[j].Index) {
				p.keep(j)
			}
		}
		if err := p.Add(); err != nil {
			return err
		}
	}
	for _, t := range p.Tables(pipeline.Range{First: records[0].Offset, Last: records[len(records)-1].Offset}) {
		if err := t.(*table).block.Probe(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Reject implements pipeline.Stage. The letter stands for the spans that the
// batch would have stored: not for resends, nor for invalid ones, which have a
// letter of their own.
func (s *stage) Reject(ctx context.Context, r *pipeline.Record, cause error) error {
	var decoder otlp.Decoder
	spans, why := read(&decoder, r)
	if why.cause != nil {
		return nil //nolint:nilerr // a dead letter already, no part of the batch
	}
	life, resent := lifeOf(r), s.lives.resent(r.Offset)
	var meant schema.Indices
	for i := range spans {
		if n := spans[i].Index; spans[i].Invalid == "" && life.means(n) && !resent.Contains(n) {
			meant = meant.With(n)
		}
	}
	if meant == nil {
		return nil // nothing of it was to be stored
	}
	return s.letters.publish(ctx, r, letter{ReasonRejected, cause, -1, meant})
}

// hold makes r the record that Add appends from.
func (s *stage) hold(r *pipeline.Record, spans []schema.Span) {
	s.record, s.decoded, s.rows, s.resent = r, spans, s.rows[:0], nil
	s.tenant, s.expID = tenantOf(r), r.Header(schema.HeaderExperiment)
	s.life = lifeOf(r)
	s.place.reset(s.life.received, s.retention)
}

// keep marks the i-th decoded span as a row to be.
func (s *stage) keep(i int) {
	span := &s.decoded[i]
	day, flags := s.place.place(span.StartUnixNano, span.EndUnixNano)
	s.rows = append(s.rows, placed{i, day, flags})
}

// classOf names the kind of an insert error for the retry counter.
func classOf(err error) string {
	switch {
	case errors.Is(err, pipeline.ErrDeadline):
		return "deadline"
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	default:
		return "store"
	}
}
