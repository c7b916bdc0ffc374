package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// isGone reports that the log no longer has what follows.
func isGone(err error) bool {
	_, truncated := errors.AsType[*TruncatedError](err)
	return truncated || errors.Is(err, ErrExpired)
}

// gone turns an error of Fetch into what becomes of the partition, which has
// offset and in committed. That a log lost its tail is committed at once: by
// the time somebody looks, new records may have taken the offsets.
func (l *loop) gone(ctx context.Context, offset int64, in Intent, err error) error {
	if cut, ok := errors.AsType[*TruncatedError](err); ok {
		if err := l.mark(ctx, offset, &in, cut.End); err != nil {
			return err
		}
		return l.decided(in, fmt.Errorf("%w: %w", l.tailLost(offset, in), err))
	}
	switch {
	case !errors.Is(err, ErrExpired):
		return err
	case l.cfg.AcceptLoss:
		return fmt.Errorf("%w: %w", ErrRejoin, err)
	}
	return fmt.Errorf("%w: %w; %s", ErrFatal, err, acceptLoss)
}

const acceptLoss = "they are lost unless the log can be restored; to go on without them, restart with --accept-loss"

// checkLog compares the log with what was committed. Where they disagree the
// partition halts, unless a person has decided: then what can be stored is, and
// ErrRejoin makes the next member go on from there.
func (l *loop) checkLog(ctx context.Context, offset int64, in Intent) error {
	start, end, err := l.src.Bounds(ctx)
	if err != nil {
		return fmt.Errorf("bounds of the log: %w", err)
	}
	if now := l.src.Log().topic(); in.Topic != "" && now != "" && in.Topic != now {
		return l.recreated(ctx, offset, start, in)
	}
	if in.Cut == nil && end < max(offset, in.Last+1) {
		if err := l.mark(ctx, offset, &in, end); err != nil {
			return err
		}
	}
	switch {
	case in.Cut != nil:
		return l.truncated(ctx, offset, start, in)
	case start > offset:
		return l.expired(ctx, offset, start, in)
	}
	return nil
}

// expired deals with a log whose start lies beyond what was to be read (W13).
func (l *loop) expired(ctx context.Context, offset, start int64, in Intent) error {
	lost := Range{offset, start - 1}
	if !l.cfg.AcceptLoss {
		return fmt.Errorf("%w: records %d–%d expired before they were stored; %s: %w", ErrFatal, lost.First, lost.Last, acceptLoss, ErrExpired)
	}
	l.lose(lost, in)
	next := max(start, in.Last+1)
	if in.Open() && start <= in.Last {
		if err := l.landRest(ctx, Range{offset, in.Last}, in, Range{start, in.Last}); err != nil {
			return err
		}
	}
	return l.settle(ctx, next, NoIntent(l.incarnation, -1))
}

// truncated deals with a log that lost its tail (W14). Up to the cut it is the
// log that was read; from there on it is another one, hence the incarnation.
func (l *loop) truncated(ctx context.Context, offset, start int64, in Intent) error {
	cut := *in.Cut
	if !l.told(in) {
		return l.tailLost(offset, in)
	}
	if in.Open() {
		rest := Range{max(offset, start), min(in.Last, cut-1)}
		if lost := (Range{max(offset, cut), in.Last}); lost.First <= lost.Last {
			l.lose(lost, in)
		}
		if rest.First <= rest.Last {
			if err := l.landRest(ctx, Range{offset, in.Last}, in, rest); err != nil {
				return err
			}
		}
	}
	next := min(cut, max(offset, in.Last+1))
	return l.settle(ctx, next, NoIntent(in.Incarnation+1, -1))
}

