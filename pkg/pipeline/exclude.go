package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// maxPoison is how many records of one batch may be excluded one by one; more
// than that and the whole batch is dead-lettered, loudly (W11).
const maxPoison = 16

// maxMended is how often a batch that a table rejected, and of whose records
// scratch tables blame none, is tried again before all of it is dead-lettered.
const maxMended = 3

// errMended: the store rejected a batch and would take it now.
var errMended = errors.New("the store no longer rejects the batch")

// exclude deals with a batch that a table rejected for its data: it finds the
// records at fault in scratch tables, dead-letters them, and commits the same
// intent with the exclusion. The batch is then formed again from the log, as
// after a crash, since deduplication has to stand where it stood before the
// batch: hence ErrRejoin.
func (l *loop) exclude(ctx context.Context, b *batch, cause error) error {
	var records []Record
	err := l.src.ReadRange(ctx, b.rng.First, b.rng.Last+1, func(r *Record) error {
		if !excluded(b.intent.Exclude, r.Offset) {
			records = append(records, *r)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read rejected batch %d–%d: %w", b.rng.First, b.rng.Last, err)
	}
	bad, err := l.bisect(ctx, records)
	if err != nil {
		return fmt.Errorf("bisect rejected batch %d–%d: %w", b.rng.First, b.rng.Last, err)
	}
	if len(bad) == 0 && b.mended < maxMended {
		b.mended++
		return fmt.Errorf("%w; it said: %w", errMended, cause)
	}
	if len(bad) == 0 || len(bad) > maxPoison {
		bad = records // rejected together but not alone, or beyond counting
	}
	in := b.intent
	in.Exclude = slices.Clone(in.Exclude)
	for i := range bad {
		if err := l.stage.Reject(ctx, &bad[i], cause); err != nil {
			return fmt.Errorf("dead-letter record %d: %w", bad[i].Offset, err)
		}
	}
	if len(bad) == len(records) {
		in.Exclude = []Range{b.rng}
	} else {
		in.Exclude = append(in.Exclude, ranges(bad)...)
	}
	l.log.Error("the store rejected records; they went to the dead letters", "first", b.rng.First, "last", b.rng.Last, "records", len(bad), "err", cause)
	if err := l.commit(ctx, b.rng.First, in); err != nil {
		return fmt.Errorf("commit intent %d–%d with exclusions: %w", b.rng.First, b.rng.Last, err)
	}
	return fmt.Errorf("%w: batch %d–%d has exclusions", ErrRejoin, b.rng.First, b.rng.Last)
}

// bisect finds the records that scratch tables reject, each alone.
func (l *loop) bisect(ctx context.Context, records []Record) ([]Record, error) {
	if len(records) == 0 {
		return nil, nil
	}
	if rejected, err := l.rejects(ctx, records); err != nil || !rejected {
		return nil, err
	}
	if len(records) == 1 {
		return records, nil
	}
	half := len(records) / 2
	low, err := l.bisect(ctx, records[:half])
	if err != nil {
		return nil, err
	}
	high, err := l.bisect(ctx, records[half:])
	return append(low, high...), err
}

// rejects reports whether scratch tables reject the records. Errors that are no
// rejection are retried: the store may be away.
func (l *loop) rejects(ctx context.Context, records []Record) (bool, error) {
	backoff := Backoff{Min: l.cfg.RetryMin, Max: l.cfg.RetryMax}
	for {
		err := l.stage.Probe(ctx, records)
		if err == nil || errors.Is(err, ErrRejected) {
			return err != nil, nil
		}
		l.meter.Retried(err)
		if err := backoff.Wait(ctx); err != nil {
			return false, err
		}
	}
}

// ranges joins records into closed ranges. Offsets between two neighbours of
// the list need not be consecutive in the log, so only consecutive ones join.
func ranges(records []Record) []Range {
	var out []Range
	for i := range records {
		o := records[i].Offset
		if n := len(out); n > 0 && out[n-1].Last+1 == o {
			out[n-1].Last = o
			continue
		}
		out = append(out, Range{o, o})
	}
	return out
}

func excluded(x []Range, offset int64) bool {
	return slices.ContainsFunc(x, func(r Range) bool { return r.Contains(offset) })
}
