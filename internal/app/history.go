package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/bus"
	"github.com/spanmill/spanmill/internal/dedup"
	"github.com/spanmill/spanmill/internal/store"
	"github.com/spanmill/spanmill/internal/writer"
	"github.com/spanmill/spanmill/internal/writer/audit"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

// history is what commands need that hold the log against the tables: both of
// them, and what the writers are configured with.
type history struct {
	target
	Kafka kafka  `embed:""`
	Group string `help:"Consumer group of the writers." default:"spanmill-writer"`

	Database      string        `name:"clickhouse-database" help:"Database of the tables." default:"spanmill"`
	DedupSpans    int           `help:"As the writers have it; else as the running 'spanmill up' has it, or 1000000."`
	DedupHorizon  time.Duration `help:"As the writers have it; else as the running 'spanmill up' has it, or 20m."`
	RetentionDays int           `help:"As the writers have it; else as the running 'spanmill up' has it, or 30."`
	Deadline      time.Duration `help:"As the writers have it; else as the running 'spanmill up' has it, or 60s."`
	Prices        prices        `embed:""`
}

// check reports what cannot work.
func (h history) check() error {
	if !h.ClickHouse.outside() && !slices.Equal(h.Kafka.Brokers, bus.Default().Brokers) {
		return errOtherKafka
	}
	return h.Kafka.check()
}

var errOtherKafka = errors.New("--brokers names a Kafka of your own: name the ClickHouse that goes with it by --clickhouse")

// WriterSettings are what decides how records become rows, so that others can
// decide the same.
type WriterSettings struct {
	DedupSpans    int           `json:"dedup_spans"`
	DedupHorizon  time.Duration `json:"dedup_horizon_ns"`
	RetentionDays int           `json:"retention_days"`
	Deadline      time.Duration `json:"deadline_ns"`
	Prices        []string      `json:"prices,omitempty"`
	PricesOnly    bool          `json:"prices_only,omitempty"`
}

// standardWriter is what a writer of its own has when it is told nothing.
func standardWriter() writer.Config {
	return writer.Config{
		Pipeline: pipeline.Config{
			Limits:   pipeline.Limits{MaxRows: 30_000, MaxBytes: 24 << 20, MaxParts: 50, MaxAge: 2500 * time.Millisecond},
			Deadline: time.Minute, RetryMin: 100 * time.Millisecond, RetryMax: 5 * time.Second,
		},
		Dedup: dedup.DefaultConfig(), RetentionDays: 30, RollupDays: 45, CatchUp: 3, DeleteEvery: deleteEvery,
	}
}

func settingsOf(w writer.Config, p prices) WriterSettings {
	return WriterSettings{w.Dedup.Spans, w.Dedup.Horizon, w.RetentionDays, w.Pipeline.Deadline, p.Prices, p.PricesOnly}
}

// over gives w with the settings that are set.
func (s WriterSettings) over(w writer.Config) writer.Config {
	if s.DedupSpans != 0 {
		w.Dedup.Spans = s.DedupSpans
	}
	if s.DedupHorizon != 0 {
		w.Dedup.Horizon = s.DedupHorizon
	}
	if s.RetentionDays != 0 {
		w.RetentionDays = s.RetentionDays
	}
	if s.Deadline != 0 {
		w.Pipeline.Deadline = s.Deadline
	}
	return w
}

// records is an open history.
type records struct {
	kafka     bus.Config
	writer    writer.Config
	prices    prices
	observer  *bus.Observer
	store     *store.Store
	tables    stored
	standings []bus.Standing
	letters   audit.AllLetters
	terms     audit.Terms
}

func (r *records) close() {
	r.observer.Close()
	r.store.Close()
}

