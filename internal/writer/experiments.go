package writer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

// experiments copies topic experiments into its table until the source drains.
// The topic is compacted, so a range cannot be read again as it was, and need
// not be: the table keeps the newest row of an experiment, by offset, and one
// that is stored twice counts once.
func (w *Writer) experiments(ctx context.Context, src pipeline.Source) error {
	in, err := pipeline.ParseIntent(src.Committed().Metadata)
	if err != nil {
		return fmt.Errorf("%w: commit metadata of offset %d is not ours: %w", pipeline.ErrFatal, src.Committed().Offset, err)
	}
	l := &experimentLoop{w: w, src: src, incarnation: in.Incarnation, block: w.store.Events().NewExperiments()}
	if in.Topic != "" && in.Topic != topicID(src.Log()) {
		l.incarnation++ // the offset was another topic's of this name
		return l.restart(ctx)
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
	for {
		records, err := src.Fetch(fetchCtx)
		switch {
		case err == nil:
		case ctx.Err() == nil && fetchCtx.Err() != nil:
			return nil
		case errors.Is(err, pipeline.ErrExpired):
			return l.restart(ctx)
		default:
			return fmt.Errorf("fetch: %w", err)
		}
		if err := l.store(ctx, records); err != nil {
			return err
		}
	}
}

// experimentLoop is the state of the topic's one partition.
type experimentLoop struct {
	w           *Writer
	src         pipeline.Source
	incarnation uint32
	block       ExperimentBlock
}

// restart has the topic read from where it begins.
func (l *experimentLoop) restart(ctx context.Context) error {
	start, _, err := l.src.Bounds(ctx)
	if err != nil {
		return fmt.Errorf("bounds of the log: %w", err)
	}
	if err := l.commit(ctx, start); err != nil {
		return err
	}
	return fmt.Errorf("%w: experiments are read from offset %d on", pipeline.ErrRejoin, start)
}

func (l *experimentLoop) commit(ctx context.Context, offset int64) error {
	in := pipeline.NoIntent(l.incarnation, -1)
	in.Topic = topicID(l.src.Log())
	text, err := in.Encode()
	if err != nil {
		return err
	}
	return l.src.Commit(ctx, offset, text)
}

// store takes records into the table, for as long as that takes, and commits.
func (l *experimentLoop) store(ctx context.Context, records []pipeline.Record) error {
	if len(records) == 0 {
		return nil
	}
	log := l.src.Log()
	l.block.Reset()
	for i := range records {
		if err := l.append(ctx, &records[i]); err != nil {
			return err
		}
	}
	first, last := records[0].Offset, records[len(records)-1].Offset
	token := fmt.Sprintf("%s/%d/%d-%d/experiments", log.ID(l.incarnation), log.Partition, first, last)
	backoff := pipeline.Backoff{Min: l.w.cfg.Pipeline.RetryMin, Max: l.w.cfg.Pipeline.RetryMax}
	for l.block.Rows() > 0 {
		err := l.block.Insert(ctx, pipeline.Attempt{Token: token, Deadline: time.Now().Add(l.w.cfg.Pipeline.Deadline)})
		if err == nil {
			break
		}
		if errors.Is(err, pipeline.ErrFatal) {
			return err
		}
		l.w.log.Warn("experiments will be stored again", "first", first, "last", last, "err", err)
		if err := backoff.Wait(ctx); err != nil {
			return err
		}
	}
	if err := l.commit(ctx, last+1); err != nil {
		return fmt.Errorf("commit experiments %d–%d: %w", first, last, err)
	}
	l.w.metrics.listed.Add(float64(l.block.Rows()))
	return nil
}

// append adds a record's experiment, or dead-letters the record.
func (l *experimentLoop) append(ctx context.Context, r *pipeline.Record) error {
	if len(r.Value) == 0 {
		return nil // a tombstone: nothing is left to be known of the key
	}
	x, err := schema.DecodeExperiment(r.Value)
	if err != nil {
		return l.w.letters.publish(ctx, r, letter{ReasonUndecodable, err, -1, nil})
	}
	l.block.Append(&schema.ExperimentRow{
		Experiment: &x, Tenant: tenantOf(r), ReceivedMilli: r.Time.UnixMilli(),
		Version: schema.VersionOf(l.incarnation, r.Offset, 0),
		Log:     l.src.Log().ID(l.incarnation), Partition: r.Partition, Offset: r.Offset,
	})
	return nil
}
