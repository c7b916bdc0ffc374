package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Config of the loop.
type Config struct {
	Limits Limits `embed:""`
	// Deadline is D of rule W9: how long after its intent a block may still be
	// accepted by the store. The store's token window must outlast it.
	Deadline time.Duration `help:"How long after its intent an insert may still land." default:"60s" because:"rule W9; must be longer than the group's session time-out"`
	// Retry spaces attempts while the store is away.
	RetryMin time.Duration `help:"First wait before an insert is tried again." default:"100ms"`
	RetryMax time.Duration `help:"Longest wait before an insert is tried again." default:"5s" because:"the number of tries has no bound: records are in the log"`
	// AcceptLoss and NextIncarnation are what a person decides when a partition
	// has halted: its message says which.
	AcceptLoss      bool     `help:"Go on where the log expired before it was stored: store what is left and count the rest as lost."`
	NextIncarnation []string `help:"Go on in a partition whose log lost its tail or was made anew; its halt message says what to give here." placeholder:"TOPIC/PARTITION/NUMBER"`
}

// Validate reports every value that cannot work.
func (c Config) Validate() error {
	err := c.Limits.Validate()
	if c.Deadline < time.Second {
		err = errors.Join(err, fmt.Errorf("insert deadline is %s, must be at least 1s", c.Deadline))
	}
	if c.RetryMin <= 0 || c.RetryMax < c.RetryMin {
		err = errors.Join(err, fmt.Errorf("retry waits are %s to %s, must be positive and in order", c.RetryMin, c.RetryMax))
	}
	return err
}

// Run moves one assigned partition's records into the stage's tables until the
// source drains (nil), the partition is lost (ErrLost), its state has to be
// read back (ErrAmbiguous, ErrRejoin), ctx ends, or something is wrong that
// only a person can decide (any other error: the partition must halt).
func Run(ctx context.Context, src Source, stage Stage, cfg Config, meter Meter, log *slog.Logger) error {
	l := &loop{
		src: src, stage: stage, cfg: cfg, meter: meter,
		log:    log.With("topic", src.Log().Topic, "partition", src.Log().Partition),
		cutter: NewCutter(cfg.Limits),
	}
	fetchCtx, stop := context.WithCancel(ctx)
	defer stop()
	go func() { // ends with fetchCtx: a drain interrupts a waiting Fetch
		select {
		case <-src.Draining():
			stop()
		case <-fetchCtx.Done():
		}
	}()
	if err := l.restore(ctx, fetchCtx); err != nil {
		return drained(ctx, fetchCtx, err) // before it had begun: nothing is held
	}
	for {
		b, err := l.collect(ctx, fetchCtx)
		if err != nil || b == nil {
			return err
		}
		if err := l.land(ctx, b); err != nil {
			return err
		}
	}
}

// drained is nil if err comes of a drain while no batch was open, else err.
func drained(ctx, fetchCtx context.Context, err error) error {
	if ctx.Err() != nil || fetchCtx.Err() == nil {
		return err
	}
	return nil
}

// loop is the state of one partition. Nothing in it is shared.
type loop struct {
	src    Source
	stage  Stage
	cfg    Config
	meter  Meter
	log    *slog.Logger
	cutter *Cutter

	incarnation uint32
	next        int64 // no record below it is wanted
	pending     []Record
	weighed     bool // pending[0] has been weighed as weight
	weight      Weight
	warmBefore  int64         // the stage's WarmFrom before pending[0] was weighed
	failed      error         // of a Fetch, kept while what is in hand lands
	landed      time.Duration // what the last batch took to land
}

// batch is a cut range on its way into the tables.
type batch struct {
	rng       Range
	intent    Intent // committed beside rng.First
	warmAfter int64
	adopted   bool
	mended    int // how often the store rejected it and then would have taken it
	rows      int
	bytes     int
	opened    time.Time
}

// collect takes records until a batch is to be cut. nil: the source drains and
// no batch is open. A record that does not fit stays pending, weighed.
func (l *loop) collect(ctx, fetchCtx context.Context) (*batch, error) {
	config := l.stage.Config()
	if err := l.stage.Begin(l.id(), config, nil); err != nil {
		return nil, fmt.Errorf("begin batch: %w", err)
	}
	l.cutter.Reset()
	var b *batch
	for {
		for len(l.pending) > 0 {
			if err := l.weigh(ctx); err != nil {
				return nil, err
			}
			if !l.cutter.Fits(l.weight) {
				return b, nil
			}
			if b == nil {
				if err := l.stage.Open(fetchCtx, l.pending[0].Time); err != nil {
					return nil, drained(ctx, fetchCtx, fmt.Errorf("open batch: %w", err))
				}
				b = &batch{opened: time.Now(), rng: Range{First: l.pending[0].Offset}}
				b.intent = Intent{Incarnation: l.incarnation, Warm: l.warmBefore, Config: config}
			}
			if err := l.add(b); err != nil {
				return nil, err
			}
			if l.cutter.Full() {
				return b, nil
			}
		}
		more, err := l.fetch(ctx, fetchCtx, b)
		if err != nil {
			return nil, l.gone(ctx, l.next, NoIntent(l.incarnation, l.stage.WarmFrom()), err)
		}
		if !more {
			return b, nil
		}
	}
}

// fetch waits for records; false: the open batch is old enough, the source
// drains, or the log has no more of what follows the open batch. That error is
// told when the batch has landed: nobody could read it again.
func (l *loop) fetch(ctx, fetchCtx context.Context, b *batch) (bool, error) {
	if l.failed != nil {
		return false, l.failed
	}
	if b != nil {
		var cancel context.CancelFunc
		fetchCtx, cancel = context.WithDeadline(fetchCtx, b.opened.Add(l.cfg.Limits.age(l.landed)))
		defer cancel()
	}
	records, err := l.src.Fetch(fetchCtx)
	if err != nil {
		if ctx.Err() == nil && fetchCtx.Err() != nil {
			return false, nil
		}
		err = fmt.Errorf("fetch: %w", err)
		if b != nil && isGone(err) {
			l.failed = err
			return false, nil
		}
		return false, err
	}
	for len(records) > 0 && records[0].Offset < l.next {
		records = records[1:]
	}
	l.pending = records
	return true, nil
}

// weigh weighs the next record, once: deduplication counts every sight.
func (l *loop) weigh(ctx context.Context) error {
	if l.weighed {
		return nil
	}
	l.warmBefore = l.stage.WarmFrom()
	w, err := l.stage.Weigh(ctx, &l.pending[0])
	if err != nil {
		return fmt.Errorf("weigh record %d: %w", l.pending[0].Offset, err)
	}
	l.weight, l.weighed = w, true
	return nil
}

// add moves the weighed record into the open batch.
func (l *loop) add(b *batch) error {
	r := &l.pending[0]
	if err := l.stage.Add(); err != nil {
		return fmt.Errorf("add record %d: %w", r.Offset, err)
	}
	l.cutter.Add(l.weight)
	b.rng.Last = r.Offset
	b.intent.Last = r.Offset
	b.rows, b.bytes = l.cutter.Rows(), l.cutter.Bytes()
	b.warmAfter = l.stage.WarmFrom()
	l.next = r.Offset + 1
	l.pending = l.pending[1:]
	l.weighed = false
	return nil
}

// id names the log, this life of it, in tokens and rows.
func (l *loop) id() string { return l.src.Log().ID(l.incarnation) }
