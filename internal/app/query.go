package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/auth"
	"github.com/spanmill/spanmill/internal/gateway"
	"github.com/spanmill/spanmill/internal/mlflow"
	"github.com/spanmill/spanmill/internal/service"
	"github.com/spanmill/spanmill/internal/store"
	"github.com/spanmill/spanmill/internal/telemetry"
)

// queryCommand answers reads from ClickHouse, and makes sessions and users there:
// it needs no Kafka and changes nothing else.
type queryCommand struct {
	MLflow string `name:"mlflow-http" help:"Listener for MLflow's reads: what gateways name by --query." default:"127.0.0.1:5000"`
	Admin  string `help:"Admin listener: health, ready, metrics, profiles. Not for the public." default:"127.0.0.1:9466"`

	ClickHouse   []string `name:"clickhouse" help:"HTTP address of ClickHouse; several, with commas between, lead to the same data and are tried in turn." default:"http://127.0.0.1:8123" placeholder:"URL"`
	User         string   `name:"clickhouse-user" help:"ClickHouse user." default:"default"`
	PasswordFile string   `name:"clickhouse-password-file" help:"File with the ClickHouse user's password; else SPANMILL_CLICKHOUSE_PASSWORD." type:"path"`
	Database     string   `name:"clickhouse-database" help:"Database of the tables." default:"spanmill"`
	CAFile       string   `name:"clickhouse-ca-file" help:"Certificates that may have signed ClickHouse's; else those this machine trusts." type:"path"`
	MaxConns     int      `name:"clickhouse-connections" help:"Most connections to ClickHouse." default:"16"`

	Schedule    scheduleFlags `embed:""`
	MetricsFile string        `help:"metrics.yaml: its metrics in SQL are asked here, on the schedule." type:"path"`

	ReadWait time.Duration `help:"How long a read waits for what was acknowledged and is not in the tables yet." default:"3s"`

	APIKeysFile    string `help:"Keys file: who may read, of which tenant; read again when it changes." type:"path"`
	InsecureNoAuth bool   `help:"Listen beyond this machine without API keys."`

	MemoryLimit int64  `help:"Bytes of memory this process aims to stay below." default:"268435456"`
	LogLevel    string `help:"debug, info, warn or error." default:"info"`
	Check       bool   `help:"Print the resolved configuration, secrets masked, and exit."`
}

// Validate implements kong's hook: it reports everything that cannot work.
func (q *queryCommand) Validate() error {
	return errors.Join(q.mlflowConfig().Validate(), q.Schedule.check(), q.storeConfig().Validate(), checkAddress(q.MLflow), checkAddress(q.Admin),
		auth.CheckBind([]string{q.MLflow}, q.APIKeysFile != "", q.InsecureNoAuth))
}

func (q *queryCommand) mlflowConfig() mlflow.Config {
	cfg := mlflow.Default()
	cfg.Addr, cfg.ReadWait = q.MLflow, q.ReadWait
	return cfg
}

// storeConfig lacks what is read from files.
func (q *queryCommand) storeConfig() store.Config {
	cfg := store.Default()
	cfg.URL, cfg.Others = servers(q.ClickHouse)
	cfg.User, cfg.Database, cfg.MaxConns = q.User, q.Database, q.MaxConns
	return cfg
}

// Run implements the command.
func (q *queryCommand) Run(c *console, k commandLine) error {
	if q.Check {
		return printConfig(c.out, k, clickHousePassword)
	}
	service.RelaxTimers()
	log, err := telemetry.NewLogger(c.err, q.LogLevel)
	if err != nil {
		return err
	}
	debug.SetMemoryLimit(q.MemoryLimit)
	ctx, stop := service.Signals(context.Background(), log)
	defer stop()
	d := &desk{cmd: q, log: log, reg: telemetry.NewRegistry()}
	if err := d.prepare(); err != nil {
		return err
	}
	defer d.store.Close()
	return d.group().Run(ctx, func() {
		log.Info("answering", "version", Version, "mlflow", d.mlflow.Addr(), "admin", d.admin.Addr())
	})
}

