package writer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/dedup"
	"github.com/spanmill/spanmill/internal/pricing"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

// Config of the writer.
type Config struct {
	Pipeline      pipeline.Config `embed:""`
	Dedup         dedup.Config    `embed:"" prefix:"dedup-"`
	RetentionDays int             `help:"Days that new rows are kept." default:"30"`
	RollupDays    int             `help:"Days that new rows of metrics are kept as they came." default:"45"`
	// CatchUp bounds memory: each of them holds a batch of the largest size.
	CatchUp int `help:"Partitions that work off a backlog at the same time." default:"3"`
	// DeleteEvery bounds how often the server has to look through its tables.
	DeleteEvery time.Duration `help:"How often rows of deleted traces are deleted." default:"1m"`
}

// Validate reports every value that cannot work.
func (c Config) Validate() error {
	err := errors.Join(c.Pipeline.Validate(), c.Dedup.Validate())
	if c.RetentionDays < 1 || c.RetentionDays > 36500 {
		err = errors.Join(err, fmt.Errorf("retention is %d days, must be 1 to 36500", c.RetentionDays))
	}
	if c.RollupDays < MinRollupDays || c.RollupDays > 36500 {
		err = errors.Join(err, fmt.Errorf("retention of metrics is %d days, must be %d to 36500: days are added up before they go", c.RollupDays, MinRollupDays))
	}
	if c.CatchUp < 1 {
		err = errors.Join(err, fmt.Errorf("%d partitions work off a backlog at once, must be at least 1", c.CatchUp))
	}
	if c.DeleteEvery <= 0 {
		err = errors.Join(err, fmt.Errorf("deleted traces are looked at every %s, must be above zero", c.DeleteEvery))
	}
	return err
}

// Producer publishes dead letters; nil means durable.
type Producer interface {
	// Partitions is how many partitions a topic has.
	Partitions(ctx context.Context, topic string) (int, error)
	Produce(ctx context.Context, records []pipeline.Record) error
}

// Consumer runs handle once for each partition it is assigned, until ctx ends.
type Consumer interface {
	Run(ctx context.Context, handle func(ctx context.Context, src pipeline.Source) error) error
}

// Writer moves topics spans, events, experiments and rollups into the tables.
type Writer struct {
	cfg        Config
	consumer   Consumer
	store      Store
	rollups    RollupStore
	letters    *deadLetters
	builds     *builds
	books      *pricing.Books
	events     *builds       // nil: topic events is not read
	sweeping   chan struct{} // held by the partition that deletes rows
	compacting chan struct{} // held by the partition that adds up days
	windows    atomic.Int64  // bytes
	metrics    *metrics
	log        *slog.Logger
}

// New makes a writer; it does nothing before Run.
func New(cfg Config, consumer Consumer, store Store, producer Producer, log *slog.Logger, reg prometheus.Registerer) *Writer {
	m := newMetrics(reg)
	turns := make(chan struct{}, cfg.CatchUp)
	w := &Writer{
		cfg: cfg, consumer: consumer, store: store, books: new(pricing.Books), metrics: m, log: log,
		builds:   newBuilds(cfg, turns, func() *build { return newBuild(store) }),
		sweeping: make(chan struct{}, 1), compacting: make(chan struct{}, 1),
		letters: &deadLetters{
			producer: producer, metrics: m, log: log,
			retryMin: cfg.Pipeline.RetryMin, retryMax: cfg.Pipeline.RetryMax,
		},
	}
	if events := store.Events(); events != nil {
		w.events = newBuilds(cfg, turns, func() *build { return newEventBuild(events) })
	}
	return w
}

// PriceBy has spans priced by the books; without any, nothing is. It may be
// called before Run only.
func (w *Writer) PriceBy(books *pricing.Books) { w.books = books }

// Run writes until ctx ends, then drains: every owned partition finishes its
// batch before Run returns.
func (w *Writer) Run(ctx context.Context) error {
	return w.consumer.Run(ctx, w.partition)
}

// WindowBytes is the memory that the deduplication windows of the partitions
// owned hold, as of their last batches.
func (w *Writer) WindowBytes() int64 { return w.windows.Load() }

// Stage is what the writer makes of a partition's records, for those who form
// batches again outside of its group: audits and replays.
func (w *Writer) Stage(log pipeline.Log, partitions int) pipeline.Stage {
	if log.Topic == schema.TopicEvents {
		return newEventStage(w, log)
	}
	return newStage(w, log, partitions)
}

