package pipeline

import (
	"context"
	"fmt"
	"time"
)

// restore brings the partition to where its last owner left it: it reads the
// committed intent, warms the stage with what came before, and lands the batch
// that was open (W5).
func (l *loop) restore(ctx, fetchCtx context.Context) error {
	committed := l.src.Committed()
	in, err := ParseIntent(committed.Metadata)
	if err != nil {
		return fmt.Errorf("%w: commit metadata of offset %d is not ours: %w", ErrFatal, committed.Offset, err)
	}
	l.incarnation = in.Incarnation
	l.next = l.src.Start()
	if committed.Offset >= 0 {
		l.next = committed.Offset
		if err := l.checkLog(ctx, committed.Offset, in); err != nil {
			return err
		}
	}
	if err := l.warm(fetchCtx, in.Warm); err != nil {
		return err
	}
	if !in.Open() {
		return nil
	}
	b, err := l.reform(ctx, fetchCtx, in)
	if err != nil || b == nil {
		return err
	}
	return l.land(ctx, b)
}

// firstReach is how many offsets warming reads back when no hint is committed.
const firstReach = 1024

// warm shows the stage the records before l.next, from the hint or from ever
// further back, until it is warm or the log has no more.
func (l *loop) warm(ctx context.Context, hint int64) error {
	if l.next == 0 {
		return nil
	}
	start, _, err := l.src.Bounds(ctx)
	if err != nil {
		return fmt.Errorf("bounds of the log: %w", err)
	}
	from := hint
	if from < 0 || from > l.next {
		from = l.next - firstReach
	}
	for began := time.Now(); ; {
		from = max(from, start)
		l.stage.Forget()
		err := l.src.ReadRange(ctx, from, l.next, func(r *Record) error {
			l.stage.Warm(r)
			return nil
		})
		if err != nil {
			return fmt.Errorf("warm from offset %d: %w", from, err)
		}
		if from == start || l.stage.Warmed() {
			l.log.Info("partition warmed", "from", from, "to", l.next, "took", time.Since(began))
			return nil
		}
		from = l.next - 2*(l.next-from)
	}
}

// reform fetches exactly the range of an open intent and makes the batch again.
// nil: the source drains before the range was complete.
func (l *loop) reform(ctx, fetchCtx context.Context, in Intent) (*batch, error) {
	first := l.next
	b := &batch{rng: Range{first, in.Last}, intent: in, adopted: true, opened: time.Now()}
	if err := l.stage.Begin(l.id(), in.Config, in.Exclude); err != nil {
		return nil, fmt.Errorf("begin batch %d–%d again: %w", b.rng.First, b.rng.Last, err)
	}
	if err := l.stage.Open(fetchCtx, time.Time{}); err != nil {
		return nil, fmt.Errorf("open batch %d–%d again: %w", b.rng.First, b.rng.Last, err)
	}
	l.cutter.Reset()
	for {
		for len(l.pending) > 0 {
			if l.pending[0].Offset > in.Last {
				return nil, fmt.Errorf("%w: the log has no record %d, the last of the open batch", ErrFatal, in.Last)
			}
			if err := l.weigh(ctx); err != nil {
				return nil, err
			}
			last := l.pending[0].Offset == in.Last
			if err := l.add(b); err != nil {
				return nil, err
			}
			if last {
				b.rng.Last, b.intent = in.Last, in
				return b, nil
			}
		}
		more, err := l.fetch(ctx, fetchCtx, nil)
		if err != nil {
			return nil, l.gone(ctx, first, in, err)
		}
		if !more {
			return nil, nil
		}
	}
}
