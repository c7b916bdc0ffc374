package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/service"
	"github.com/spanmill/spanmill/internal/store"
)

// target finds the ClickHouse of a running `spanmill up`, or any other.
type target struct {
	Addresses  string     `help:"Addresses file of a running 'spanmill up'." type:"path"`
	DataDir    string     `help:"Data directory of a running 'spanmill up'." default:"spanmill-data" type:"path"`
	ClickHouse clickHouse `embed:""`
}

// open gives a store for asking; nothing is connected yet.
func (t target) open() (*store.Store, error) {
	cfg, err := t.config()
	if err != nil {
		return nil, err
	}
	return store.New(cfg, slog.New(slog.DiscardHandler), prometheus.NewRegistry()), nil
}

func (t target) config() (store.Config, error) {
	cfg := store.Default()
	if t.ClickHouse.outside() {
		if err := t.ClickHouse.apply(&cfg); err != nil {
			return cfg, err
		}
	} else {
		a, err := readAddresses(addressesPath(t.Addresses, t.DataDir))
		if err != nil {
			return cfg, err
		}
		cfg.URL, cfg.User, cfg.Password = "http://"+a.ClickHouseHTTP, a.ClickHouseUser, a.ClickHousePassword
	}
	return cfg, cfg.Validate()
}

type sqlCommand struct {
	target
	Format string `help:"Output format of ClickHouse, such as TSV, JSONEachRow or PrettyCompact." default:"PrettyCompact"`
	Query  string `arg:"" help:"The statement; - reads it from standard input."`
}

// Run implements the command.
func (s sqlCommand) Run(c *console) error {
	query := s.Query
	if query == "-" {
		text, err := io.ReadAll(stdin())
		if err != nil {
			return fmt.Errorf("read the statement: %w", err)
		}
		query = string(text)
	}
	db, err := s.open()
	if err != nil {
		return err
	}
	defer db.Close()
	ctx, stop := service.Signals(context.Background(), slog.New(slog.DiscardHandler))
	defer stop()
	return db.Query(ctx, strings.TrimRight(query, " \t\n;"), s.Format, c.out)
}
