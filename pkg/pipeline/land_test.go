package pipeline_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanmill/spanmill/pkg/pipeline"
)

// slowAcks is a partition of one record whose commits are applied at once and
// answered late, as when this process is stopped for a while.
type slowAcks struct {
	pipeline.Source
	draining chan struct{}
	fetched  bool
	applied  time.Time // of the last commit
}

func (s *slowAcks) Log() pipeline.Log             { return pipeline.Log{Topic: "t"} }
func (s *slowAcks) Committed() pipeline.Committed { return pipeline.Committed{Offset: -1} }
func (s *slowAcks) Start() int64                  { return 0 }
func (s *slowAcks) Draining() <-chan struct{}     { return s.draining }

func (s *slowAcks) Fetch(ctx context.Context) ([]pipeline.Record, error) {
	if !s.fetched {
		s.fetched = true
		return []pipeline.Record{{Topic: "t"}}, nil
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

func (s *slowAcks) Commit(context.Context, int64, string) error {
	s.applied = time.Now()
	<-time.After(time.Hour)
	return nil
}

// oneTable takes the record's row once its deadline is far enough away.
type oneTable struct {
	pipeline.Stage
	src   *slowAcks
	tries []time.Duration // from the intent's commit to the deadline
}

func (o *oneTable) Config() string                               { return "" }
func (o *oneTable) WarmFrom() int64                              { return -1 }
func (o *oneTable) Begin(string, string, []pipeline.Range) error { return nil }
func (o *oneTable) Add() error                                   { return nil }
func (o *oneTable) Tables(pipeline.Range) []pipeline.Table       { return []pipeline.Table{o} }
func (o *oneTable) Name() string                                 { return "a" }
func (o *oneTable) Rows() int                                    { return 1 }
func (o *oneTable) Parts() []uint16                              { return []uint16{0} }
func (o *oneTable) Present(context.Context) ([]uint16, error)    { return nil, nil }
func (o *oneTable) Weigh(context.Context, *pipeline.Record) (pipeline.Weight, error) {
	return pipeline.Weight{Rows: 1, Bytes: 1, Parts: []uint16{0}}, nil
}

func (o *oneTable) Insert(_ context.Context, a pipeline.Attempt) error {
	o.tries = append(o.tries, a.Deadline.Sub(o.src.applied))
	close(o.src.draining)
	return nil
}

type silent struct{}

func (silent) Recovered(string)          {}
func (silent) Retried(error)             {}
func (silent) Stored(pipeline.Stored)    {}
func (silent) IntentOpened(at time.Time) {}
func (silent) IntentClosed()             {}

// TestDeadlineCountsFromBeforeTheIntent: between the broker's taking an intent
// and our hearing of it we may have been stopped for long and have lost the
// partition. Whoever has it waits one deadline from when he was given it, so
// none of ours may lie behind that (W9).
func TestDeadlineCountsFromBeforeTheIntent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &slowAcks{draining: make(chan struct{})}
		table := &oneTable{src: src}
		if err := pipeline.Run(t.Context(), src, table, testConfig, silent{}, slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
		if len(table.tries) != 1 || table.tries[0] > testConfig.Deadline {
			t.Errorf("deadlines lie %v behind their intents, want at most %s", table.tries, testConfig.Deadline)
		}
	})
}
