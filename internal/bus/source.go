package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/spanmill/spanmill/pkg/pipeline"
)

var _ pipeline.Source = (*source)(nil)

// source is one partition, from its assignment to its revocation.
type source struct {
	m      *membership
	tp     topicPartition
	lease  *lease
	ctx    context.Context // ends when the partition is no longer ours
	cancel context.CancelCauseFunc
	done   chan struct{} // closed when the handler has returned

	// Set by begin, before known closes.
	known     chan struct{}
	log       pipeline.Log
	committed pipeline.Committed

	// Set before the handler runs, used by it alone.
	start  int64
	reader *reader
	txn    *transactions // nil: commits are by themselves

	lag lag
}

func newSource(m *membership, tp topicPartition, id identity) *source {
	s := &source{m: m, tp: tp, lease: newLease(id), known: make(chan struct{}), done: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancelCause(m.life)
	return s
}

// begin tells the source what the group holds. A second answer, after an
// interrupted session, changes nothing: only we can have committed since.
func (s *source) begin(topicID [16]byte, p kmsg.OffsetFetchResponseGroupTopicPartition) {
	select {
	case <-s.known:
		return
	default:
	}
	s.log = pipeline.Log{Topic: s.tp.topic, TopicID: topicID, Partition: s.tp.partition}
	s.committed = pipeline.Committed{Offset: max(p.Offset, -1)}
	if p.Metadata != nil {
		s.committed.Metadata = *p.Metadata
	}
	close(s.known)
}

// serve runs the handler once the source knows where it begins.
func (s *source) serve() error {
	ctx, stop := context.WithCancel(s.ctx)
	defer stop()
	defer context.AfterFunc(s.m.drains, stop)() // nothing is held yet
	defer func() {
		if s.txn != nil {
			s.txn.close()
		}
	}()
	if err := s.prepare(ctx); err != nil {
		if ctx.Err() != nil && s.m.drains.Err() != nil {
			return nil
		}
		return err
	}
	defer s.reader.close()
	return s.m.handle(s.ctx, s)
}

// prepare finds the first offset to read and opens the reader there.
func (s *source) prepare(ctx context.Context) error {
	select {
	case <-s.known:
	case <-ctx.Done():
		return ctx.Err()
	}
	if s.m.c.cfg.Transactions {
		if err := s.takeOver(ctx); err != nil {
			return err
		}
	}
	start, end, err := s.Bounds(ctx)
	if err != nil {
		return err
	}
	s.start = s.committed.Offset
	if s.start < 0 {
		if s.start, err = s.m.c.start(ctx, s.log, start); err != nil {
			return fmt.Errorf("start of %s/%d: %w", s.tp.topic, s.tp.partition, err)
		}
	}
	s.lag.open(s.start, end)
	s.reader, err = s.m.c.newReader(s.tp, s.start)
	return err
}

// Log implements pipeline.Source.
func (s *source) Log() pipeline.Log { return s.log }

// Committed implements pipeline.Source.
func (s *source) Committed() pipeline.Committed { return s.committed }

// Start implements pipeline.Source.
func (s *source) Start() int64 { return s.start }

// Draining implements pipeline.Source.
func (s *source) Draining() <-chan struct{} { return s.m.drains.Done() }

// Fetch implements pipeline.Source.
func (s *source) Fetch(ctx context.Context) ([]pipeline.Record, error) {
	for {
		records, err := s.reader.fetch(ctx)
		if err != nil {
			return nil, err
		}
		s.lag.read(records, s.reader.next, s.reader.end)
		if len(records) == 0 {
			continue
		}
		s.m.c.metrics.records.WithLabelValues(s.tp.topic).Add(float64(len(records)))
		bytes := 0
		for i := range records {
			bytes += sizeOf(&records[i]) - recordOverhead
		}
		s.m.c.metrics.bytes.WithLabelValues(s.tp.topic).Add(float64(bytes))
		return records, nil
	}
}

// Commit implements pipeline.Source.
func (s *source) Commit(ctx context.Context, offset int64, metadata string) error {
	send := func(ctx context.Context, id identity) error {
		return s.m.send(ctx, commitRequest(s.m.c.cfg.Group, s.m.current(id), s.log, offset, metadata))
	}
	err := s.lease.commit(ctx, send, func(outcome string) {
		s.m.c.metrics.commits.WithLabelValues(outcome).Inc()
	})
	if err != nil {
		return fmt.Errorf("commit offset %d of %s/%d: %w", offset, s.tp.topic, s.tp.partition, err)
	}
	s.lag.commit(offset)
	return nil
}

// Bounds implements pipeline.Source.
func (s *source) Bounds(ctx context.Context) (start, end int64, err error) {
	return bounds(ctx, s.m.adm, s.tp, s.m.log)
}

// ReadRange implements pipeline.Source.
func (s *source) ReadRange(ctx context.Context, from, to int64, visit func(*pipeline.Record) error) error {
	start, end, err := s.Bounds(ctx)
	if err != nil {
		return err
	}
	from, to = max(from, start), min(to, end)
	if from >= to {
		return nil
	}
	r, err := s.m.c.newReader(s.tp, from)
	if err != nil {
		return err
	}
	defer r.close()
	err = r.readTo(ctx, to, visit)
	if errors.Is(err, pipeline.ErrExpired) {
		return s.ReadRange(ctx, r.next, to, visit) // trimmed under our feet
	}
	return err
}
