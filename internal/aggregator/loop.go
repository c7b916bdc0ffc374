package aggregator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spanmill/spanmill/pkg/pipeline"
)

// Source is one assigned partition whose offset is committed with what is made
// of its records.
type Source interface {
	pipeline.Source
	// Transact produces the records and commits the offset, all of it or nothing
	// (A1). Errors are pipeline.ErrLost and ErrAmbiguous, as Commit has them.
	Transact(ctx context.Context, records []pipeline.Record, offset int64, metadata string) error
}

// loop is the state of one partition. Nothing in it is shared.
type loop struct {
	cfg   Config
	src   Source
	core  tally
	pack  packer
	meter meter
	log   *slog.Logger

	next      int64 // no record below it is wanted
	committed int64
	marks     []mark
}

// mark notes where warming up has to begin for decisions to stand from an offset
// on.
type mark struct{ offset, warm int64 }

// run counts until the source drains (nil), or an error ends it.
func (l *loop) run(ctx context.Context) error {
	fetchCtx, stop := context.WithCancel(ctx)
	defer stop()
	go func() { // ends with fetchCtx: a drain interrupts a waiting Fetch
		select {
		case <-l.src.Draining():
			stop()
		case <-fetchCtx.Done():
		}
	}()
	if err := l.restore(fetchCtx); err != nil {
		if ctx.Err() == nil && fetchCtx.Err() != nil {
			return nil // drained before it had begun: nothing is held
		}
		return err
	}
	for {
		more, err := l.gather(ctx, fetchCtx)
		if err != nil {
			return err
		}
		if err := l.flush(ctx); err != nil {
			return err
		}
		if !more {
			return nil
		}
	}
}

// restore brings the core to where its last owner left it.
func (l *loop) restore(ctx context.Context) error {
	at := l.src.Committed()
	in, err := pipeline.ParseIntent(at.Metadata)
	if err != nil {
		return fmt.Errorf("%w: commit metadata of offset %d is not ours: %w", pipeline.ErrFatal, at.Offset, err)
	}
	l.next, l.committed = l.src.Start(), l.src.Start()
	start, end, err := l.src.Bounds(ctx)
	if err != nil {
		return fmt.Errorf("bounds of the log: %w", err)
	}
	switch {
	case at.Offset < 0:
	case in.Topic != "" && in.Topic != l.topic():
		return l.settle(ctx, start, "its topic was deleted and made anew", true)
	case start > at.Offset:
		return l.settle(ctx, start, fmt.Sprintf("records %d–%d expired before they were counted", at.Offset, start-1), l.cfg.AcceptLoss)
	case end < at.Offset:
		return l.settle(ctx, end, fmt.Sprintf("the log ends at %d, before the committed offset %d: it lost its tail", end, at.Offset), l.cfg.AcceptLoss)
	}
	return l.warm(ctx, start, in.Warm)
}

// settle moves the offset to where the log can be read, if somebody decided so,
// and has the partition read back from there.
func (l *loop) settle(ctx context.Context, offset int64, why string, accepted bool) error {
	if !accepted {
		return fmt.Errorf("%w: %s; to go on without them, restart with --accept-loss", pipeline.ErrFatal, why)
	}
	l.log.Error("going on as told", "why", why, "from", offset)
	if err := l.src.Commit(ctx, offset, l.metadata(-1)); err != nil {
		return err
	}
	return fmt.Errorf("%w: %s", pipeline.ErrRejoin, why)
}

// firstReach is how many offsets more than the window warming reads back when no
// hint is committed.
const firstReach = 1024

// warm recalls what decisions stand on: the window, and as many spans before it
// as the deduplication ring holds.
func (l *loop) warm(ctx context.Context, start, hint int64) error {
	if l.next == 0 {
		return nil
	}
	stands := max(start, l.core.standsOn(l.next))
	from := hint
	if from < 0 || from > stands {
		from = stands - firstReach
	}
	for began := time.Now(); ; {
		from = max(from, start)
		full, err := l.recall(ctx, from, stands)
		if err != nil {
			return fmt.Errorf("warm from offset %d: %w", from, err)
		}
		if from == start || full {
			l.core.ready()
			l.marks = append(l.marks[:0], mark{stands, from})
			l.log.Info("partition warmed", "from", from, "to", l.next, "took", time.Since(began))
			return nil
		}
		from = stands - 2*(stands-from)
	}
}

