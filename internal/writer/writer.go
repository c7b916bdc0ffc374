package writer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/dedup"
	"github.com/spanmill/spanmill/pkg/pipeline"
)

// Config of the writer.
type Config struct {
	Pipeline      pipeline.Config `embed:""`
	Dedup         dedup.Config    `embed:"" prefix:"dedup-"`
	RetentionDays int             `help:"Days that new rows are kept." default:"30"`
	// CatchUp bounds memory: each of them holds a batch of the largest size.
	CatchUp int `help:"Partitions that work off a backlog at the same time." default:"3"`
}

// Validate reports every value that cannot work.
func (c Config) Validate() error {
	err := errors.Join(c.Pipeline.Validate(), c.Dedup.Validate())
	if c.RetentionDays < 1 || c.RetentionDays > 36500 {
		err = errors.Join(err, fmt.Errorf("retention is %d days, must be 1 to 36500", c.RetentionDays))
	}
	if c.CatchUp < 1 {
		err = errors.Join(err, fmt.Errorf("%d partitions work off a backlog at once, must be at least 1", c.CatchUp))
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

// Writer moves topic spans into the tables.
type Writer struct {
	cfg      Config
	consumer Consumer
	store    Store
	letters  *deadLetters
	builds   *builds
	metrics  *metrics
	log      *slog.Logger
}

// New makes a writer; it does nothing before Run.
func New(cfg Config, consumer Consumer, store Store, producer Producer, log *slog.Logger, reg prometheus.Registerer) *Writer {
	m := newMetrics(reg)
	return &Writer{
		cfg: cfg, consumer: consumer, store: store, builds: newBuilds(store, cfg), metrics: m, log: log,
		letters: &deadLetters{
			producer: producer, metrics: m, log: log,
			retryMin: cfg.Pipeline.RetryMin, retryMax: cfg.Pipeline.RetryMax,
		},
	}
}

// Run writes until ctx ends, then drains: every owned partition finishes its
// batch before Run returns.
func (w *Writer) Run(ctx context.Context) error {
	return w.consumer.Run(ctx, w.partition)
}

// Stage is what the writer makes of a partition's records, for those who form
// batches again outside of its group: audits and replays.
func (w *Writer) Stage(log pipeline.Log, partitions int) pipeline.Stage {
	return newStage(w, log, partitions)
}

// partition owns one assigned partition until it is revoked, drained or halted.
func (w *Writer) partition(ctx context.Context, src pipeline.Source) error {
	log := src.Log()
	partitions, err := w.letters.producer.Partitions(ctx, log.Topic)
	if err != nil {
		return fmt.Errorf("count partitions of %s: %w", log.Topic, err)
	}
	meter := w.metrics.meter(log.Partition)
	defer meter.forget()
	s := newStage(w, log, partitions)
	defer s.close()
	return pipeline.Run(ctx, src, s, w.cfg.Pipeline, meter, w.log)
}

// Starter says where to begin on a partition the group has no offset for: never
// before rows that are there already (W6). Losing the group's offsets is an
// accident; beginning again at the log start would double every row.
func (w *Writer) Starter(ctx context.Context, log pipeline.Log, logStart int64) (int64, error) {
	backoff := pipeline.Backoff{Min: w.cfg.Pipeline.RetryMin, Max: w.cfg.Pipeline.RetryMax}
	last, found, err := w.store.LastOffset(ctx, fmt.Sprintf("%x", log.TopicID), log.Partition)
	for err != nil {
		w.log.Warn("waiting for the tables to say where the partition stands", "topic", log.Topic, "partition", log.Partition, "err", err)
		if err := backoff.Wait(ctx); err != nil {
			return 0, err
		}
		last, found, err = w.store.LastOffset(ctx, fmt.Sprintf("%x", log.TopicID), log.Partition)
	}
	if !found || last < logStart {
		return logStart, nil
	}
	w.log.Warn("the consumer group has no offset but the tables have rows; going on behind them",
		"topic", log.Topic, "partition", log.Partition, "offset", last+1)
	return last + 1, nil
}
