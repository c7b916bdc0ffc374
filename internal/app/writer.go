package app

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/alecthomas/kong"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/bus"
	"github.com/spanmill/spanmill/internal/dedup"
	"github.com/spanmill/spanmill/internal/pricing"
	"github.com/spanmill/spanmill/internal/service"
	"github.com/spanmill/spanmill/internal/store"
	"github.com/spanmill/spanmill/internal/telemetry"
	"github.com/spanmill/spanmill/internal/writer"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

// writerCommand is a writer as a process of its own. Several share the work by
// being members of one group.
type writerCommand struct {
	Kafka  kafka  `embed:""`
	Topics topics `embed:""`

	Group         string        `help:"Consumer group; writers of the same tables are members of one." default:"spanmill-writer"`
	GroupProtocol string        `help:"How members divide partitions: classic, or consumer (KIP-848, for brokers from Kafka 4.3)." enum:"classic,consumer" default:"classic"`
	FetchBytes    int           `help:"Bytes fetched at once from a partition." default:"1048576" because:"as compressed, two in memory; a larger batch is fetched alone"`
	DrainTimeout  time.Duration `help:"How long to finish batches in hand when told to stop." default:"20s" because:"a batch in hand lands, or its intent is left to the next owner"`

	ClickHouse   []string `name:"clickhouse" help:"HTTP address of ClickHouse; several, with commas between, lead to the same data and are tried in turn." default:"http://127.0.0.1:8123" placeholder:"URL"`
	User         string   `name:"clickhouse-user" help:"ClickHouse user." default:"default"`
	PasswordFile string   `name:"clickhouse-password-file" help:"File with the ClickHouse user's password; else SPANMILL_CLICKHOUSE_PASSWORD." type:"path"`
	Database     string   `name:"clickhouse-database" help:"Database of the tables; made if it is missing." default:"spanmill"`
	CAFile       string   `name:"clickhouse-ca-file" help:"Certificates that may have signed ClickHouse's; else those this machine trusts." type:"path"`
	MaxConns     int      `name:"clickhouse-connections" help:"Most connections to ClickHouse." default:"32" because:"one for each insert in flight and a few for questions"`

	RetentionDays int             `help:"Days that new rows are kept." default:"30"`
	RollupDays    int             `help:"Days that new rows of metrics are kept as they came; minutes are kept for 400 days, hours for three years." default:"45"`
	DedupSpans    int             `help:"Spans of a partition within which a resend is recognised; the same for all writers." default:"1000000" because:"K of Rule D; about 32 bytes each"`
	DedupHorizon  time.Duration   `help:"Record time within which a resend is recognised; the same for all writers." default:"20m"`
	CatchUp       int             `help:"Partitions that work off a backlog at the same time; each holds a batch of the largest size." default:"3"`
	Prices        prices          `embed:""`
	DeleteEvery   time.Duration   `help:"How often rows of deleted traces are deleted; readers leave them out from the start." default:"1m" because:"a deletion has the server look at every part"`
	Pipeline      pipeline.Config `embed:""`

	Admin       string           `help:"Admin listener: health, ready, metrics, profiles. Not for the public." default:"127.0.0.1:9465"`
	MemoryLimit int64            `help:"Bytes of memory this process aims to stay below; more once its deduplication windows need it." default:"367001600"`
	LogLevel    string           `help:"debug, info, warn or error." default:"info"`
	Check       bool             `help:"Print the resolved configuration, secrets masked, and exit."`
	Version     kong.VersionFlag `help:"Print the version and exit."`
}

// Writer runs a writer and returns the process's exit code.
func Writer(args []string, stdout io.Writer, stderr *os.File) int {
	return run(&writerCommand{}, invocation{
		name: "writer", about: "From Kafka into ClickHouse, each span exactly once.",
	}, args, &console{out: stdout, err: stderr})
}

// Validate implements kong's hook: it reports everything that cannot work.
func (w *writerCommand) Validate() error {
	return errors.Join(w.Kafka.check(), w.Topics.check(), w.config().Validate(), w.storeConfig().Validate(),
		w.groupConfig().Validate(), w.Prices.config().Validate(), checkAddress(w.Admin))
}

func (w *writerCommand) config() writer.Config {
	return writer.Config{
		Pipeline:      w.Pipeline,
		Dedup:         dedup.Config{Spans: w.DedupSpans, Horizon: w.DedupHorizon},
		RetentionDays: w.RetentionDays,
		RollupDays:    w.RollupDays,
		CatchUp:       w.CatchUp,
		DeleteEvery:   w.DeleteEvery,
	}
}

// writerPause is short beside the age of a batch. At 1,400 traces of MLflow's SDK a
// second Kafka spends a fifth less on them than with the aggregator's pause, which
// adds to how old fresh metrics are.
const writerPause = 100 * time.Millisecond

