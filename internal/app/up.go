package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/spanmill/spanmill/internal/aggregator"
	"github.com/spanmill/spanmill/internal/auth"
	"github.com/spanmill/spanmill/internal/dedup"
	"github.com/spanmill/spanmill/internal/engine"
	"github.com/spanmill/spanmill/internal/gateway"
	"github.com/spanmill/spanmill/internal/mlflow"
	"github.com/spanmill/spanmill/internal/service"
	"github.com/spanmill/spanmill/internal/store"
	"github.com/spanmill/spanmill/internal/telemetry"
	"github.com/spanmill/spanmill/internal/writer"
	"github.com/spanmill/spanmill/pkg/pipeline"
)

// upCommand is the whole pipeline in one process and one child.
type upCommand struct {
	DataDir   string `help:"Where everything is kept." default:"spanmill-data" type:"path"`
	Ports     string `help:"default uses the addresses below, random takes free ports." enum:"default,random" default:"default"`
	Addresses string `help:"File to write the addresses to, as JSON, once all is ready." type:"path"`

	OTLPHTTP     string `name:"otlp-http" help:"OTLP/HTTP listener." default:"127.0.0.1:4318"`
	OTLPGRPC     string `name:"otlp-grpc" help:"OTLP/gRPC listener." default:"127.0.0.1:4317"`
	MLflow       string `name:"mlflow-http" help:"Listener for MLflow's clients: their tracking URI. Empty: none." default:"127.0.0.1:5000"`
	Kafka        string `help:"Kafka listener of the embedded bus." default:"127.0.0.1:9092"`
	EngineHTTP   string `help:"HTTP listener of the built-in ClickHouse." default:"127.0.0.1:8123"`
	EngineNative string `help:"Native listener of the built-in ClickHouse." default:"127.0.0.1:9000"`
	Admin        string `help:"Admin listener: health, ready, metrics, profiles." default:"127.0.0.1:9464"`

	ClickHouse   clickHouse `embed:""`
	EngineLib    string     `help:"libchdb.so to use as the ClickHouse engine." type:"path"`
	EngineCache  string     `help:"Where fetch-engine keeps the library; else the user's cache folder." env:"SPANMILL_CACHE" type:"path"`
	EngineMemory int64      `help:"Bytes of memory the ClickHouse engine may use." default:"1610612736" because:"queries beyond it fail with code 241"`

	MLflowFiles mlflowFlags `embed:""`

	APIKeysFile    string `help:"Keys file: who may send, for which tenant." type:"path"`
	InsecureNoAuth bool   `help:"Listen beyond this machine without API keys."`

	Partitions    int           `help:"Partitions of topics spans and events, when they are created." default:"4" because:"one goroutine each; every partition has a dedup ring of its own"`
	MaxLogBytes   int64         `help:"Disk for the bus; when it is full the gateway refuses." default:"4294967296" because:"a disk's share; half may be history, the rest is for lag"`
	RetentionDays int           `help:"Days that new rows are kept." default:"30" because:"changed for old rows too by spanmill retention"`
	RollupDays    int           `help:"Days that new rows of metrics are kept as they came; minutes are kept for 400 days, hours for three years." default:"45" because:"days are added up when they are 35 days old"`
	DedupSpans    int           `help:"Spans of a partition within which a resend is recognised." default:"250000" because:"K of Rule D; about 32 bytes each"`
	DedupHorizon  time.Duration `help:"Record time within which a resend is recognised." default:"20m" because:"H of Rule D; SDKs give up long before"`

	Metrics     aggregatorFlags `embed:""`
	Live        liveFlags       `embed:""`
	LiveBytes   int64           `help:"Bytes of the last day's metrics in memory." default:"67108864" because:"beyond it old panes become wider sooner, then history shorter"`
	Alerts      alertFlags      `embed:""`
	Schedule    scheduleFlags   `embed:""`
	Prices      prices          `embed:""`
	Pipeline    pipeline.Config `embed:""`
	MemoryLimit int64           `help:"Bytes of memory this process aims to stay below (the engine has its own limit)." default:"184549376" because:"the garbage collector's target, beside the bounds above"`
	LogLevel    string          `help:"debug, info, warn or error." default:"info"`
	Check       bool            `help:"Print the resolved configuration, secrets masked, and exit."`
}

