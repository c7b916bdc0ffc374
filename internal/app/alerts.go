package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/alerts"
	"github.com/spanmill/spanmill/internal/bus"
	"github.com/spanmill/spanmill/internal/query"
	"github.com/spanmill/spanmill/internal/store"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

// alertFlags say what is watched, and how patiently.
type alertFlags struct {
	AlertsFile     string        `help:"alerts.yaml: rules over the live metrics, and who is told. One of all aggregators watches." type:"path"`
	AlertsInterval time.Duration `help:"How often alert rules are asked." default:"5s" because:"an outage fires within 20 s and the rule's for"`
	AlertsStates   int           `help:"Groups of labels that are pending or firing, of all rules." default:"5000" because:"labels that clients make up must not take all memory"`
	AlertsQueue    int           `help:"Notices that wait for a receiver." default:"1000" because:"beyond it they are given up, and counted queue_full"`
	AlertsPatience time.Duration `help:"How long a notice is tried to be delivered." default:"1h" because:"later it is news to nobody; counted given_up"`
}

func (f alertFlags) config() alerts.Config {
	cfg := alerts.Default()
	cfg.Every, cfg.MaxStates, cfg.MaxOwed, cfg.Patience = f.AlertsInterval, f.AlertsStates, f.AlertsQueue, f.AlertsPatience
	return cfg
}

// check reports what cannot work. Alerts look at live metrics.
func (f alertFlags) check(live liveFlags) error {
	if f.AlertsFile == "" {
		return nil
	}
	if live.API == "" {
		return errors.New("alert rules look at live metrics: --alerts-file needs --api-http")
	}
	return f.config().Validate()
}

// rules reads the file; nil: nothing is watched. Without tables, rules that look
// back a week are left out.
func (f alertFlags) rules(tables bool, log *slog.Logger) (*alerts.Rules, error) {
	if f.AlertsFile == "" {
		return nil, nil
	}
	rules, err := alerts.Load(f.AlertsFile)
	if err != nil || tables {
		return rules, err
	}
	rules.Rules = slices.DeleteFunc(rules.Rules, func(r alerts.Rule) bool {
		if r.Kind == alerts.Change {
			log.Warn("an alert rule is left out: it looks back a week, and no ClickHouse is named", "rule", r.Name)
		}
		return r.Kind == alerts.Change
	})
	return rules, nil
}

// alertGroup is the consumer group whose one member watches.
const alertGroup = "spanmill-alerts"

// alertRetention is how long topic alerts keeps states where it is cut by age:
// they are written anew every day.
const alertRetention = 30 * 24 * time.Hour

// alertParts are what watching is made of.
type alertParts struct {
	cfg   alerts.Config
	rules *alerts.Rules
	kafka bus.Config
	live  *liveMetrics
	past  *store.Reader // nil: nothing older than what is live
	log   *slog.Logger
	reg   prometheus.Registerer
}

// join makes the keeper a member of its group to be.
func (p alertParts) join() (*alerts.Keeper, error) {
	group := bus.DefaultConsumer()
	group.Group, group.Topics, group.Transactions = alertGroup, []string{schema.TopicAlerts}, true
	consumer, err := bus.NewConsumer(p.kafka, group, bus.ConsumerDeps{Start: bus.AtLogStart, Log: p.log, Reg: ofGroup(group, p.reg)})
	if err != nil {
		return nil, err
	}
	return alerts.NewKeeper(p.cfg, p.rules, alerts.Dependencies{
		Consumer: watchingMember{consumer}, History: alertHistory{p.live, p.past}, HTTP: &http.Client{}, Log: p.log, Reg: p.reg,
	}), nil
}

// watchingMember is a consumer in the keeper's words.
type watchingMember struct{ *bus.Consumer }

// Run implements alerts.Consumer.
func (m watchingMember) Run(ctx context.Context, handle func(context.Context, alerts.Source) error) error {
	return m.Consumer.Run(ctx, func(ctx context.Context, src pipeline.Source) error {
		return handle(ctx, src.(alerts.Source)) // every source of the bus is one
	})
}

// alertHistory is the live metrics, and the tables for what is older.
type alertHistory struct {
	live *liveMetrics
	past *store.Reader
}

// recent is how far back live metrics are asked for.
const recent = 48 * time.Hour

// Tenants implements alerts.History.
func (h alertHistory) Tenants(context.Context) ([]string, error) {
	if !h.live.follower.Complete() {
		return nil, fmt.Errorf("%w: the last day's are still being read", alerts.ErrNotReady)
	}
	return h.live.store.Tenants(), nil
}

// Query implements alerts.History.
func (h alertHistory) Query(ctx context.Context, tenant string, q query.Metric) ([]query.Series, error) {
	if h.live.server.IsScheduled(q.View) && h.past != nil {
		return h.past.Scheduled(ctx, tenant, q)
	}
	if time.Since(q.To) < recent {
		return h.live.store.Query(tenant, q)
	}
	if h.past == nil {
		return nil, errors.New("no ClickHouse is named, and live metrics do not go back so far")
	}
	return h.past.Metric(ctx, tenant, q)
}

// pastFlags name the ClickHouse that has metrics of a week ago, for alert rules of kind
// change and for drift.
type pastFlags struct {
	URL          string `name:"alerts-clickhouse" help:"HTTP address of the ClickHouse that has last week's metrics: for alert rules of kind change, and drift." placeholder:"URL"`
	User         string `name:"alerts-clickhouse-user" help:"User of that ClickHouse." default:"default"`
	PasswordFile string `name:"alerts-clickhouse-password-file" help:"File with the password of that ClickHouse; else SPANMILL_CLICKHOUSE_PASSWORD." type:"path"`
	CAFile       string `name:"alerts-clickhouse-ca-file" help:"Certificates that may have signed that ClickHouse's; else those this machine trusts." type:"path"`
}

// open gives the tables; nil: none are named.
func (f pastFlags) open(log *slog.Logger, reg prometheus.Registerer) (*store.Store, error) {
	at := clickHouse(f)
	if !at.outside() {
		return nil, nil
	}
	cfg := store.Default()
	if err := at.apply(&cfg); err != nil {
		return nil, err
	}
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return store.New(cfg, log, reg), nil
}
