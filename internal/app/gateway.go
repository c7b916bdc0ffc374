package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"time"

	"github.com/alecthomas/kong"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/auth"
	"github.com/spanmill/spanmill/internal/bus"
	"github.com/spanmill/spanmill/internal/gateway"
	"github.com/spanmill/spanmill/internal/mlflow"
	"github.com/spanmill/spanmill/internal/mlflow/experiments"
	"github.com/spanmill/spanmill/internal/service"
	"github.com/spanmill/spanmill/internal/telemetry"
	"github.com/spanmill/spanmill/pkg/schema"
)

// gatewayCommand is the ingest gateway as a process of its own.
type gatewayCommand struct {
	Kafka  kafka  `embed:""`
	Topics topics `embed:""`

	OTLPHTTP string `name:"otlp-http" help:"OTLP/HTTP listener." default:"127.0.0.1:4318"`
	OTLPGRPC string `name:"otlp-grpc" help:"OTLP/gRPC listener." default:"127.0.0.1:4317"`
	MLflow   string `name:"mlflow-http" help:"Listener for MLflow's clients: their tracking URI. Empty: none."`
	Admin    string `help:"Admin listener: health, ready, metrics, profiles. Not for the public." default:"127.0.0.1:9464"`

	MLflowFiles mlflowFlags `embed:""`
	Query       queryURL    `help:"Address of a spanmill query, to which MLflow's reads are sent on; empty: they are refused." placeholder:"URL"`

	APIKeysFile    string `help:"Keys file: who may send, for which tenant; read again when it changes." type:"path"`
	InsecureNoAuth bool   `help:"Listen beyond this machine without API keys."`

	MaxBodyBytes     int           `help:"Bytes of one request, as sent and as inflated." default:"33554432" because:"413 or RESOURCE_EXHAUSTED without a retry hint; inflating stops there"`
	MaxInflightBytes int           `help:"Bytes of the bodies that all requests hold together; beyond it they are told to come again." default:"67108864" because:"memory; 503 or UNAVAILABLE with a retry hint beyond it"`
	MaxSpanBytes     int           `help:"Bytes of one span." default:"16777216" because:"long prompts are stored whole; beyond it partial success, span_too_large"`
	MaxConnections   int           `help:"Connections of one door; more wait." default:"1024" because:"file descriptors and memory of their buffers"`
	ProduceTimeout   time.Duration `help:"How long a request waits for Kafka's acknowledgement." default:"10s" because:"SDKs give up after 10 s; later 503 or UNAVAILABLE with a hint"`
	DrainTimeout     time.Duration `help:"What requests in progress get when the process is told to stop." default:"15s" because:"longer than the wait for Kafka"`

	MemoryLimit int64            `help:"Bytes of memory this process aims to stay below." default:"117440512"`
	LogLevel    string           `help:"debug, info, warn or error." default:"info"`
	Check       bool             `help:"Print the resolved configuration, secrets masked, and exit."`
	Version     kong.VersionFlag `help:"Print the version and exit."`
}

// gatewayGarbage is how much garbage may gather, in percent of what is in use.
// Next to nothing is in use between two requests, so the collector would run many
// times a second; the memory limit bounds what gathers.
const gatewayGarbage = 400

// Gateway runs the ingest gateway and returns the process's exit code.
func Gateway(args []string, stdout io.Writer, stderr *os.File) int {
	return run(&gatewayCommand{}, invocation{
		name: "ingest-gateway", about: "The way in: OTLP over HTTP and gRPC, acknowledged once Kafka has it.",
	}, args, &console{out: stdout, err: stderr})
}

// Validate implements kong's hook: it reports everything that cannot work.
func (g *gatewayCommand) Validate() error {
	var door error
	if g.MLflow != "" {
		door = g.mlflowConfig().Validate()
	}
	return errors.Join(g.Query.check(), g.Kafka.check(), g.Topics.check(), g.config().Validate(), door, checkAddress(g.Admin),
		auth.CheckBind(doors(g.OTLPHTTP, g.OTLPGRPC, g.MLflow), g.APIKeysFile != "", g.InsecureNoAuth))
}

func checkAddress(addr string) error {
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return fmt.Errorf("listen address %q: want host:port", addr)
	}
	return nil
}

func (g *gatewayCommand) config() gateway.Config {
	cfg := gateway.Default()
	cfg.HTTPAddr, cfg.GRPCAddr = g.OTLPHTTP, g.OTLPGRPC
	cfg.MaxBodyBytes, cfg.MaxInflightBytes, cfg.MaxSpanBytes = g.MaxBodyBytes, g.MaxInflightBytes, g.MaxSpanBytes
	cfg.MaxConnections = g.MaxConnections
	cfg.ProduceTimeout, cfg.DrainTimeout = g.ProduceTimeout, g.DrainTimeout
	return cfg
}

func (g *gatewayCommand) mlflowConfig() mlflow.Config {
	return mlflowConfig(g.MLflow, g.MLflowFiles, g.config())
}