// Validate implements kong's hook: it reports everything that cannot work.
func (u *upCommand) Validate() error {
	var errs []error
	if u.Ports == "random" {
		for _, addr := range u.listeners() {
			host, _, err := net.SplitHostPort(*addr)
			if err != nil {
				host = "127.0.0.1"
			}
			*addr = net.JoinHostPort(host, "0")
		}
	}
	for _, addr := range u.listeners() {
		errs = append(errs, checkAddress(*addr))
	}
	if u.MLflow != "" {
		errs = append(errs, u.mlflowConfig().Validate())
	}
	errs = append(errs, u.Live.check(u.LiveBytes), u.Alerts.check(u.Live), u.Schedule.check())
	if u.Partitions < 1 || u.Partitions > 1024 {
		errs = append(errs, fmt.Errorf("partitions is %d, must be 1 to 1024", u.Partitions))
	}
	errs = append(errs, u.gatewayConfig().Validate(), u.writerConfig().Validate(), u.aggregatorConfig().Validate(), u.storeConfig().Validate(), u.Prices.config().Validate(),
		auth.CheckBind(u.doors(), u.APIKeysFile != "", u.InsecureNoAuth),
		// Neither the bus nor the admin pages know keys.
		auth.CheckBind([]string{u.Kafka, u.Admin}, false, u.InsecureNoAuth))
	return errors.Join(errs...)
}

func (u *upCommand) listeners() []*string {
	all := []*string{&u.OTLPHTTP, &u.OTLPGRPC, &u.Kafka, &u.EngineHTTP, &u.EngineNative, &u.Admin}
	if u.MLflow != "" {
		all = append(all, &u.MLflow)
	}
	if u.Live.API != "" {
		all = append(all, &u.Live.API)
	}
	return all
}

// doors are the listeners that ask for keys.
func (u *upCommand) doors() []string { return doors(u.OTLPHTTP, u.OTLPGRPC, u.MLflow, u.Live.API) }

func (u *upCommand) mlflowConfig() mlflow.Config {
	cfg := mlflowConfig(u.MLflow, u.MLflowFiles, u.gatewayConfig())
	if cfg.Attachments == "" {
		cfg.Attachments = filepath.Join(u.DataDir, "mlflow-artifacts")
	}
	return cfg
}

func (u *upCommand) gatewayConfig() gateway.Config {
	cfg := gateway.Default()
	cfg.HTTPAddr, cfg.GRPCAddr = u.OTLPHTTP, u.OTLPGRPC
	return cfg
}

// catchUp is how many partitions work off a backlog at the same time: on a
// machine that does everything, memory is short before connections are.
const catchUp = 2

// deleteEvery is how often rows of deleted traces are deleted; readers leave
// them out from the start.
const deleteEvery = time.Minute

func (u *upCommand) writerConfig() writer.Config {
	return writer.Config{
		Pipeline:      u.Pipeline,
		Dedup:         dedup.Config{Spans: u.DedupSpans, Horizon: u.DedupHorizon},
		RetentionDays: u.RetentionDays,
		RollupDays:    u.RollupDays,
		CatchUp:       catchUp,
		DeleteEvery:   deleteEvery,
	}
}

func (u *upCommand) aggregatorConfig() aggregator.Config {
	return u.Metrics.config(u.writerConfig().Dedup, u.Pipeline.AcceptLoss)
}

func (u *upCommand) storeConfig() store.Config {
	cfg := store.Default()
	cfg.InsertTimeout = u.Pipeline.Deadline + 30*time.Second
	return cfg
}

func (u *upCommand) engineConfig(lib string) engine.Config {
	cfg := engine.Default()
	cfg.LibPath, cfg.DataDir = lib, filepath.Join(u.DataDir, "clickhouse")
	cfg.HTTPAddr, cfg.TCPAddr = u.EngineHTTP, u.EngineNative
	cfg.MaxMemoryBytes = u.EngineMemory
	return cfg
}

