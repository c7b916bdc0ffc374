package app

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	"github.com/alecthomas/kong"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/aggregator"
	"github.com/spanmill/spanmill/internal/aggregator/custom"
	"github.com/spanmill/spanmill/internal/alerts"
	"github.com/spanmill/spanmill/internal/auth"
	"github.com/spanmill/spanmill/internal/bus"
	"github.com/spanmill/spanmill/internal/dedup"
	"github.com/spanmill/spanmill/internal/pricing"
	"github.com/spanmill/spanmill/internal/scheduled"
	"github.com/spanmill/spanmill/internal/service"
	"github.com/spanmill/spanmill/internal/store"
	"github.com/spanmill/spanmill/internal/telemetry"
	"github.com/spanmill/spanmill/pkg/schema"
)

// aggregatorFlags bound what an aggregator keeps, wherever it runs.
type aggregatorFlags struct {
	MetricsWindow      int64         `help:"Records of a partition over which self time and retries reach." default:"20000" because:"a trace whose records are further apart is counted self_time_unresolved"`
	MetricsSpans       int           `help:"Spans of a partition held for that." default:"100000" because:"120 bytes each, 180 a model call, 310 at most; beyond it the window is shorter, and counted early"`
	MetricsEventWindow int64         `help:"Records of a partition of topic events over which an event is known again, and an assessment that is changed is taken back." default:"50000" because:"what is changed later is counted assessment_unresolved; three of them are read at a start"`
	MetricsEventsHeld  int           `help:"Events and assessments of a partition held for that." default:"50000" because:"140 bytes an event and 500 an assessment, 750 at most; beyond it the window is shorter, and counted early"`
	MetricsSeries      int           `help:"Series of a tenant in a partition; what is beyond is counted as __other__." default:"5000" because:"names that clients make up must not take all memory"`
	MetricsOpen        int           `help:"Panes of series held between two transactions." default:"5000" because:"beyond it they are sent at once"`
	MetricsFile        string        `help:"metrics.yaml: metrics and views of your own." type:"path"`
	MetricsInterval    time.Duration `help:"How long a span waits before its metrics are sent." default:"1s" because:"freshness against the number of transactions"`
}

// own reads the metrics that people defined; nil: they defined none.
func (f aggregatorFlags) own() (*custom.Set, error) {
	if f.MetricsFile == "" {
		return nil, nil
	}
	return custom.Load(f.MetricsFile, aggregator.Shipped())
}

func (f aggregatorFlags) config(d dedup.Config, acceptLoss bool) aggregator.Config {
	return aggregator.Config{
		Dedup: d, Window: f.MetricsWindow, WindowSpans: f.MetricsSpans, EventWindow: f.MetricsEventWindow, EventsHeld: f.MetricsEventsHeld,
		MaxSeries: f.MetricsSeries,
		MaxOpen:   f.MetricsOpen, Interval: f.MetricsInterval, AcceptLoss: acceptLoss,
	}
}

// aggregatorCommand is an aggregator as a process of its own. Several share the
// work by being members of one group.
type aggregatorCommand struct {
	Kafka  kafka  `embed:""`
	Topics topics `embed:""`

	Group         string        `help:"Consumer group; aggregators of the same metrics are members of one." default:"spanmill-aggregator"`
	GroupProtocol string        `help:"How members divide partitions: classic, or consumer (KIP-848, for brokers from Kafka 4.3)." enum:"classic,consumer" default:"classic"`
	FetchBytes    int           `help:"Bytes fetched at once from a partition." default:"262144" because:"as compressed, two in memory; a larger batch is fetched alone"`
	DrainTimeout  time.Duration `help:"How long to finish what is in hand when told to stop." default:"20s"`

	DedupSpans   int             `help:"Spans of a partition within which a resend is recognised; the same as the writers have." default:"1000000" because:"K of Rule D; about 32 bytes each"`
	DedupHorizon time.Duration   `help:"Record time within which a resend is recognised; the same as the writers have." default:"20m"`
	Prices       prices          `embed:""`
	Metrics      aggregatorFlags `embed:""`
	Live         liveFlags       `embed:""`
	LiveBytes    int64           `help:"Bytes of the last day's metrics in memory." default:"201326592" because:"beyond it old panes become wider sooner, then history shorter"`
	Alerts       alertFlags      `embed:""`
	Past         pastFlags       `embed:""`
	AcceptLoss   bool            `help:"Go on where the log expired or lost its tail before it was counted."`

	APIKeysFile    string `help:"Keys file: who may read metrics, of which tenant; read again when it changes." type:"path"`
	InsecureNoAuth bool   `help:"Listen beyond this machine without API keys."`

	Admin       string           `help:"Admin listener: health, ready, metrics, profiles. Not for the public." default:"127.0.0.1:9467"`
	MemoryLimit int64            `help:"Bytes of memory this process aims to stay below." default:"469762048"`
	LogLevel    string           `help:"debug, info, warn or error." default:"info"`
	Check       bool             `help:"Print the resolved configuration, secrets masked, and exit."`
	Version     kong.VersionFlag `help:"Print the version and exit."`
}

// Aggregator runs an aggregator and returns the process's exit code.
func Aggregator(args []string, stdout io.Writer, stderr *os.File) int {
	return run(&aggregatorCommand{}, invocation{
		name: "aggregator", about: "From traces to rolling metrics, each span counted exactly once.",
	}, args, &console{out: stdout, err: stderr})
}

