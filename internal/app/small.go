package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/spanmill/spanmill/internal/auth"
	"github.com/spanmill/spanmill/internal/engine"
	"github.com/spanmill/spanmill/internal/service"
	"github.com/spanmill/spanmill/internal/store"
)

type keyCommand struct {
	Tenant string `arg:"" help:"Tenant that the key belongs to."`
	Name   string `help:"What the key is for; people read it."`
}

// Run implements the command.
func (k keyCommand) Run(c *console) error {
	key, sha := auth.NewKey()
	_, err := fmt.Fprintf(c.out, "key, shown only now: %s\n\nline for the keys file:\n- sha256: %s\n  tenant: %s\n  rights: [write, read]\n", key, sha, k.Tenant)
	if err == nil && k.Name != "" {
		_, err = fmt.Fprintf(c.out, "  name: %q\n", k.Name)
	}
	return err
}

type fetchCommand struct {
	CacheDir string `help:"Where to keep the library; else the user's cache folder." env:"SPANMILL_CACHE" type:"path"`
	Archive  string `help:"A packed library (.tgz) on this machine, to use instead of downloading." type:"path"`
}

// Run implements the command.
func (f fetchCommand) Run(c *console) error {
	if err := engine.Supported(); err != nil {
		return err
	}
	ctx, stop := service.Signals(context.Background(), slog.New(slog.DiscardHandler))
	defer stop()
	path, err := fetchEngine(ctx, c, engine.FetchOptions{CacheDir: f.CacheDir, Archive: f.Archive})
	if err == nil {
		_, err = fmt.Fprintln(c.out, "engine library:", path)
	}
	return err
}

// fetchEngine finds or fetches the library and shows how far it is.
func fetchEngine(ctx context.Context, c *console, opts engine.FetchOptions) (string, error) {
	if path, err := engine.Find(opts); err == nil || !errors.Is(err, engine.ErrNotFetched) {
		return path, err
	}
	shown := ""
	path, err := engine.Fetch(ctx, opts, func(step string, done, total int64) {
		line := fmt.Sprintf("%s the ClickHouse engine: %d MB", step, done/1_000_000)
		if total > 0 {
			line = fmt.Sprintf("%s the ClickHouse engine: %d of %d MB", step, done/1_000_000, total/1_000_000)
		}
		if line != shown {
			fmt.Fprintf(c.err, "\r%s%s", line, strings.Repeat(" ", max(0, len(shown)-len(line))))
			shown = line
		}
	})
	if shown != "" {
		fmt.Fprintln(c.err)
	}
	return path, err
}

type retentionCommand struct {
	target
	Tenant string `help:"Tenant whose rows are meant." default:"default"`
	Days   uint16 `arg:"" help:"Days to keep rows, counted from their part_day."`
}

// Run implements the command.
func (r retentionCommand) Run(c *console) error {
	db, err := r.open()
	if err != nil {
		return err
	}
	defer db.Close()
	ctx, stop := service.Signals(context.Background(), slog.New(slog.DiscardHandler))
	defer stop()
	err = db.SetRetention(ctx, r.Tenant, r.Days, func(p store.RetentionProgress) {
		fmt.Fprintf(c.err, "%+v\n", p)
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "rows of tenant %s are kept %d days\n", r.Tenant, r.Days)
	return err
}
