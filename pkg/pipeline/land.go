package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// land takes a cut batch into its tables: intent, insert, commit. It retries
// for ever; it returns an error only when this owner must not go on.
func (l *loop) land(ctx context.Context, b *batch) error {
	cut := time.Now()
	attempts := 0
	if b.rows > 0 || b.adopted {
		var err error
		if attempts, err = l.insert(ctx, b); err != nil {
			return err
		}
	}
	faultPoint("after_insert")
	done := NoIntent(l.incarnation, b.warmAfter)
	if err := l.commit(ctx, b.rng.Last+1, done); err != nil {
		return fmt.Errorf("commit batch %d–%d: %w", b.rng.First, b.rng.Last, err)
	}
	l.meter.IntentClosed()
	l.landed = time.Since(cut)
	l.meter.Stored(Stored{
		Range: b.rng, Rows: b.rows, Bytes: b.bytes, Attempts: attempts,
		Waited: cut.Sub(b.opened), Took: l.landed,
	})
	return nil
}

// insert commits the intent and inserts every table, again and again until all
// of them have the batch. Each round but the first of a fresh batch asks the
// tables what they have (W8): the round before may have landed in part, and its
// tokens may have been evicted since.
func (l *loop) insert(ctx context.Context, b *batch) (attempts int, err error) {
	tables := l.stage.Tables(b.rng)
	check := b.adopted
	backoff := Backoff{Min: l.cfg.RetryMin, Max: l.cfg.RetryMax}
	l.meter.IntentOpened(b.opened)
	for {
		// The intent is committed again each round: its ack is what proves, just
		// before the insert, that the partition is still ours (W5). The deadline
		// counts from before it was sent: had we been stopped for an hour since the
		// broker took it, somebody else would have the partition (W9).
		deadline := time.Now().Add(l.cfg.Deadline)
		if err := l.commit(ctx, b.rng.First, b.intent); err != nil {
			return attempts, fmt.Errorf("commit intent %d–%d: %w", b.rng.First, b.rng.Last, err)
		}
		faultPoint("after_intent")
		attempts++
		err := l.round(ctx, b, tables, deadline, check)
		switch {
		case err == nil:
			return attempts, nil
		case ctx.Err() != nil:
			return attempts, ctx.Err()
		case errors.Is(err, ErrFatal):
			return attempts, err
		case errors.Is(err, ErrRejected):
			if err = l.exclude(ctx, b, err); !errors.Is(err, errMended) {
				return attempts, err
			}
		}
		l.meter.Retried(err)
		l.log.Warn("insert will be tried again", "first", b.rng.First, "last", b.rng.Last, "attempt", attempts, "err", err)
		if err := backoff.Wait(ctx); err != nil {
			return attempts, err
		}
		check = true
	}
}

// round inserts each table once, skipping what is there already when check is
// set.
func (l *loop) round(ctx context.Context, b *batch, tables []Table, deadline time.Time, check bool) error {
	skip := make([][]uint16, len(tables))
	if check {
		state, err := l.present(ctx, tables, skip)
		if err != nil {
			return err
		}
		if b.adopted {
			l.log.Info("recovered an open intent", "first", b.rng.First, "last", b.rng.Last, "state", state)
			l.meter.Recovered(state)
			b.adopted = false // told once
		}
	}
	for i, t := range tables {
		if t.Rows() == 0 || missing(t.Parts(), skip[i]) == 0 {
			continue
		}
		a := Attempt{Token: l.token(b.rng, t.Name()), Deadline: deadline, Skip: skip[i]}
		if err := t.Insert(ctx, a); err != nil {
			return fmt.Errorf("insert %s: %w", t.Name(), err)
		}
		if i == 0 {
			faultPoint("after_table_1")
		}
	}
	return nil
}

// present asks every table which of its partitions have the batch, into skip,
// and names the state that the batch was found in.
func (l *loop) present(ctx context.Context, tables []Table, skip [][]uint16) (state string, err error) {
	want, have := 0, 0
	for i, t := range tables {
		if t.Rows() == 0 {
			continue
		}
		if skip[i], err = t.Present(ctx); err != nil {
			return "", fmt.Errorf("ask %s for the batch: %w", t.Name(), err)
		}
		parts := t.Parts()
		want += len(parts)
		have += len(parts) - missing(parts, skip[i])
	}
	switch have {
	case 0:
		return RecoveredOpen, nil
	case want:
		return RecoveredInserted, nil
	}
	return RecoveredPartial, nil
}

// missing counts the parts that are not in have.
func missing(parts, have []uint16) int {
	n := 0
	for _, p := range parts {
		if !slices.Contains(have, p) {
			n++
		}
	}
	return n
}

// token is the batch's identity in one table (W10). The same range has the same
// token for ever, and no other range ever has it.
func (l *loop) token(r Range, table string) string {
	return fmt.Sprintf("%s/%d/%d-%d/%s", l.id(), l.src.Log().Partition, r.First, r.Last, table)
}

func (l *loop) commit(ctx context.Context, offset int64, in Intent) error {
	in.Topic = l.src.Log().topic()
	metadata, err := in.Encode()
	if err != nil {
		return errors.Join(ErrFatal, err)
	}
	return l.src.Commit(ctx, offset, metadata)
}