// Run implements the command.
func (g *gatewayCommand) Run(c *console, k commandLine) error {
	if g.Check {
		return printConfig(c.out, k, kafkaPassword)
	}
	service.RelaxTimers()
	log, err := telemetry.NewLogger(c.err, g.LogLevel)
	if err != nil {
		return err
	}
	debug.SetMemoryLimit(g.MemoryLimit)
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gatewayGarbage)
	}
	ctx, stop := service.Signals(context.Background(), log)
	defer stop()
	d := &door{cmd: g, log: log, reg: telemetry.NewRegistry(), kafka: newWait("Kafka", bus.Advice, log)}
	defer d.close()
	if err := d.prepare(); err != nil {
		return err
	}
	return d.group().Run(ctx, func() {
		http, grpc := d.gateway.Addresses()
		log.Info("the doors are open", "version", Version, "otlp_http", http, "otlp_grpc", grpc, "mlflow", d.mlflowAddr(), "admin", d.admin.Addr())
	})
}

// door is a running ingest-gateway.
type door struct {
	cmd   *gatewayCommand
	log   *slog.Logger
	reg   *prometheus.Registry
	kafka *wait

	bus         bus.Config
	keys        *auth.Keys
	producer    *bus.Producer
	gateway     *gateway.Gateway
	mlflow      *mlflow.Server // nil without an address, and so are experiments
	experiments *experiments.Experiments
	closers     []func()
	admin       *telemetry.Admin
}

// prepare does what can fail before anything runs.
func (d *door) prepare() (err error) {
	if d.bus, err = d.cmd.Kafka.config(); err != nil {
		return err
	}
	for _, text := range d.cmd.Kafka.warnings() {
		d.log.Warn("kafka settings", "risk", text)
	}
	if d.keys, err = loadKeys(d.cmd.APIKeysFile, d.log); err != nil {
		return err
	}
	if d.producer, err = bus.NewProducer(d.bus, d.log, d.reg); err != nil {
		return err
	}
	d.closers = append(d.closers, d.producer.Close)
	d.gateway = gateway.New(d.cmd.config(), gateway.Dependencies{
		Producer: d.producer, Admit: d.admit, Keys: d.keys, Log: d.log, Reg: d.reg,
	})
	if d.cmd.MLflow != "" {
		if err := d.prepareMLflow(); err != nil {
			return err
		}
	}
	d.admin = telemetry.NewAdmin(d.cmd.Admin, d.reg, d.checks(), d.log)
	return nil
}

// prepareMLflow makes the door for MLflow's clients.
func (d *door) prepareMLflow() error {
	known, closeLog, err := experimentsOf(d.bus, d.producer, d.log)
	if err != nil {
		return err
	}
	d.experiments, d.closers = known, append(d.closers, closeLog)
	d.mlflow = mlflowParts{
		cfg: d.cmd.mlflowConfig(), gateway: d.gateway, experiments: known, queries: d.cmd.Query.queries(), keys: d.keys, log: d.log, reg: d.reg,
	}.open()
	return nil
}

// checks are what must hold for the process to be ready.
func (d *door) checks() []telemetry.Check {
	all := []telemetry.Check{{
		Name: "kafka",
		Holds: func(ctx context.Context) error {
			return d.kafka.holds(ctx, func(ctx context.Context) error { return d.producer.Ping(ctx, schema.TopicSpans) })
		},
	}}
	if d.experiments != nil {
		all = append(all, telemetry.Check{Name: "experiments", Holds: func(context.Context) error {
			if !d.experiments.IsReady() {
				return errors.New("the topic of experiments is not read yet")
			}
			return nil
		}})
	}
	return all
}

// close ends all connections.
func (d *door) close() {
	for _, c := range d.closers {
		c()
	}
}

// admit refuses at once, with a hint to come again, while the topics are not
// there: the doors are open before Kafka is.
func (d *door) admit() error {
	if problem := d.kafka.problem.Load(); problem != nil {
		return *problem
	}
	return nil
}

// mlflowAddr is where MLflow's clients find us, "" if they do not.
func (d *door) mlflowAddr() string {
	if d.mlflow == nil {
		return ""
	}
	return d.mlflow.Addr()
}

// group lists the services in the order they start; they stop in reverse.
func (d *door) group() *service.Group {
	g := service.NewGroup(d.log)
	g.Add("admin", d.admin, 5*time.Second)
	g.Add("topics", newPart(func(ctx context.Context, ready func()) error {
		ready() // the doors refuse meanwhile
		ended := awaitTopics(ctx, d.bus, d.cmd.Topics, d.kafka)
		if ended == nil && d.experiments != nil {
			return d.experiments.Run(ctx)
		}
		<-ctx.Done()
		return nil
	}), topicsTimeout)
	g.Add("gateway", newPart(func(ctx context.Context, ready func()) error {
		return serveUntil(ctx, d.gateway, ready)
	}), d.cmd.DrainTimeout+5*time.Second)
	if d.mlflow != nil {
		g.Add("mlflow", newPart(func(ctx context.Context, ready func()) error {
			return serveUntil(ctx, d.mlflow, ready)
		}), d.cmd.DrainTimeout+5*time.Second)
	}
	if d.keys.Required() {
		g.Add("keys", d.keys, time.Second)
	}
	return g
}
