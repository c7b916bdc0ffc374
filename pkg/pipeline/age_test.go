package pipeline_test

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanmill/spanmill/pkg/pipeline"
)

// trickle is a partition that gets a record every ten milliseconds, until it has
// drained.
type trickle struct {
	pipeline.Source
	draining chan struct{}
	next     int64
}

func (s *trickle) Log() pipeline.Log                           { return pipeline.Log{Topic: "t"} }
func (s *trickle) Committed() pipeline.Committed               { return pipeline.Committed{Offset: -1} }
func (s *trickle) Start() int64                                { return 0 }
func (s *trickle) Draining() <-chan struct{}                   { return s.draining }
func (s *trickle) Commit(context.Context, int64, string) error { return nil }

func (s *trickle) Fetch(ctx context.Context) ([]pipeline.Record, error) {
	select {
	case <-time.After(10 * time.Millisecond):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	s.next++
	return []pipeline.Record{{Topic: "t", Offset: s.next - 1}}, nil
}

// slowTable takes as long for an insert as it is told, and hears for how long
// each batch was held open.
type slowTable struct {
	patientTable
	noMeter

	src    *trickle
	takes  []time.Duration // of the inserts to come
	waited []time.Duration
}

func (o *slowTable) Tables(pipeline.Range) []pipeline.Table { return []pipeline.Table{o} }

func (o *slowTable) Insert(context.Context, pipeline.Attempt) error {
	<-time.After(o.takes[0])
	if o.takes = o.takes[1:]; len(o.takes) == 0 {
		close(o.src.draining)
	}
	return nil
}

func (o *slowTable) Stored(b pipeline.Stored) {
	o.waited = append(o.waited, b.Waited.Round(20*time.Millisecond))
}

// TestSlowInsertsMakeLargerBatches: a batch is held open for twenty times as long as
// the one before took to land, within bounds.
func TestSlowInsertsMakeLargerBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &trickle{draining: make(chan struct{})}
		table := &slowTable{src: src}
		for _, ms := range []int{2, 35, 200, 900, 0} {
			table.takes = append(table.takes, time.Duration(ms)*time.Millisecond)
		}
		config := testConfig
		config.Limits.MaxRows = 1000
		if err := pipeline.Run(t.Context(), src, table, config, table, slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
		var want []time.Duration
		for _, ms := range []int{500, 500, 700, 800, 500} {
			want = append(want, time.Duration(ms)*time.Millisecond)
		}
		if !slices.Equal(table.waited, want) {
			t.Errorf("batches were held open for %v, want %v", table.waited, want)
		}
	})
}
