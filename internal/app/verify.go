package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spanmill/spanmill/internal/service"
	"github.com/spanmill/spanmill/internal/writer/audit"
)

// verifyCommand holds the log against the tables.
type verifyCommand struct {
	history
	From bound `help:"Where to begin: an offset of each partition, or a time (2026-11-27T15:04:05Z); else where the log begins." placeholder:"PLACE"`
	To   bound `help:"Where to end, itself not included; else, and at most, what the writers have committed." placeholder:"PLACE"`
	Show int   `help:"Differences that are shown one by one." default:"20"`
}

// Validate implements kong's hook.
func (v verifyCommand) Validate() error {
	return errors.Join(v.check(), checkBounds(v.From, v.To))
}

func checkBounds(bounds ...bound) error {
	var errs []error
	for _, b := range bounds {
		if b != "" {
			_, _, err := b.parse()
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Exit codes of verify, besides 0 for exact.
const (
	exitDiffers   = 1
	exitUnchecked = 2
)

// errNotExact: the report has said how.
var errNotExact = coded{errors.New("the tables are not what the log says"), exitDiffers}

// coded is an error with an exit code of its own.
type coded struct {
	error
	code int
}

func (c coded) Unwrap() error { return c.error }

// Run implements the command.
func (v verifyCommand) Run(c *console) error {
	ctx, stop := service.Signals(context.Background(), slog.New(slog.DiscardHandler))
	defer stop()
	report, err := v.verify(ctx, c)
	if err != nil {
		return coded{fmt.Errorf("could not be checked: %w", err), exitUnchecked}
	}
	for _, d := range report.First {
		if _, err := fmt.Fprintln(c.out, d); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintln(c.out, report.Summary()); err != nil {
		return err
	}
	if !report.Exact() {
		return errNotExact
	}
	return nil
}

func (v verifyCommand) verify(ctx context.Context, c *console) (*audit.Report, error) {
	r, err := v.open(ctx, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	defer r.close()
	extents, err := r.extents(ctx, v.From, v.To)
	if err != nil {
		return nil, err
	}
	p := progress{w: c.err}
	report := audit.NewReport(v.Show)
	verifier := &audit.Verifier{
		Config: r.writer, Log: r.observer, Tables: r.tables, Letters: r.letters, Stored: newTables(r.store).Stored, Terms: r.terms, Report: report,
		Progress: func(e audit.Extent, next int64) {
			p.sayf("partition %d of %d: compared to offset %d of %d", e.Log.Partition, e.Partitions, next, e.To)
		},
	}
	for _, e := range extents {
		if err := verifier.Partition(ctx, e); err != nil {
			return nil, fmt.Errorf("%s/%d: %w", e.Log.Topic, e.Log.Partition, err)
		}
	}
	return report, nil
}
