package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/aggregator/custom"
	"github.com/spanmill/spanmill/internal/alerts"
	"github.com/spanmill/spanmill/internal/auth"
	"github.com/spanmill/spanmill/internal/bus"
	"github.com/spanmill/spanmill/internal/bus/embedded"
	"github.com/spanmill/spanmill/internal/engine"
	"github.com/spanmill/spanmill/internal/gateway"
	"github.com/spanmill/spanmill/internal/mlflow"
	"github.com/spanmill/spanmill/internal/mlflow/experiments"
	"github.com/spanmill/spanmill/internal/pricing"
	"github.com/spanmill/spanmill/internal/store"
	"github.com/spanmill/spanmill/internal/telemetry"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

// writerGroup is the consumer group whose commits hold the bus's records.
const writerGroup = "spanmill-writer"

// writerTopics are what writers read: as members of one group, so that whatever
// holds records until they are written asks one group.
func writerTopics() []string {
	return []string{schema.TopicSpans, schema.TopicEvents, schema.TopicExperiments, schema.TopicRollups}
}

// aggregatorGroup is the consumer group of those who count spans.
const aggregatorGroup = "spanmill-aggregator"

// deadLetterRetention is how long dead letters can be looked at and re-driven.
const deadLetterRetention = 28 * 24 * time.Hour

// plant is a running `spanmill up`. Its parts come into being one after the
// other, in the order group lists them: each is set before its part is ready,
// and read only by parts after it.
type plant struct {
	up      *upCommand
	console *console
	log     *slog.Logger
	reg     *prometheus.Registry

	keys        *auth.Keys
	books       *pricing.Books
	own         *custom.Set   // of metrics.yaml; nil: nothing
	rules       *alerts.Rules // of alerts.yaml; nil: none
	schedule    schedule
	admin       *telemetry.Admin
	engine      *engine.Engine // nil with an outside ClickHouse
	storeCfg    store.Config
	store       *store.Store
	tables      tables
	bus         *embedded.Bus
	producer    *bus.Producer
	live        *liveMetrics // nil without an address
	gateway     *gateway.Gateway
	mlflow      *mlflow.Server // nil without an address, and so are experiments
	experiments *experiments.Experiments
	started     atomic.Bool // all parts are there
}

// runStore opens the tables, and waits for a ClickHouse that is not there yet.
func (p *plant) runStore(ctx context.Context, ready func()) error {
	if p.engine != nil {
		e := p.engine.Endpoint()
		p.storeCfg.URL, p.storeCfg.User, p.storeCfg.Password = "http://"+e.HTTPAddr, e.User, e.Password
		p.storeCfg.Database = e.Database
	}
	if err := p.storeCfg.Validate(); err != nil {
		return err
	}
	p.store = store.New(p.storeCfg, p.log, p.reg)
	defer p.store.Close()
	if awaitTables(ctx, p.store, newWait("ClickHouse", clickHouseAdvice, p.log)) != nil {
		return nil // ctx has ended
	}
	p.tables = newTables(p.store)
	hold(ctx, ready)
	return nil
}

