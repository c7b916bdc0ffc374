package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spanmill/spanmill/internal/demo/ledger"
	"github.com/spanmill/spanmill/internal/demo/oracle"
	"github.com/spanmill/spanmill/internal/service"
)

// ledgerCommand asks whether what a demo was told is stored is stored.
type ledgerCommand struct {
	target
	File string        `arg:"" help:"The file that 'spanmill demo --ledger' wrote." type:"path"`
	Wait time.Duration `help:"How long the tables may take to catch up first." default:"60s"`
}

// errDiffers: the report has said how.
var errDiffers = errors.New("the tables are not what the ledger says")

// Run implements the command.
func (l ledgerCommand) Run(c *console) error {
	book, err := ledger.Read(l.File)
	if err != nil {
		return err
	}
	cfg, err := l.config()
	if err != nil {
		return err
	}
	ctx, stop := service.Signals(context.Background(), slog.New(slog.DiscardHandler))
	defer stop()
	rows := &oracle.ClickHouse{URL: cfg.URL, User: cfg.User, Password: cfg.Password}
	if err := l.catchUp(ctx, c, book, rows, cfg.Database); err != nil {
		return err
	}
	report, err := oracle.Check(ctx, book, rows, cfg.Database)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(c.out, report); err != nil {
		return err
	}
	if !report.OK() {
		return errDiffers
	}
	return nil
}

// catchUp waits until the counts fit, or for as long as it may: then the full
// check says what is missing.
func (l ledgerCommand) catchUp(ctx context.Context, c *console, book *ledger.Ledger, rows oracle.Rows, database string) error {
	ctx, cancel := context.WithTimeout(ctx, l.Wait)
	defer cancel()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		counts, err := oracle.Count(ctx, book, rows, database)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		case counts.OK():
			fmt.Fprintln(c.err)
			return nil
		}
		fmt.Fprintf(c.err, "\r%d of %d acked spans are in the table\033[K", counts.Rows, counts.Acked)
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}