// desk is a running query service.
type desk struct {
	cmd *queryCommand
	log *slog.Logger
	reg *prometheus.Registry

	schedule schedule
	store    *store.Store
	keys     *auth.Keys
	mlflow   *mlflow.Server
	admin    *telemetry.Admin
}

// prepare does what can fail before anything runs. ClickHouse may come later:
// reads are refused with a hint until then.
func (d *desk) prepare() (err error) {
	cfg := d.cmd.storeConfig()
	if cfg.Password, err = secret("ClickHouse", d.cmd.PasswordFile, clickHousePassword); err != nil {
		return err
	}
	if cfg.TLS, err = clickHouseTLS(d.cmd.CAFile); err != nil {
		return err
	}
	if d.schedule, err = d.cmd.Schedule.read(d.cmd.MetricsFile); err != nil {
		return err
	}
	if d.keys, err = loadKeys(d.cmd.APIKeysFile, d.log); err != nil {
		return err
	}
	d.store = store.New(cfg, d.log, d.reg)
	// The door's bounds are the gateway's; nothing is taken in here.
	in := wayIn{gateway.New(gateway.Default(), gateway.Dependencies{Keys: d.keys, Log: d.log, Reg: d.reg})}
	d.mlflow = mlflow.New(d.cmd.mlflowConfig(), mlflow.Dependencies{
		Door: in, Reader: store.Reader{Store: d.store}, Keys: d.keys, Log: d.log, Reg: d.reg,
	})
	d.admin = telemetry.NewAdmin(d.cmd.Admin, d.reg, []telemetry.Check{
		{Name: "clickhouse", Holds: func(ctx context.Context) error { return advised(d.store.Ping(ctx), clickHouseAdvice) }},
	}, d.log)
	return nil
}

// group lists the services in the order they start; they stop in reverse.
func (d *desk) group() *service.Group {
	g := service.NewGroup(d.log)
	g.Add("admin", d.admin, 5*time.Second)
	g.Add("mlflow", newPart(func(ctx context.Context, ready func()) error {
		return serveUntil(ctx, d.mlflow, ready)
	}), 20*time.Second)
	if d.cmd.Schedule.on() {
		g.Add("schedule", newPart(func(ctx context.Context, ready func()) error {
			return serveUntil(ctx, d.cmd.Schedule.runner(d.store, d.schedule, d.log, d.reg), ready)
		}), 10*time.Second)
	}
	if d.keys.Required() {
		g.Add("keys", d.keys, time.Second)
	}
	return g
}

// queryURL is where a gateway sends reads; "": nowhere.
type queryURL string

func (u queryURL) check() error {
	if u == "" {
		return nil
	}
	if at, err := url.Parse(string(u)); err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https" {
		return fmt.Errorf("query %q: want http://host:port of a spanmill query", string(u))
	}
	return nil
}

// queries gives the client of the query service; nil: there is none.
func (u queryURL) queries() mlflow.Queries {
	if u == "" {
		return nil
	}
	return &queryClient{strings.TrimRight(string(u), "/"), &http.Client{Timeout: queryTimeout}}
}

// queryTimeout exceeds what a read may take there: waiting, then asking.
const queryTimeout = 80 * time.Second

// queryClient sends reads on to another process.
type queryClient struct {
	base string
	http *http.Client
}

// Ask implements mlflow.Queries.
func (q *queryClient) Ask(r *http.Request, body []byte) (*http.Response, error) {
	//nolint:gosec // the host is the operator's; only path and query, of a route we know, are the caller's
	req, err := http.NewRequestWithContext(r.Context(), r.Method, q.base+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("ask the query service: %w", err)
	}
	for _, name := range []string{"Authorization", "X-Api-Key", "X-Mlflow-Workspace", "Content-Type"} {
		if v := r.Header.Get(name); v != "" {
			req.Header.Set(name, v)
		}
	}
	return q.http.Do(req) //nolint:gosec // as above
}