// runBus opens the embedded bus and its topics.
func (p *plant) runBus(ctx context.Context, ready func()) error {
	cfg := embedded.Default()
	cfg.Dir, cfg.Listen = filepath.Join(p.up.DataDir, "bus"), p.up.Kafka
	cfg.MaxLogBytes = p.up.MaxLogBytes
	cfg.Hold = map[string][]string{
		schema.TopicSpans: {writerGroup, aggregatorGroup}, schema.TopicEvents: {writerGroup, aggregatorGroup}, schema.TopicRollups: {writerGroup},
	}
	b, err := embedded.Open(ctx, cfg, embedded.Deps{Floor: p.floor, Log: p.log, Reg: p.reg})
	if err != nil {
		return err
	}
	p.bus = b
	topics := []bus.Topic{
		{Name: schema.TopicSpans, Partitions: p.up.Partitions, Replication: 1, Retention: -1, RetentionBytes: -1},
		{Name: schema.TopicEvents, AsManyAs: schema.TopicSpans, Replication: 1, Retention: -1, RetentionBytes: -1},
		// One partition: each that a transaction writes to costs it two more writes.
		{Name: schema.TopicRollups, Partitions: 1, Replication: 1, Retention: -1, RetentionBytes: -1},
		// Kept whole rather than compacted: it is small, and the bus's start-up
		// check reads segments as they were written.
		{Name: schema.TopicExperiments, Partitions: 1, Replication: 1, Retention: -1, RetentionBytes: -1},
		{Name: schema.TopicAlerts, Partitions: 1, Replication: 1, Retention: alertRetention, RetentionBytes: -1},
		{Name: schema.TopicDeadLetters, Partitions: 1, Replication: 1, Retention: deadLetterRetention, RetentionBytes: -1},
	}
	warnings, err := bus.EnsureTopics(ctx, p.busConfig(), topics, p.log)
	if err != nil {
		return errors.Join(err, b.Close())
	}
	for _, w := range warnings {
		p.log.Warn("topic differs from its settings", "difference", w)
	}
	hold(ctx, ready)
	return b.Close()
}

// floor is the least offset that a partition may issue next: behind every row
// that came from it (W14). An engine that is just being replaced is asked again:
// after SIGKILL the one of the former life may still have answered that it is
// there.
func (p *plant) floor(ctx context.Context, log pipeline.Log) (int64, error) {
	return patiently(ctx, floorPatience, func() (int64, error) {
		var last int64
		var found bool
		var err error
		switch id := fmt.Sprintf("%x", log.TopicID); log.Topic {
		case schema.TopicSpans:
			last, found, err = p.tables.LastOffset(ctx, id, log.Partition)
		case schema.TopicEvents:
			last, found, err = p.tables.events.LastOffset(ctx, id, log.Partition)
		case schema.TopicRollups:
			last, found, err = p.tables.rollups.LastOffset(ctx, id, log.Partition)
		}
		if err != nil || !found {
			return 0, err
		}
		return last + 1, nil
	})
}

// floorPatience is longer than an engine takes to start again.
const floorPatience = 30 * time.Second

// errBusFull is why the gateway refuses while the disk budget is used up.
var errBusFull = errors.New("the bus's disk budget is used up by records that are not written to ClickHouse yet")

func (p *plant) admit() error {
	if p.bus.Full() {
		return errBusFull
	}
	return nil
}

// busConfig is how our own clients reach the embedded bus.
func (p *plant) busConfig() bus.Config {
	cfg := bus.Default()
	cfg.Brokers = []string{p.bus.Addr()}
	return cfg
}

func (p *plant) runWriter(ctx context.Context, ready func()) error {
	var err error
	if p.producer, err = bus.NewProducer(p.busConfig(), p.log, p.reg); err != nil {
		return err
	}
	defer p.producer.Close()
	group := bus.DefaultConsumer()
	group.Group, group.Topics, group.FetchPause = writerGroup, writerTopics(), writerPause
	w, err := writerParts{
		cfg: p.up.writerConfig(), kafka: p.busConfig(), group: group,
		tables: p.tables, producer: p.producer, books: p.books, log: p.log, reg: p.reg,
	}.join()
	if err != nil {
		return err
	}
	go followWindows(ctx, p.up.MemoryLimit, w.WindowBytes) // ends with ctx
	ready()
	return w.Run(ctx)
}

func (p *plant) runAggregator(ctx context.Context, ready func()) error {
	group := bus.DefaultConsumer()
	group.Group = aggregatorGroup
	a, err := aggregatorParts{
		cfg: p.up.aggregatorConfig(), own: p.own, kafka: p.busConfig(), group: group, books: p.books, producer: p.producer,
		log: p.log, reg: p.reg,
	}.join()
	if err != nil {
		return err
	}
	ready()
	return a.Run(ctx)
}