// open reaches both sides, and reads what the writers have committed and what
// they dead-lettered.
func (h history) open(ctx context.Context, log *slog.Logger) (*records, error) {
	r := &records{writer: standardWriter(), prices: h.Prices}
	cfg, err := h.config()
	if err != nil {
		return nil, err
	}
	cfg.Database = h.Database
	if h.ClickHouse.outside() {
		r.kafka, err = h.Kafka.config()
	} else {
		var a Addresses
		a, err = readAddresses(addressesPath(h.Addresses, h.DataDir))
		r.kafka = bus.Default()
		r.kafka.Brokers = []string{a.Kafka}
		r.writer = a.Writer.over(r.writer)
		r.prices = r.prices.or(a.Writer)
	}
	if err != nil {
		return nil, err
	}
	r.writer = WriterSettings{DedupSpans: h.DedupSpans, DedupHorizon: h.DedupHorizon, RetentionDays: h.RetentionDays, Deadline: h.Deadline}.over(r.writer)
	if err := errors.Join(r.kafka.Validate(), r.writer.Validate(), cfg.Validate()); err != nil {
		return nil, err
	}
	if r.observer, err = bus.NewObserver(r.kafka, log); err != nil {
		return nil, err
	}
	r.store = store.New(cfg, log, prometheus.NewRegistry())
	r.tables = stored{r.store}
	if err := r.read(ctx, h.Group); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// read takes note of where the writers stand first: what it reads after that
// was written before.
func (r *records) read(ctx context.Context, group string) (err error) {
	for _, topic := range []string{schema.TopicSpans, schema.TopicEvents} {
		standings, err := r.observer.Standings(ctx, topic, group)
		if err != nil {
			return advised(err, bus.Advice)
		}
		if err := stand(standings, group); err != nil {
			return err
		}
		r.standings = append(r.standings, standings...)
	}
	letters, err := r.observer.Standings(ctx, schema.TopicDeadLetters, group)
	if err != nil {
		return advised(err, bus.Advice)
	}
	r.letters = audit.AllLetters{audit.NewLetters(schema.TopicSpans), audit.NewLetters(schema.TopicEvents)}
	for _, s := range letters {
		if err := r.letters.Read(ctx, r.observer, s.Log, s.Start, s.End); err != nil {
			return fmt.Errorf("read dead letters: %w", err)
		}
	}
	r.terms.Days = uint16(r.writer.RetentionDays)
	if r.terms.Least, err = r.store.LeastRetention(ctx); err == nil {
		r.terms.Now, err = r.store.ServerTime(ctx)
	}
	if err == nil {
		r.terms.Deleted, err = r.deletions(ctx)
	}
	return advised(err, clickHouseAdvice)
}

// partitions is how many a topic has.
func (r *records) partitions(topic string) (n int) {
	for _, s := range r.standings {
		if s.Log.Topic == topic {
			n++
		}
	}
	return n
}

// deletions are those of the table, and those of the log: a table that lost rows
// does not bring traces back.
func (r *records) deletions(ctx context.Context) (map[audit.TraceKey]int64, error) {
	d := make(audit.Deletions)
	if err := r.store.Deletions(ctx, d.Add); err != nil {
		return nil, err
	}
	for _, s := range r.standings {
		if s.Log.Topic != schema.TopicEvents {
			continue
		}
		if err := r.observer.Read(ctx, s.Log, s.Start, s.End, d.Record); err != nil {
			return nil, fmt.Errorf("read deletions of %s/%d: %w", s.Log.Topic, s.Log.Partition, err)
		}
	}
	return d, nil
}

// stand refuses a group that cannot be the writers', and logs that the writers
// lost a part of.
func stand(standings []bus.Standing, group string) error {
	held, committed := false, false
	for _, s := range standings {
		held = held || s.End > s.Start
		if s.Committed.Offset < 0 {
			continue
		}
		committed = true
		switch name := fmt.Sprintf("%s/%d", s.Log.Topic, s.Log.Partition); {
		case s.Committed.Offset < s.Start:
			return fmt.Errorf("records %d–%d of %s expired before they were written", s.Committed.Offset, s.Start-1, name)
		case s.Committed.Offset > s.End:
			return fmt.Errorf("%s ends at offset %d but %d is committed: it lost its tail", name, s.End, s.Committed.Offset)
		}
	}
	if held && !committed {
		return fmt.Errorf("group %s has committed nothing: is it the writers'? Name theirs by --group", group)
	}
	return nil
}

// extents are the bounds in each partition.
func (r *records) extents(ctx context.Context, from, to bound) ([]audit.Extent, error) {
	var out []audit.Extent
	for _, s := range r.standings {
		in, err := pipeline.ParseIntent(s.Committed.Metadata)
		if err != nil {
			return nil, fmt.Errorf("commit of %s/%d is not the writers': %w", s.Log.Topic, s.Log.Partition, err)
		}
		e := audit.Extent{
			Log: s.Log, Incarnation: in.Incarnation, Partitions: r.partitions(s.Log.Topic), Start: s.Start, Committed: s.Committed.Offset,
		}
		if e.From, err = from.offset(ctx, r.observer, s.Log, s.Start); err != nil {
			return nil, err
		}
		if e.To, err = to.offset(ctx, r.observer, s.Log, s.Committed.Offset); err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

// bound is a place in the log: an offset of each partition, or a time.
type bound string

func (b bound) parse() (offset int64, at time.Time, err error) {
	if offset, err := strconv.ParseInt(string(b), 10, 64); err == nil && offset >= 0 {
		return offset, at, nil
	}
	if at, err := time.Parse(time.RFC3339, string(b)); err == nil {
		return 0, at, nil
	}
	return 0, at, fmt.Errorf("%q is no place in the log: give an offset, or a time such as 2026-11-27T15:04:05Z", string(b))
}

// offset is where the bound lies in a partition; an empty one is at otherwise.
func (b bound) offset(ctx context.Context, o *bus.Observer, log pipeline.Log, otherwise int64) (int64, error) {
	if b == "" {
		return otherwise, nil
	}
	offset, at, err := b.parse()
	if err != nil || at.IsZero() {
		return offset, err
	}
	return o.OffsetAt(ctx, log, at)
}

// progressEvery is how often a command that takes long says how far it is.
const progressEvery = time.Second

// progress tells people how far a command is, now and then.
type progress struct {
	w    io.Writer
	last time.Time
}

func (p *progress) sayf(format string, args ...any) {
	if time.Since(p.last) < progressEvery {
		return
	}
	p.last = time.Now()
	fmt.Fprintf(p.w, format+"\n", args...)
}