// recreated deals with offsets of a topic that is no more.
func (l *loop) recreated(ctx context.Context, offset, start int64, in Intent) error {
	if !l.told(in) {
		return fmt.Errorf("%w: offset %d was committed for another topic of this name (id %s; now it is %s): it was deleted and made anew."+
			" What was not stored of the old one is gone; to read the new one from its start, restart with --next-incarnation %s",
			ErrFatal, offset, in.Topic, l.src.Log().topic(), l.nextIncarnation(in))
	}
	if in.Open() {
		l.lose(Range{offset, in.Last}, in)
	}
	return l.settle(ctx, start, NoIntent(in.Incarnation+1, -1))
}

// mark commits where the log was seen to end.
func (l *loop) mark(ctx context.Context, offset int64, in *Intent, end int64) error {
	in.Cut = &end
	if err := l.commit(ctx, offset, *in); err != nil {
		return fmt.Errorf("commit that the log lost its tail: %w", err)
	}
	return nil
}

func (l *loop) tailLost(offset int64, in Intent) error {
	return fmt.Errorf("%w: the log ended at offset %d but %d is committed as processed or in hand: it lost its tail, and new records reuse old offsets."+
		" To go on with what is written from offset %d on, restart with --next-incarnation %s",
		ErrFatal, *in.Cut, max(offset, in.Last+1), *in.Cut, l.nextIncarnation(in))
}

// nextIncarnation is how a person says that a partition is to go on. It names
// the incarnation, so that it decides once and not the next time too.
func (l *loop) nextIncarnation(in Intent) string {
	return fmt.Sprintf("%s/%d/%d", l.src.Log().Topic, l.src.Log().Partition, in.Incarnation+1)
}

func (l *loop) told(in Intent) bool {
	return slices.Contains(l.cfg.NextIncarnation, l.nextIncarnation(in))
}

// decided is halt, or ErrRejoin if somebody has decided already.
func (l *loop) decided(in Intent, halt error) error {
	if l.told(in) {
		return fmt.Errorf("%w: the log lost its tail from offset %d on", ErrRejoin, *in.Cut)
	}
	return halt
}

// lose says what is gone. Rows of an open batch may have been stored all the
// same: at most so many are lost.
func (l *loop) lose(r Range, in Intent) {
	l.log.Error("records are lost; going on as told", "first", r.First, "last", r.Last, "open_batch", in.Open())
	l.meter.Lost(r)
}

// settle commits where to go on, and has the partition read back from there.
func (l *loop) settle(ctx context.Context, next int64, in Intent) error {
	if err := l.commit(ctx, next, in); err != nil {
		return fmt.Errorf("commit where to go on: %w", err)
	}
	return fmt.Errorf("%w: it goes on at offset %d in incarnation %d, as told", ErrRejoin, next, in.Incarnation)
}

// landRest stores what the log still has of an open batch, under the batch's
// own token and after asking the tables: of days that have landed before,
// nothing is missing.
func (l *loop) landRest(ctx context.Context, rng Range, in Intent, rest Range) error {
	l.next = rest.First
	if err := l.warm(ctx, in.Warm); err != nil {
		return err
	}
	b := &batch{rng: rng, intent: in, adopted: true, opened: time.Now()}
	if err := l.stage.Begin(l.id(), in.Config, in.Exclude); err != nil {
		return fmt.Errorf("begin what is left of batch %d–%d: %w", rng.First, rng.Last, err)
	}
	if err := l.stage.Open(ctx, time.Time{}); err != nil {
		return fmt.Errorf("open what is left of batch %d–%d: %w", rng.First, rng.Last, err)
	}
	l.cutter.Reset()
	err := l.src.ReadRange(ctx, rest.First, rest.Last+1, func(r *Record) error {
		l.pending = []Record{*r}
		if err := l.weigh(ctx); err != nil {
			return err
		}
		return l.add(b)
	})
	if err != nil {
		return fmt.Errorf("read what is left of batch %d–%d: %w", rng.First, rng.Last, err)
	}
	b.rng, b.intent = rng, in
	if b.rows == 0 {
		return nil
	}
	_, err = l.insert(ctx, b)
	return err
}