// recall shows the core the records before the next one, and reports whether the
// ring was full by the time that decisions stand on it.
func (l *loop) recall(ctx context.Context, from, stands int64) (full bool, err error) {
	l.core.forget()
	reached := false
	err = l.src.ReadRange(ctx, from, l.next, func(r *pipeline.Record) error {
		if r.Offset >= stands && !reached {
			reached, full = true, l.core.full()
		}
		l.core.recall(r, stands)
		return nil
	})
	return full || !reached && l.core.full(), err
}

// gather takes records until it is time to flush; false: the source drains.
func (l *loop) gather(ctx, fetchCtx context.Context) (more bool, err error) {
	var due time.Time // not set until there is something to send
	for {
		waitCtx, cancel := fetchCtx, context.CancelFunc(func() {})
		if !due.IsZero() {
			waitCtx, cancel = context.WithDeadline(fetchCtx, due)
		}
		records, err := l.src.Fetch(waitCtx)
		late := waitCtx.Err() != nil
		cancel()
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return false, ctx.Err()
		case late:
			return fetchCtx.Err() == nil, nil //nolint:nilerr // it was we who ended the wait
		default:
			return false, l.gone(err)
		}
		for i := range records {
			r := &records[i]
			if r.Offset < l.next {
				continue
			}
			if due.IsZero() {
				due = time.Now().Add(l.cfg.Interval)
			}
			l.core.take(r)
			l.next = r.Offset + 1
			if l.core.added().open >= l.cfg.MaxOpen {
				if err := l.flush(ctx); err != nil {
					return false, err
				}
			}
		}
		if !due.IsZero() && !time.Now().Before(due) {
			return fetchCtx.Err() == nil, nil
		}
	}
}

// gone turns an error of Fetch into what becomes of the partition.
func (l *loop) gone(err error) error {
	_, truncated := errors.AsType[*pipeline.TruncatedError](err)
	if truncated || errors.Is(err, pipeline.ErrExpired) {
		return fmt.Errorf("%w: %w", pipeline.ErrRejoin, err) // restore decides, by what is committed
	}
	return fmt.Errorf("fetch: %w", err)
}

// flush sends what was added, with the offset behind what it was read from.
func (l *loop) flush(ctx context.Context) error {
	if l.next == l.committed {
		return nil
	}
	began := time.Now()
	warm := l.mark()
	records := l.pack.pack(l.core.added())
	var err error
	if len(records) == 0 {
		err = l.src.Commit(ctx, l.next, l.metadata(warm))
	} else {
		err = l.src.Transact(ctx, records, l.next, l.metadata(warm))
	}
	if err != nil {
		return err
	}
	l.meter.flushed(records, time.Since(began))
	l.core.added().clear()
	l.committed = l.next
	return nil
}

// mark notes where the ring's memory begins now, and gives the offset from which
// a successor that begins at next warms up, -1 if that is not known.
func (l *loop) mark() int64 {
	l.marks = append(l.marks, mark{l.next, l.core.oldest()})
	stands := l.core.standsOn(l.next)
	for len(l.marks) > 1 && l.marks[1].offset <= stands {
		l.marks = l.marks[1:]
	}
	if l.marks[0].offset > stands {
		return -1
	}
	return l.marks[0].warm
}

func (l *loop) topic() string { return fmt.Sprintf("%x", l.src.Log().TopicID) }

// metadata is what is committed beside an offset: the words of the writer's.
func (l *loop) metadata(warm int64) string {
	in := pipeline.NoIntent(0, warm)
	in.Topic = l.topic()
	text, err := in.Encode()
	if err != nil {
		return "" // it is never too long: then a successor finds its own way
	}
	return text
}