// Validate implements kong's hook: it reports everything that cannot work.
func (a *aggregatorCommand) Validate() error {
	return errors.Join(a.Kafka.check(), a.Topics.check(), a.config().Validate(), a.groupConfig().Validate(),
		a.Prices.config().Validate(), checkAddress(a.Admin), a.Live.check(a.LiveBytes), a.Alerts.check(a.Live),
		auth.CheckBind(doors(a.Live.API), a.APIKeysFile != "", a.InsecureNoAuth))
}

func (a *aggregatorCommand) config() aggregator.Config {
	return a.Metrics.config(dedup.Config{Spans: a.DedupSpans, Horizon: a.DedupHorizon}, a.AcceptLoss)
}

func (a *aggregatorCommand) groupConfig() bus.ConsumerConfig {
	cfg := bus.DefaultConsumer()
	cfg.Group, cfg.FetchBytes, cfg.DrainTimeout = a.Group, a.FetchBytes, a.DrainTimeout
	return cfg
}

// Run implements the command.
func (a *aggregatorCommand) Run(c *console, k commandLine) error {
	if a.Check {
		return printConfig(c.out, k, kafkaPassword)
	}
	service.RelaxTimers()
	log, err := telemetry.NewLogger(c.err, a.LogLevel)
	if err != nil {
		return err
	}
	debug.SetMemoryLimit(a.MemoryLimit)
	ctx, stop := service.Signals(context.Background(), log)
	defer stop()
	r := &reckoner{cmd: a, log: log, reg: telemetry.NewRegistry(), kafka: newWait("Kafka", bus.Advice, log)}
	if err := r.prepare(); err != nil {
		return err
	}
	defer r.producer.Close()
	defer r.live.close()
	if r.past != nil {
		defer r.past.Close()
	}
	g := service.NewGroup(log)
	g.Add("admin", r.admin, 5*time.Second)
	g.Add("aggregator", newPart(r.aggregate), a.DrainTimeout+20*time.Second)
	if a.Live.API != "" {
		g.Add("live", r.live.follower, 5*time.Second)
		g.Add("api", r.live.server, 5*time.Second)
		if r.rules != nil {
			g.Add("alerts", newPart(r.watch), 10*time.Second)
		}
		if r.keys.Required() {
			g.Add("keys", r.keys, time.Second)
		}
	}
	return g.Run(ctx, func() {
		log.Info("aggregating", "version", Version, "group", a.Group, "api", r.live.server.Addr(), "admin", r.admin.Addr())
	})
}

// reckoner is a running aggregator.
type reckoner struct {
	cmd   *aggregatorCommand
	log   *slog.Logger
	reg   *prometheus.Registry
	kafka *wait

	bus      bus.Config
	own      *custom.Set
	books    *pricing.Books
	producer *bus.Producer
	keys     *auth.Keys
	live     *liveMetrics
	rules    *alerts.Rules
	past     *store.Store // nil: none is named
	admin    *telemetry.Admin
}

// prepare does what can fail before anything runs.
func (r *reckoner) prepare() (err error) {
	if r.bus, err = r.cmd.Kafka.config(); err != nil {
		return err
	}
	r.bus.GroupProtocol = r.cmd.GroupProtocol
	for _, text := range r.cmd.Kafka.warnings() {
		r.log.Warn("kafka settings", "risk", text)
	}
	if r.own, err = r.cmd.Metrics.own(); err != nil {
		return err
	}
	if r.books, err = r.cmd.Prices.load(r.log); err != nil {
		return err
	}
	if r.producer, err = bus.NewProducer(r.bus, r.log, r.reg); err != nil {
		return err
	}
	if r.keys, err = loadKeys(r.cmd.APIKeysFile, r.log); err != nil {
		return err
	}
	if r.past, err = r.cmd.Past.open(r.log, r.reg); err != nil {
		return err
	}
	sql, err := scheduled.LoadStatements(r.cmd.Metrics.MetricsFile)
	if err != nil {
		return err
	}
	r.live, err = liveParts{custom: schedule{sql: sql}.definitions(), own: r.own, flags: r.cmd.Live, bytes: r.cmd.LiveBytes, kafka: r.bus, keys: r.keys, past: r.past, log: r.log, reg: r.reg}.open()
	if err != nil {
		return err
	}
	if r.rules, err = r.cmd.Alerts.rules(r.past != nil, r.log); err != nil {
		return err
	}
	r.admin = telemetry.NewAdmin(r.cmd.Admin, r.reg, []telemetry.Check{
		{Name: "kafka", Holds: func(ctx context.Context) error {
			return r.kafka.holds(ctx, func(ctx context.Context) error { return r.producer.Ping(ctx, schema.TopicRollups) })
		}},
	}, r.log)
	return nil
}

// watch asks the alert rules, if it falls to this process.
func (r *reckoner) watch(ctx context.Context, ready func()) error {
	p := alertParts{cfg: r.cmd.Alerts.config(), rules: r.rules, kafka: r.bus, live: r.live, log: r.log, reg: r.reg}
	if r.past != nil {
		p.past = &store.Reader{Store: r.past}
	}
	keeper, err := p.join()
	if err != nil {
		return err
	}
	ready()
	return keeper.Run(ctx)
}

// aggregate joins the group once the topics are there.
func (r *reckoner) aggregate(ctx context.Context, ready func()) error {
	if awaitTopics(ctx, r.bus, r.cmd.Topics, r.kafka) != nil {
		return nil //nolint:nilerr // it waits for as long as ctx lives, and it has ended
	}
	a, err := aggregatorParts{
		cfg: r.cmd.config(), own: r.own, kafka: r.bus, group: r.cmd.groupConfig(), books: r.books, producer: r.producer,
		log: r.log, reg: r.reg,
	}.join()
	if err != nil {
		return err
	}
	ready()
	return a.Run(ctx)
}
