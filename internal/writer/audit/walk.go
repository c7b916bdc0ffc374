package audit

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/spanmill/spanmill/pkg/pipeline"
)

// walk takes a partition's log through a stage, batch by batch.
type walk struct {
	extent  Extent
	stage   pipeline.Stage
	batches *batches
	cutter  *pipeline.Cutter // of batches that nothing is known of
	// exclude lists records of a range whose rows are left out.
	exclude func(pipeline.Range) []pipeline.Range
	// record is told of each record before it is weighed, done of each batch
	// once its records were added.
	record func(r *pipeline.Record, decided bool)
	done   func(ctx context.Context, b batch) error

	from int64 // first offset that was visited, -1 before
	open bool
	b    batch
	end  int64 // the open batch ends here at the latest
}

// batch is a range of the log that was formed again.
type batch struct {
	pipeline.Range
	// known: the tables have rows of this very batch.
	known bool
	// whole: all its records were there to be read.
	whole bool
}

// firstReach is how many offsets warming reads back at first.
const firstReach = 1024

// warm shows the stage what came before the extent, as far back as Rule D looks.
func (w *walk) warm(ctx context.Context, log Log) error {
	for reach := int64(firstReach); ; reach *= 2 {
		from := max(w.extent.From-reach, w.extent.Start)
		w.stage.Forget()
		if from == w.extent.From {
			return nil
		}
		err := log.Read(ctx, w.extent.Log, from, w.extent.From, func(r *pipeline.Record) error {
			w.stage.Warm(r)
			return nil
		})
		if err != nil {
			return fmt.Errorf("warm from offset %d: %w", from, err)
		}
		if from == w.extent.Start || w.stage.Warmed() {
			return nil
		}
	}
}

// decided reports whether the stage has seen enough to tell each resend.
func (w *walk) decided() bool { return w.extent.Start == 0 || w.stage.Warmed() }

// visit takes the next record.
func (w *walk) visit(ctx context.Context, r *pipeline.Record) error {
	if w.from < 0 {
		w.from = r.Offset
	}
	if w.open && r.Offset > w.end {
		if err := w.close(ctx); err != nil {
			return err
		}
	}
	if !w.open {
		if err := w.begin(ctx, r.Offset); err != nil {
			return err
		}
	}
	w.record(r, w.decided())
	weight, err := w.stage.Weigh(ctx, r)
	if err != nil {
		return fmt.Errorf("weigh record %d: %w", r.Offset, err)
	}
	if !w.b.known && !w.cutter.Fits(weight) {
		if err := w.close(ctx); err != nil {
			return err
		}
		if err := w.begin(ctx, r.Offset); err != nil {
			return err
		}
	}
	if err := w.stage.Add(); err != nil {
		return fmt.Errorf("add record %d: %w", r.Offset, err)
	}
	w.cutter.Add(weight)
	if !w.b.known {
		w.b.Last = r.Offset
	}
	if r.Offset == w.end || !w.b.known && w.cutter.Full() {
		return w.close(ctx)
	}
	return nil
}

// begin opens the batch that offset belongs to.
func (w *walk) begin(ctx context.Context, offset int64) error {
	w.b, w.end = batch{Range: pipeline.Range{First: offset, Last: offset}, whole: true}, math.MaxInt64
	next, ok, err := w.batches.at(ctx, offset)
	switch {
	case err != nil:
		return err
	case ok && next.First <= offset:
		w.b, w.end = batch{Range: next, known: true, whole: w.from <= next.First}, next.Last
	case ok:
		w.end = next.First - 1
	}
	w.cutter.Reset()
	w.open = true
	var exclude []pipeline.Range
	if w.exclude != nil {
		exclude = w.exclude(pipeline.Range{First: offset, Last: w.end})
	}
	if err := w.stage.Begin(w.extent.id(), w.stage.Config(), exclude); err != nil {
		return fmt.Errorf("begin batch at offset %d: %w", offset, err)
	}
	if err := w.stage.Open(ctx, time.Time{}); err != nil {
		return fmt.Errorf("open batch at offset %d: %w", offset, err)
	}
	return nil
}

// close ends the open batch, if one is.
func (w *walk) close(ctx context.Context) error {
	if !w.open {
		return nil
	}
	w.open = false
	return w.done(ctx, w.b)
}