func (w *writerCommand) groupConfig() bus.ConsumerConfig {
	cfg := bus.DefaultConsumer()
	cfg.Group, cfg.Topics = w.Group, writerTopics()
	cfg.FetchBytes, cfg.DrainTimeout = w.FetchBytes, w.DrainTimeout
	cfg.FetchPause = writerPause
	cfg.Reuse = true // blocks copy what they take, and dead letters are sent before the next record
	return cfg
}

// storeConfig lacks what is read from files.
func (w *writerCommand) storeConfig() store.Config {
	cfg := store.Default()
	cfg.URL, cfg.Others = servers(w.ClickHouse)
	cfg.User, cfg.Database, cfg.MaxConns = w.User, w.Database, w.MaxConns
	cfg.InsertTimeout = w.Pipeline.Deadline + 30*time.Second
	return cfg
}

// Run implements the command.
func (w *writerCommand) Run(c *console, k commandLine) error {
	if w.Check {
		return printConfig(c.out, k, kafkaPassword, clickHousePassword)
	}
	service.RelaxTimers()
	log, err := telemetry.NewLogger(c.err, w.LogLevel)
	if err != nil {
		return err
	}
	debug.SetMemoryLimit(w.MemoryLimit)
	ctx, stop := service.Signals(context.Background(), log)
	defer stop()
	p := &press{
		cmd: w, log: log, reg: telemetry.NewRegistry(),
		kafka: newWait("Kafka", bus.Advice, log), clickhouse: newWait("ClickHouse", clickHouseAdvice, log),
	}
	if err := p.prepare(); err != nil {
		return err
	}
	defer p.producer.Close()
	defer p.store.Close()
	return p.group().Run(ctx, func() {
		log.Info("writing", "version", Version, "group", w.Group, "admin", p.admin.Addr())
	})
}

// press is a running writer.
type press struct {
	cmd               *writerCommand
	log               *slog.Logger
	reg               *prometheus.Registry
	kafka, clickhouse *wait

	bus      bus.Config
	books    *pricing.Books
	producer *bus.Producer
	store    *store.Store
	admin    *telemetry.Admin
}

// prepare does what can fail before anything runs.
func (p *press) prepare() (err error) {
	if p.bus, err = p.cmd.Kafka.config(); err != nil {
		return err
	}
	p.bus.GroupProtocol = p.cmd.GroupProtocol
	for _, text := range p.cmd.Kafka.warnings() {
		p.log.Warn("kafka settings", "risk", text)
	}
	cfg := p.cmd.storeConfig()
	if cfg.Password, err = secret("ClickHouse", p.cmd.PasswordFile, clickHousePassword); err != nil {
		return err
	}
	if cfg.TLS, err = clickHouseTLS(p.cmd.CAFile); err != nil {
		return err
	}
	if p.books, err = p.cmd.Prices.load(p.log); err != nil {
		return err
	}
	if p.producer, err = bus.NewProducer(p.bus, p.log, p.reg); err != nil {
		return err
	}
	p.store = store.New(cfg, p.log, p.reg)
	p.admin = telemetry.NewAdmin(p.cmd.Admin, p.reg, []telemetry.Check{
		{Name: "kafka", Holds: func(ctx context.Context) error {
			return p.kafka.holds(ctx, func(ctx context.Context) error { return p.producer.Ping(ctx, schema.TopicSpans) })
		}},
		{Name: "clickhouse", Holds: func(ctx context.Context) error { return p.clickhouse.holds(ctx, p.store.Ping) }},
	}, p.log)
	return nil
}

// group lists the services in the order they start; they stop in reverse.
func (p *press) group() *service.Group {
	g := service.NewGroup(p.log)
	g.Add("admin", p.admin, 5*time.Second)
	g.Add("writer", newPart(p.write), p.cmd.DrainTimeout+20*time.Second)
	return g
}

// write joins the group once both sides are there.
func (p *press) write(ctx context.Context, ready func()) error {
	var both sync.WaitGroup
	var tablesErr, topicsErr error
	both.Go(func() { tablesErr = awaitTables(ctx, p.store, p.clickhouse) })
	both.Go(func() { topicsErr = awaitTopics(ctx, p.bus, p.cmd.Topics, p.kafka) })
	both.Wait()
	if tablesErr != nil || topicsErr != nil {
		return nil //nolint:nilerr // both wait for as long as ctx lives, and it has ended
	}
	w, err := writerParts{
		cfg: p.cmd.config(), kafka: p.bus, group: p.cmd.groupConfig(),
		tables: newTables(p.store), producer: p.producer, books: p.books, log: p.log, reg: p.reg,
	}.join()
	if err != nil {
		return err
	}
	go followWindows(ctx, p.cmd.MemoryLimit, w.WindowBytes) // ends with ctx
	ready()
	return w.Run(ctx)
}
