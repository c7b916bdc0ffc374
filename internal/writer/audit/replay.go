package audit

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spanmill/spanmill/internal/pricing"
	"github.com/spanmill/spanmill/internal/writer"
	"github.com/spanmill/spanmill/pkg/pipeline"
)

// Replayer stores what the tables lack of a range of the log.
type Replayer struct {
	// Config is the writers'. Its insert deadline is how long an insert of
	// theirs may land after they lost a partition.
	Config  writer.Config
	Log     Log
	Tables  Tables
	Fill    Fill
	Letters AllLetters
	Stored  Stored
	Terms   Terms
	// Books are the writers'.
	Books *pricing.Books
	// Tenant is whose rows are stored; "": everybody's.
	Tenant string
	Logger *slog.Logger
	// Progress hears of each batch; it may be called from several goroutines.
	Progress func(e Extent, next int64)

	Result Result
	parts  sync.Map // pipeline.Log → true, once it is done
}

// Result counts what a replay did.
type Result struct {
	Records, Spans, Parts, Events atomic.Int64 // the last three are rows that were missing
	// Undecided records may hold resends of spans that the log has no more;
	// nothing of them is stored.
	Undecided atomic.Int64
	// Cut batches begin before the log does: their sums are not stored.
	Cut atomic.Int64
}

// settle is added to the deadline that is waited for: clocks drift.
const settle = time.Second

// Done reports whether the partition has been replayed to its end.
func (p *Replayer) Done(log pipeline.Log) bool {
	_, done := p.parts.Load(log)
	return done
}

// Partition replays one partition, which src gives us alone among all replays.
// It may be called again for the same one, after a rebalance.
func (p *Replayer) Partition(ctx context.Context, src pipeline.Source, e Extent) error {
	if p.Done(e.Log) {
		return nil
	}
	e, err := e.aligned(ctx, p.Tables)
	if err != nil {
		return err
	}
	// Whoever had the partition before us, a writer below the committed offset
	// or another replay, may have an insert on its way until its deadline.
	if err := wait(ctx, p.Config.Pipeline.Deadline+settle); err != nil {
		return err
	}
	f := newFilling(p, src, e)
	w := &walk{
		extent: e, stage: f.stage, cutter: pipeline.NewCutter(p.Config.Pipeline.Limits),
		batches: &batches{extent: e, tables: p.Tables, overlap: f.overlap},
		exclude: func(r pipeline.Range) []pipeline.Range { return p.Letters.Of(e.Log.Topic).rejected(e.Log.Partition, r) },
		record:  func(*pipeline.Record, bool) { p.Result.Records.Add(1) },
		done:    f.batch, from: -1,
	}
	if err := w.warm(ctx, p.Log); err != nil {
		return err
	}
	err = p.Log.Read(ctx, e.Log, e.From, e.To, func(r *pipeline.Record) error {
		if !w.open && !w.decided() {
			w.stage.Warm(r)
			p.Result.Undecided.Add(1)
			return nil
		}
		return w.visit(ctx, r)
	})
	if err == nil {
		err = w.close(ctx)
	}
	if err != nil {
		return err
	}
	p.parts.Store(e.Log, true)
	return nil
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// filling takes the batches of one partition to the tables.
type filling struct {
	p      *Replayer
	src    pipeline.Source
	extent Extent
	stage  pipeline.Stage
	// nonce sets our tokens apart from the writers' and from those of every
	// other replay: rows that were stored under a token that is still
	// remembered, and then deleted, could not be stored under it again.
	nonce   string
	open    batch // being stored
	overlap func(a, b pipeline.Range)
	failed  error
}

// batch stores what the tables lack of a batch.
func (f *filling) batch(ctx context.Context, b batch) error {
	if f.failed != nil {
		return f.failed
	}
	f.open = b
	if !b.whole {
		f.p.Result.Cut.Add(1)
	}
	tables := f.stage.Tables(b.Range)
	backoff := pipeline.Backoff{Min: f.p.Config.Pipeline.RetryMin, Max: f.p.Config.Pipeline.RetryMax}
	for {
		err := f.round(ctx, b, tables)
		if err == nil {
			break
		}
		if ctx.Err() != nil || !retried(err) {
			return fmt.Errorf("replay %d–%d: %w", b.First, b.Last, err)
		}
		f.p.Logger.Warn("insert will be tried again", "partition", f.extent.Log.Partition, "first", b.First, "last", b.Last, "err", err)
		if err := backoff.Wait(ctx); err != nil {
			return err
		}
	}
	if f.p.Progress != nil {
		f.p.Progress(f.extent, b.Last+1)
	}
	return nil
}

// retried reports whether another try may help. A rejection is not bisected
// here: what the store rejects is the writers' to find.
func retried(err error) bool {
	for _, class := range []error{pipeline.ErrRejected, pipeline.ErrFatal, pipeline.ErrLost, pipeline.ErrAmbiguous} {
		if errors.Is(err, class) {
			return false
		}
	}
	return true
}

// round makes sure that the partition is still ours, and inserts. The deadline
// counts from before the question: had it been answered for somebody who lost
// the partition since, the successor's wait, which begins later, covers it.
func (f *filling) round(ctx context.Context, b batch, tables []pipeline.Table) error {
	deadline := time.Now().Add(f.p.Config.Pipeline.Deadline)
	intent := pipeline.Intent{Last: b.Last, Incarnation: f.extent.Incarnation, Warm: -1, Config: "replay"}
	text, err := intent.Encode()
	if err != nil {
		return err
	}
	if err := f.src.Commit(ctx, b.First, text); err != nil {
		return fmt.Errorf("make sure of the partition: %w", err)
	}
	for _, t := range tables {
		if t.Rows() == 0 {
			continue
		}
		token := fmt.Sprintf("replay/%s/%s/%d/%d-%d/%s", f.nonce, f.extent.id(), f.extent.Log.Partition, b.First, b.Last, t.Name())
		if err := t.Insert(ctx, pipeline.Attempt{Token: token, Deadline: deadline}); err != nil {
			return err
		}
		pipeline.FaultPoint("replay_after_table")
	}
	return nil
}

func newFilling(p *Replayer, src pipeline.Source, e Extent) *filling {
	f := &filling{p: p, src: src, extent: e, nonce: rand.Text()}
	f.overlap = func(a, b pipeline.Range) {
		f.failed = fmt.Errorf("%w: batches %d–%d and %d–%d overlap in trace_parts; see 'spanmill verify'", pipeline.ErrFatal, a.First, a.Last, b.First, b.Last)
	}
	f.stage = stageOf(p, e, f)
	return f
}
