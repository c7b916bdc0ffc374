package pipeline_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanmill/spanmill/pkg/pipeline"
)

// lateAcks is a partition of one record whose commits are applied at once and
// answered late, as when this process is stopped for a while.
type lateAcks struct {
	pipeline.Source
	draining chan struct{}
	fetched  bool
	applied  time.Time // of the last commit
}

func (s *lateAcks) Log() pipeline.Log             { return pipeline.Log{Topic: "t"} }
func (s *lateAcks) Committed() pipeline.Committed { return pipeline.Committed{Offset: -1} }
func (s *lateAcks) Start() int64                  { return 0 }
func (s *lateAcks) Draining() <-chan struct{}     { return s.draining }

func (s *lateAcks) Fetch(ctx context.Context) ([]pipeline.Record, error) {
	if !s.fetched {
		s.fetched = true
		return []pipeline.Record{{Topic: "t"}}, nil
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

func (s *lateAcks) Commit(context.Context, int64, string) error {
	s.applied = time.Now()
	<-time.After(time.Hour)
	return nil
}

// patientTable takes the record's row once its deadline is far enough away.
type patientTable struct {
	pipeline.Stage
	src   *lateAcks
	tries []time.Duration // from the intent's commit to the deadline
}

func (o *patientTable) Config() string                               { return "" }
func (o *patientTable) WarmFrom() int64                              { return -1 }
func (o *patientTable) Begin(string, string, []pipeline.Range) error { return nil }
func (o *patientTable) Add() error                                   { return nil }
func (o *patientTable) Open(context.Context, time.Time) error        { return nil }
func (o *patientTable) Tables(pipeline.Range) []pipeline.Table       { return []pipeline.Table{o} }
func (o *patientTable) Name() string                                 { return "a" }
func (o *patientTable) Rows() int                                    { return 1 }
func (o *patientTable) Parts() []uint16                              { return []uint16{0} }
func (o *patientTable) Present(context.Context) ([]uint16, error)    { return nil, nil }
func (o *patientTable) Weigh(context.Context, *pipeline.Record) (pipeline.Weight, error) {
	return pipeline.Weight{Rows: 1, Bytes: 1, Parts: []uint16{0}}, nil
}

func (o *patientTable) Insert(_ context.Context, a pipeline.Attempt) error {
	o.tries = append(o.tries, a.Deadline.Sub(o.src.applied))
	close(o.src.draining)
	return nil
}

// noMeter hears what a batch that lands makes heard.
type noMeter struct{ pipeline.Meter }

func (noMeter) Recovered(string)          {}
func (noMeter) Retried(error)             {}
func (noMeter) Stored(pipeline.Stored)    {}
func (noMeter) IntentOpened(at time.Time) {}
func (noMeter) IntentClosed()             {}

// TestDeadlineCountsFromBeforeTheIntent: between the broker's taking an intent
// and our hearing of it we may have been stopped for long and have lost the
// partition. Whoever has it waits one deadline from when he was given it, so
// none of ours may lie behind that (W9).
func TestDeadlineCountsFromBeforeTheIntent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &lateAcks{draining: make(chan struct{})}
		table := &patientTable{src: src}
		if err := pipeline.Run(t.Context(), src, table, testConfig, noMeter{}, slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
		if len(table.tries) != 1 || table.tries[0] > testConfig.Deadline {
			t.Errorf("deadlines lie %v behind their intents, want at most %s", table.tries, testConfig.Deadline)
		}
	})
}