// Run implements the command.
func (u *upCommand) Run(c *console, k commandLine) error {
	if u.Check {
		return printConfig(c.out, k, clickHousePassword)
	}
	service.RelaxTimers()
	log, err := telemetry.NewLogger(c.err, u.LogLevel)
	if err != nil {
		return err
	}
	debug.SetMemoryLimit(u.MemoryLimit)
	ctx, stop := service.Signals(context.Background(), log)
	defer stop()
	unlock, err := lockDir(u.DataDir)
	if err != nil {
		return err
	}
	defer unlock()
	p := &plant{up: u, console: c, log: log, reg: telemetry.NewRegistry()}
	return p.run(ctx)
}

// group lists the services in the order they start; they stop in reverse.
func (p *plant) group() *service.Group {
	g := service.NewGroup(p.log)
	g.Add("admin", p.admin, 5*time.Second)
	if p.engine != nil {
		g.Add("engine", p.engine, 20*time.Second)
	}
	g.Add("store", newPart(p.runStore), 5*time.Second)
	g.Add("bus", newPart(p.runBus), 20*time.Second)
	g.Add("writer", newPart(p.runWriter), 40*time.Second)
	g.Add("aggregator", newPart(p.runAggregator), 40*time.Second)
	if p.up.Live.API != "" {
		g.Add("live", newPart(p.runLive), 5*time.Second)
		g.Add("api", newPart(p.runAPI), 5*time.Second)
	}
	if p.rules != nil {
		g.Add("alerts", newPart(p.runAlerts), 10*time.Second)
	}
	if p.up.Schedule.on() {
		g.Add("schedule", newPart(p.runSchedule), 10*time.Second)
	}
	g.Add("gateway", newPart(p.runGateway), 20*time.Second)
	if p.up.MLflow != "" {
		g.Add("experiments", newPart(p.runExperiments), 5*time.Second)
		g.Add("mlflow", newPart(p.runMLflow), 20*time.Second)
	}
	if p.keys.Required() {
		g.Add("keys", p.keys, time.Second)
	}
	return g
}

func (p *plant) run(ctx context.Context) error {
	if err := p.prepare(ctx); err != nil {
		return err
	}
	return p.group().Run(ctx, func() {
		a := p.addresses()
		p.started.Store(true)
		if err := p.announce(a); err != nil {
			p.log.Error("addresses not written", "err", err)
		}
		go p.watchFirst(ctx) // ends with ctx or the first trace
		if p.engine != nil {
			go p.followEngine(ctx, a) // ends with ctx
		}
	})
}

// prepare does what can fail before anything runs.
func (p *plant) prepare(ctx context.Context) (err error) {
	u := p.up
	if p.keys, err = loadKeys(u.APIKeysFile, p.log); err != nil {
		return err
	}
	if p.own, err = u.Metrics.own(); err != nil {
		return err
	}
	if p.schedule, err = u.Schedule.read(u.Metrics.MetricsFile); err != nil {
		return err
	}
	if p.rules, err = u.Alerts.rules(true, p.log); err != nil {
		return err
	}
	if p.books, err = u.Prices.load(p.log); err != nil {
		return err
	}
	p.storeCfg = u.storeConfig()
	if u.ClickHouse.outside() {
		if err := u.ClickHouse.apply(&p.storeCfg); err != nil {
			return err
		}
	} else {
		if err := engine.Supported(); err != nil {
			return err
		}
		lib, err := fetchEngine(ctx, p.console, engine.FetchOptions{LibPath: u.EngineLib, CacheDir: u.EngineCache})
		if err != nil {
			return err
		}
		cfg := u.engineConfig(lib)
		if err := cfg.Validate(); err != nil {
			return err
		}
		p.engine = engine.New(cfg, p.log, p.reg)
	}
	p.admin = telemetry.NewAdmin(u.Admin, p.reg, p.checks(), p.log)
	return nil
}