// partition owns one assigned partition until it is revoked, drained or halted.
func (w *Writer) partition(ctx context.Context, src pipeline.Source) error {
	log := src.Log()
	if log.Topic == schema.TopicExperiments {
		return w.experiments(ctx, src)
	}
	if log.Topic == schema.TopicRollups && w.rollups != nil {
		meter := w.metrics.meter(log)
		defer meter.forget()
		stop := w.compact(ctx, log)
		defer stop()
		return pipeline.Run(ctx, src, newRollupStage(w, log), w.cfg.Pipeline, meter, w.log)
	}
	partitions, err := w.letters.producer.Partitions(ctx, log.Topic)
	if err != nil {
		return fmt.Errorf("count partitions of %s: %w", log.Topic, err)
	}
	meter := w.metrics.meter(log)
	defer meter.forget()
	if log.Topic == schema.TopicEvents {
		stop := w.sweep(ctx, log, partitions)
		defer stop()
		s := newEventStage(w, log)
		defer s.close()
		return pipeline.Run(ctx, src, s, w.cfg.Pipeline, meter, w.log)
	}
	s := newStage(w, log, partitions)
	defer s.end()
	return pipeline.Run(ctx, src, s, w.cfg.Pipeline, meter, w.log)
}

// Starter says where to begin on a partition the group has no offset for: never
// before rows that are there already (W6). Losing the group's offsets is an
// accident; beginning again at the log start would double every row. If the log
// has lost what followed those rows, only a person can decide to go on (W13).
func (w *Writer) Starter(ctx context.Context, log pipeline.Log, logStart int64) (int64, error) {
	if log.Topic == schema.TopicExperiments {
		return logStart, nil // newest rows win: none counts twice
	}
	last, found, other, err := w.standing(ctx, log)
	if err != nil {
		return 0, err
	}
	at := w.log.With("topic", log.Topic, "partition", log.Partition)
	switch {
	case strings.HasPrefix(other, topicID(log)):
		return 0, fmt.Errorf("the consumer group has no offset and the tables have rows of %s: where it stood, and in which incarnation, only a person can tell;"+
			" commit the offset of %s/%d with the metadata {\"v\":1,\"inc\":N}", other, log.Topic, log.Partition)
	case !found && other != "":
		at.Warn("the tables have rows of another topic of this name; if it was deleted and made anew, what was not stored of the old one is gone",
			"old_log", other, "topic_id", topicID(log))
		return logStart, nil
	case !found:
		return logStart, nil
	case last+1 >= logStart:
		at.Warn("the consumer group has no offset but the tables have rows; going on behind them", "offset", last+1)
		return last + 1, nil
	case !w.cfg.Pipeline.AcceptLoss:
		return 0, fmt.Errorf("%w: the consumer group has no offset, the tables have rows up to offset %d and the log begins at %d: what was between"+
			" is lost unless the log can be restored; to go on without it, restart with --accept-loss", pipeline.ErrExpired, last, logStart)
	}
	at.Error("records may be lost; going on as told", "first", last+1, "last", logStart-1)
	w.metrics.lost.Add(float64(logStart - last - 1))
	return logStart, nil
}

// standing asks the tables until they answer or ctx ends: for the last offset,
// and for rows of another log than the topic's first incarnation.
func (w *Writer) standing(ctx context.Context, log pipeline.Log) (last int64, found bool, other string, err error) {
	backoff := pipeline.Backoff{Min: w.cfg.Pipeline.RetryMin, Max: w.cfg.Pipeline.RetryMax}
	var tables interface {
		LastOffset(ctx context.Context, topicID string, partition int32) (int64, bool, error)
		OtherLog(ctx context.Context, log string, partition int32) (string, error)
	} = w.store
	if log.Topic == schema.TopicEvents {
		tables = w.store.Events()
	}
	if log.Topic == schema.TopicRollups {
		tables = w.rollups
	}
	for {
		last, found, err = tables.LastOffset(ctx, topicID(log), log.Partition)
		if err == nil {
			other, err = tables.OtherLog(ctx, log.ID(0), log.Partition)
		}
		if err == nil {
			return last, found, other, nil
		}
		w.log.Warn("waiting for the tables to say where the partition stands", "topic", log.Topic, "partition", log.Partition, "err", err)
		if err := backoff.Wait(ctx); err != nil {
			return 0, false, "", err
		}
	}
}

func topicID(log pipeline.Log) string { return fmt.Sprintf("%x", log.TopicID) }
