package app

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/scheduled"
	"github.com/spanmill/spanmill/internal/store"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// scheduleFlags say how often sessions and users are made anew, and what is
// assumed of them.
type scheduleFlags struct {
	Every       time.Duration `name:"schedule" help:"How often sessions, users and their metrics are made anew from the tables; 0: not here." default:"15s" because:"one process at a time does it, with what has changed; a run is a second or two of ClickHouse"`
	Assumptions string        `help:"assumptions.yaml: each tenant's time zone, goals and funnels, and what tickets and hours cost." type:"path"`
}

func (f scheduleFlags) on() bool { return f.Every > 0 }

func (f scheduleFlags) config() scheduled.Config {
	cfg := scheduled.Default()
	cfg.Every = f.Every
	if host, err := os.Hostname(); err == nil {
		cfg.Name = host
	}
	return cfg
}

// check reports what cannot work.
func (f scheduleFlags) check() error {
	if !f.on() {
		return nil
	}
	return f.config().Validate()
}

// schedule is what people say of their metrics, as it was read.
type schedule struct {
	assumed *scheduled.Assumptions
	sql     []scheduled.Statement // of metrics.yaml
}

// read reads the files.
func (f scheduleFlags) read(metricsFile string) (s schedule, err error) {
	if s.assumed, err = scheduled.LoadAssumptions(f.Assumptions); err != nil {
		return s, err
	}
	s.sql, err = scheduled.LoadStatements(metricsFile)
	return s, err
}

// definitions are those of metrics in SQL.
func (s schedule) definitions() (out []rollup.Definition) {
	for _, x := range s.sql {
		out = append(out, x.Definition())
	}
	return out
}

func (f scheduleFlags) runner(s *store.Store, as schedule, log *slog.Logger, reg prometheus.Registerer) *scheduled.Runner {
	return scheduled.New(f.config(), scheduled.Dependencies{Tables: scheduledTables{store.Scheduled{Store: s}}, Assumptions: as.assumed, SQL: as.sql, Log: log, Reg: reg})
}

// scheduledTables are the tables in the schedule's words.
type scheduledTables struct{ store.Scheduled }

// Limited implements scheduled.Tables.
func (t scheduledTables) Limited(ctx context.Context, sql string, l scheduled.Limits) ([][]string, error) {
	return t.Scheduled.Limited(ctx, sql, store.Limits(l))
}