// runLive keeps the last day's metrics in memory.
func (p *plant) runLive(ctx context.Context, ready func()) (err error) {
	p.live, err = liveParts{flags: p.up.Live, bytes: p.up.LiveBytes, own: p.own, kafka: p.busConfig(), keys: p.keys, past: p.store, custom: p.schedule.definitions(), log: p.log, reg: p.reg}.open()
	if err != nil {
		return err
	}
	defer p.live.close()
	return serveUntil(ctx, p.live.follower, ready)
}

// runAPI tells of them.
func (p *plant) runAPI(ctx context.Context, ready func()) error {
	return serveUntil(ctx, p.live.server, ready)
}

// runAlerts watches them.
func (p *plant) runAlerts(ctx context.Context, ready func()) error {
	keeper, err := alertParts{
		cfg: p.up.Alerts.config(), rules: p.rules, kafka: p.busConfig(), live: p.live, past: &store.Reader{Store: p.store}, log: p.log, reg: p.reg,
	}.join()
	if err != nil {
		return err
	}
	ready()
	return keeper.Run(ctx)
}

// runSchedule makes sessions, users and what comes of them.
func (p *plant) runSchedule(ctx context.Context, ready func()) error {
	return serveUntil(ctx, p.up.Schedule.runner(p.store, p.schedule, p.log, p.reg), ready)
}

// runGateway opens the doors, last: what is taken in can be carried on.
func (p *plant) runGateway(ctx context.Context, ready func()) error {
	p.gateway = gateway.New(p.up.gatewayConfig(), gateway.Dependencies{
		Producer: p.producer, Admit: p.admit, Keys: p.keys, Log: p.log, Reg: p.reg,
	})
	return serveUntil(ctx, p.gateway, ready)
}

// runExperiments reads the topic of experiments, and follows it.
func (p *plant) runExperiments(ctx context.Context, ready func()) error {
	var closeLog func()
	var err error
	if p.experiments, closeLog, err = experimentsOf(p.busConfig(), p.producer, p.log); err != nil {
		return err
	}
	defer closeLog()
	return serveUntil(ctx, p.experiments, ready)
}

// runMLflow opens the MLflow door beside the gateway's.
func (p *plant) runMLflow(ctx context.Context, ready func()) error {
	p.mlflow = mlflowParts{
		cfg: p.up.mlflowConfig(), gateway: p.gateway, experiments: p.experiments, reader: store.Reader{Store: p.store},
		keys: p.keys, log: p.log, reg: p.reg,
	}.open()
	return serveUntil(ctx, p.mlflow, ready)
}

// checks are what must hold for the process to be ready. They may be asked
// before their part exists.
func (p *plant) checks() []telemetry.Check {
	started := errors.New("starting")
	return []telemetry.Check{
		{Name: "clickhouse", Holds: func(ctx context.Context) error {
			if !p.started.Load() {
				return started
			}
			return p.store.Ping(ctx)
		}},
		{Name: "bus", Holds: func(context.Context) error {
			if !p.started.Load() {
				return started
			}
			return p.admit()
		}},
	}
}

// addresses is where everything is, once all parts are ready.
func (p *plant) addresses() Addresses {
	a := Addresses{
		Kafka: p.bus.Addr(), Admin: p.admin.Addr(),
		ClickHouseUser: p.storeCfg.User, ClickHousePassword: p.storeCfg.Password,
		PIDs: PIDs{Spanmill: os.Getpid()}, Writer: settingsOf(p.up.writerConfig(), p.up.Prices),
	}
	a.OTLPHTTP, a.OTLPGRPC = p.gateway.Addresses()
	if p.mlflow != nil {
		a.MLflow = p.mlflow.Addr()
	}
	if p.live != nil {
		a.API = p.live.server.Addr()
	}
	if p.engine != nil {
		e := p.engine.Endpoint()
		a.ClickHouseHTTP, a.ClickHouseNative = e.HTTPAddr, e.TCPAddr
		a.PIDs.Engine = p.engine.PID()
		return a
	}
	if u, err := url.Parse(p.storeCfg.URL); err == nil {
		a.ClickHouseHTTP = u.Host
	}
	return a
}
