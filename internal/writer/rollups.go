package writer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// RollupBlock is a Block of table rollups.
type RollupBlock interface {
	Block
	Append(row *rollup.Row)
}

// RollupStore is where blocks of table rollups come from.
type RollupStore interface {
	NewRollups() RollupBlock
	// LastOffset and OtherLog are what they are of Store.
	LastOffset(ctx context.Context, topicID string, partition int32) (offset int64, found bool, err error)
	OtherLog(ctx context.Context, log string, partition int32) (string, error)
	// Compact adds up the days to which nothing is added any more, and tells how
	// many there were.
	Compact(ctx context.Context) (days int, err error)
}

// TakeRollups lets the writer own partitions of topic rollups as well. It is
// called before Run.
func (w *Writer) TakeRollups(store RollupStore) { w.rollups = store }

// rollupStage is the writer's part of a partition of topic rollups: a row for
// each metric that a record adds to. Nothing is decided by other records, so
// there is nothing to warm up. One goroutine owns it.
type rollupStage struct {
	letters   *deadLetters
	log       pipeline.Log
	newBlock  func() RollupBlock
	config    string
	retention uint16 // of the open batch
	exclude   []pipeline.Range
	batchLog  string
	block     RollupBlock
	days      daySet

	record  *pipeline.Record // weighed last
	rollups []rollup.Rollup  // of it
	parts   daySet           // of it
	next    int64            // behind the record weighed last; -1: none was
}

var _ pipeline.Stage = (*rollupStage)(nil)

func newRollupStage(w *Writer, log pipeline.Log) *rollupStage {
	return &rollupStage{
		letters: w.letters, log: log, newBlock: w.rollups.NewRollups, config: strconv.Itoa(w.cfg.RollupDays),
		block: w.rollups.NewRollups(), next: -1,
	}
}

// Config names what decides a row besides the log: how many days it is kept.
func (s *rollupStage) Config() string { return s.config }

// Forget implements pipeline.Stage.
func (s *rollupStage) Forget() {}

// Warm implements pipeline.Stage.
func (s *rollupStage) Warm(*pipeline.Record) {}

// Warmed implements pipeline.Stage.
func (s *rollupStage) Warmed() bool { return true }

// WarmFrom implements pipeline.Stage: from here on nothing has to be read again.
func (s *rollupStage) WarmFrom() int64 { return s.next }

// Begin implements pipeline.Stage.
func (s *rollupStage) Begin(id, config string, exclude []pipeline.Range) error {
	days, err := strconv.ParseUint(config, 10, 16)
	if err != nil || days == 0 {
		return fmt.Errorf("batch config %q: want a retention in days", config)
	}
	s.retention, s.exclude, s.batchLog = uint16(days), exclude, id
	s.block.Reset()
	s.days = s.days[:0]
	return nil
}

// Open implements pipeline.Stage.
func (s *rollupStage) Open(context.Context, time.Time) error { return nil }

// Weigh implements pipeline.Stage.
func (s *rollupStage) Weigh(ctx context.Context, r *pipeline.Record) (pipeline.Weight, error) {
	s.next = r.Offset + 1
	if why := s.hold(r); why.cause != nil {
		return pipeline.Weight{}, s.letters.publish(ctx, r, why)
	}
	if slices.ContainsFunc(s.exclude, func(x pipeline.Range) bool { return x.Contains(r.Offset) }) {
		s.rollups, s.parts = s.rollups[:0], s.parts[:0]
	}
	return pipeline.Weight{Rows: s.rows(), Bytes: len(r.Value), Parts: s.parts}, nil
}

// maxRollupDays is how many days the panes of a record of ours cover at most:
// the aggregator takes other times for the time of receipt.
const maxRollupDays = 40

var errTooManyDays = fmt.Errorf("its panes are on more than %d days", maxRollupDays)

// hold makes r the record that Add appends from. The letter's cause is nil
// unless it cannot be used.
func (s *rollupStage) hold(r *pipeline.Record) letter {
	s.record, s.rollups, s.parts = r, s.rollups[:0], s.parts[:0]
	if len(r.Value) == 0 {
		return letter{ReasonEmpty, errors.New("the record has no value"), -1, nil}
	}
	err := rollup.Decode(r.Value, func(x *rollup.Rollup) error {
		s.rollups = append(s.rollups, *x)
		for i := range x.Panes {
			s.parts.add(dayOf(x.Panes[i].Start * 1000))
		}
		if len(s.parts) > maxRollupDays {
			return errTooManyDays
		}
		return nil
	})
	if err == nil {
		return letter{}
	}
	s.rollups, s.parts = s.rollups[:0], s.parts[:0]
	if errors.Is(err, rollup.ErrVersion) {
		return letter{ReasonVersion, err, -1, nil}
	}
	return letter{ReasonUndecodable, err, -1, nil}
}

func (s *rollupStage) rows() (n int) {
	for i := range s.rollups {
		for j := range s.rollups[i].Panes {
			n += len(s.rollups[i].Panes[j].Metrics)
		}
	}
	return n
}

// Add implements pipeline.Stage.
func (s *rollupStage) Add() error {
	s.appendTo(s.block)
	for _, d := range s.parts {
		s.days.add(d)
	}
	return nil
}

func (s *rollupStage) appendTo(block RollupBlock) {
	row := rollup.Row{
		RetentionDays: s.retention, ReceivedMilli: s.record.Time.UnixMilli(),
		Log: s.batchLog, Partition: s.log.Partition, Offset: s.record.Offset,
	}
	for i := range s.rollups {
		row.Series = &s.rollups[i].Series
		for j := range s.rollups[i].Panes {
			p := &s.rollups[i].Panes[j]
			row.Start, row.PartDay = p.Start, dayOf(p.Start*1000)
			for k := range p.Metrics {
				row.Metric = &p.Metrics[k]
				block.Append(&row)
				row.Index++
			}
		}
	}
}

// Tables implements pipeline.Stage.
func (s *rollupStage) Tables(rng pipeline.Range) []pipeline.Table {
	return []pipeline.Table{&table{
		block: s.block, at: Place{Log: s.batchLog, Partition: s.log.Partition, Range: rng}, days: s.days,
	}}
}

// Probe implements pipeline.Stage.
func (s *rollupStage) Probe(ctx context.Context, records []pipeline.Record) error {
	p := &rollupStage{log: s.log, retention: s.retention, batchLog: s.batchLog}
	block := s.newBlock()
	for i := range records {
		if why := p.hold(&records[i]); why.cause == nil {
			p.appendTo(block)
		}
	}
	return block.Probe(ctx)
}

// Reject implements pipeline.Stage.
func (s *rollupStage) Reject(ctx context.Context, r *pipeline.Record, cause error) error {
	return s.letters.publish(ctx, r, letter{ReasonRejected, cause, -1, nil})
}
