package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/bus"
	"github.com/spanmill/spanmill/internal/service"
	"github.com/spanmill/spanmill/internal/store"
	"github.com/spanmill/spanmill/pkg/schema"
)

// repriceCommand computes the cost of whole days anew.
type repriceCommand struct {
	target
	prices
	Kafka    kafka  `embed:""`
	Database string `name:"clickhouse-database" help:"Database of the tables; on a cluster that of each shard, one after the other." default:"spanmill"`
	From     string `help:"First day, such as 2026-11-01." required:"" placeholder:"DAY"`
	To       string `help:"Last day, itself included." required:"" placeholder:"DAY"`
	Tenant   string `help:"Only spans of this tenant."`
	DryRun   bool   `help:"Only say what would change."`
}

// maxRepriceDays bounds a mistyped year.
const maxRepriceDays = 3660

// Validate implements kong's hook.
func (r *repriceCommand) Validate() error {
	_, _, err := r.days()
	if !r.ClickHouse.outside() && !slices.Equal(r.Kafka.Brokers, bus.Default().Brokers) {
		err = errors.Join(err, errOtherKafka)
	}
	return errors.Join(err, r.prices.config().Validate(), r.Kafka.check())
}

// days are the first and the last, counted from 1970.
func (r *repriceCommand) days() (from, to uint16, err error) {
	first, err1 := time.Parse(time.DateOnly, r.From)
	last, err2 := time.Parse(time.DateOnly, r.To)
	if err := errors.Join(err1, err2); err != nil {
		return 0, 0, fmt.Errorf("a day is written as 2026-11-01: %w", err)
	}
	const day = 24 * 60 * 60
	a, b := first.Unix()/day, last.Unix()/day
	if a < 0 || b > 65535 || a > b || b-a >= maxRepriceDays {
		return 0, 0, fmt.Errorf("%s to %s are no days to reprice", r.From, r.To)
	}
	return uint16(a), uint16(b), nil
}

// Run implements the command.
func (r *repriceCommand) Run(c *console) error {
	from, to, err := r.days()
	if err != nil {
		return err
	}
	db, err := r.openDatabase()
	if err != nil {
		return err
	}
	defer db.Close()
	books, err := r.load(slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	ctx, stop := service.Signals(context.Background(), slog.New(slog.DiscardHandler))
	defer stop()
	job := db.Reprice(books, r.Tenant, r.DryRun)
	if !r.DryRun {
		if job.Metrics, err = r.corrector(ctx); err != nil {
			return err
		}
	}
	for day := int(from); day <= int(to); day++ {
		lines, err := job.Day(ctx, uint16(day))
		if err != nil {
			return fmt.Errorf("%w; run it again to finish", advised(err, clickHouseAdvice))
		}
		if err := tellRepriced(c, uint16(day), lines); err != nil {
			return err
		}
	}
	return nil
}

// corrector reaches the Kafka that metrics are streamed to; nil: none are.
func (r *repriceCommand) corrector(ctx context.Context) (store.Metrics, error) {
	cfg, err := r.Kafka.config()
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.DiscardHandler)
	if !r.ClickHouse.outside() {
		a, err := readAddresses(addressesPath(r.Addresses, r.DataDir))
		if err != nil {
			return nil, err
		}
		cfg = bus.Default()
		cfg.Brokers = []string{a.Kafka}
	}
	observer, err := bus.NewObserver(cfg, log)
	if err != nil {
		return nil, err
	}
	defer observer.Close()
	n, err := observer.Partitions(ctx, schema.TopicRollups)
	if errors.Is(err, bus.ErrNoTopic) {
		return nil, nil
	}
	if err != nil {
		return nil, advised(err, bus.Advice)
	}
	return corrector{kafka: cfg, partitions: n, log: log}, nil
}

// openDatabase gives a store of the database, and takes the prices of the running
// 'spanmill up' where none are named.
func (r *repriceCommand) openDatabase() (*store.Store, error) {
	cfg, err := r.target.config()
	if err != nil {
		return nil, err
	}
	cfg.Database = r.Database
	if !r.ClickHouse.outside() {
		a, err := readAddresses(addressesPath(r.Addresses, r.DataDir))
		if err != nil {
			return nil, err
		}
		r.prices = r.or(a.Writer)
	}
	return store.New(cfg, slog.New(slog.DiscardHandler), prometheus.NewRegistry()), nil
}

// tellRepriced says what changed on a day.
func tellRepriced(c *console, day uint16, lines []store.RepriceLine) error {
	date := time.Unix(int64(day)*24*60*60, 0).UTC().Format(time.DateOnly)
	if len(lines) == 0 {
		_, err := fmt.Fprintf(c.out, "%s: nothing changes\n", date)
		return err
	}
	for _, l := range lines {
		if _, err := fmt.Fprintf(c.out, "%s: %s %s/%s: %d spans, %s → %s dollars\n", date, l.Tenant, l.Provider, l.Model, l.Spans, l.Old, l.New); err != nil {
			return err
		}
	}
	return nil
}
