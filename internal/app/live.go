package app

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/aggregator/custom"
	"github.com/spanmill/spanmill/internal/auth"
	"github.com/spanmill/spanmill/internal/bus"
	"github.com/spanmill/spanmill/internal/live"
	"github.com/spanmill/spanmill/internal/store"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// liveFlags bound what is kept of metrics in memory, and say where it is told.
type liveFlags struct {
	API         string        `name:"api-http" help:"Listener for metrics: their API, and what Prometheus scrapes. Empty: none, and nothing is kept." default:"127.0.0.1:8088"`
	LiveSeries  int           `help:"Series of all tenants in memory; what is beyond is added up as __other__." default:"20000" because:"names that clients make up must not take all memory"`
	LiveExposed int           `help:"Series of a tenant that Prometheus is told of." default:"20000" because:"what is beyond is counted in spanmill_exposition_omitted_series"`
	LiveIdle    time.Duration `help:"How long Prometheus is told of a series that nothing is added to." default:"1h" because:"then it ends there; it goes on when something comes"`
	LiveWarmUp  time.Duration `help:"How long a start waits for the last day's metrics to be read." default:"6s" because:"later the rest is read while it answers, newest first"`
	LegacyNames bool          `name:"prometheus-legacy-names" help:"Tell Prometheus the GenAI metrics by their names of before 2026 as well."`
}

func (f liveFlags) config(maxBytes int64) live.Config {
	cfg := live.Default()
	cfg.MaxBytes, cfg.MaxSeries, cfg.MaxExposed, cfg.Idle = maxBytes, f.LiveSeries, f.LiveExposed, f.LiveIdle
	return cfg
}

// check reports what cannot work.
func (f liveFlags) check(maxBytes int64) error {
	if f.API == "" {
		return nil
	}
	return errors.Join(checkAddress(f.API), f.config(maxBytes).Validate())
}

// liveMetrics are the metrics in memory: what keeps them up to the log, and what
// tells of them.
type liveMetrics struct {
	store    *live.Store
	follower *live.Follower
	server   *live.Server
	observer *bus.Observer
}

// liveParts are what live metrics are made of.
type liveParts struct {
	flags  liveFlags
	bytes  int64
	own    *custom.Set // nil: metrics.yaml defines nothing
	kafka  bus.Config
	keys   *auth.Keys
	custom []rollup.Definition // metrics in SQL
	past   *store.Store        // has what is made by SQL on a schedule; nil: none is named
	log    *slog.Logger
	reg    prometheus.Registerer
}

// open gives metrics that know nothing before follow. Close ends their
// connections.
func (p liveParts) open() (*liveMetrics, error) {
	observer, err := bus.NewObserver(p.kafka, p.log)
	if err != nil {
		return nil, err
	}
	cfg := p.flags.config(p.bytes)
	cfg.Own = p.own.Catalogue()
	cfg.Own.Metrics = slices.Concat(cfg.Own.Metrics, p.custom)
	m := &liveMetrics{store: live.New(cfg), observer: observer}
	m.follower = live.NewFollower(m.store, rollupsLog{observer}, p.flags.LiveWarmUp, p.log, p.reg)
	serve := live.ServerConfig{Addr: p.flags.API, Legacy: p.flags.LegacyNames, Custom: p.custom}
	if p.past != nil {
		serve.Tables = store.Reader{Store: p.past}
	}
	m.server = live.NewServer(serve, m.follower, p.keys, p.log)
	return m, nil
}

func (m *liveMetrics) close() { m.observer.Close() }

// rollupsLog is topic rollups in the live metrics' words.
type rollupsLog struct{ *bus.Observer }

func logOf(partition int32) pipeline.Log {
	return pipeline.Log{Topic: schema.TopicRollups, Partition: partition}
}

// Partitions implements live.Log.
func (l rollupsLog) Partitions(ctx context.Context) (int, error) {
	return l.Observer.Partitions(ctx, schema.TopicRollups)
}

// Span implements live.Log.
func (l rollupsLog) Span(ctx context.Context, partition int32, since time.Time) (from, end int64, err error) {
	return l.Observer.Span(ctx, logOf(partition), since)
}

// Read implements live.Log.
func (l rollupsLog) Read(ctx context.Context, partition int32, from, to int64, visit func(*pipeline.Record) error) error {
	if to < 0 {
		return l.Observer.Follow(ctx, logOf(partition), from, visit)
	}
	return l.Observer.Read(ctx, logOf(partition), from, to, visit)
}
