package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/auth"
	"github.com/spanmill/spanmill/internal/bus"
	"github.com/spanmill/spanmill/internal/gateway"
	"github.com/spanmill/spanmill/internal/mlflow"
	"github.com/spanmill/spanmill/internal/mlflow/experiments"
	"github.com/spanmill/spanmill/internal/query"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

// doorMLflow names the MLflow door in metrics.
const doorMLflow = "mlflow"

// mlflowParts are what an MLflow door is made of, in one process with
// everything or beside an ingest gateway.
type mlflowParts struct {
	cfg         mlflow.Config
	gateway     *gateway.Gateway
	experiments *experiments.Experiments
	reader      query.Reader   // nil: this process has no ClickHouse
	queries     mlflow.Queries // answer instead; nil: nobody does
	keys        *auth.Keys
	log         *slog.Logger
	reg         prometheus.Registerer
}

// open gives the door; it does nothing before Run.
func (p mlflowParts) open() *mlflow.Server {
	in := wayIn{p.gateway}
	return mlflow.New(p.cfg, mlflow.Dependencies{
		Door: in, Spans: in, Events: in, Experiments: p.experiments, Reader: p.reader, Queries: p.queries, Keys: p.keys, Log: p.log, Reg: p.reg,
	})
}

// experimentsOf gives the experiments that a bus knows, and what ends their
// connections.
func experimentsOf(cfg bus.Config, producer *bus.Producer, log *slog.Logger) (*experiments.Experiments, func(), error) {
	f, err := bus.NewFollower(cfg, schema.TopicExperiments, 0, log)
	if err != nil {
		return nil, nil, err
	}
	return experiments.New(experiments.Default(), experimentsLog{f, producer}, log), f.Close, nil
}

// experimentsLog is topic experiments in the experiments' words.
type experimentsLog struct {
	*bus.Follower

	producer *bus.Producer
}

// Append implements experiments.Log.
func (l experimentsLog) Append(ctx context.Context, tenant, key string, value []byte) error {
	return l.producer.Produce(ctx, []pipeline.Record{{
		Topic: schema.TopicExperiments, Key: []byte(key), Value: value,
		Headers: []pipeline.Header{
			{Key: schema.HeaderTenant, Value: []byte(tenant)},
			{Key: schema.HeaderVersion, Value: []byte(schema.ExperimentsVersion)},
		},
	}})
}

// Follow implements experiments.Log.
func (l experimentsLog) Follow(ctx context.Context, visit func(experiments.Record)) error {
	return l.Follower.Follow(ctx, func(r *pipeline.Record) {
		visit(experiments.Record{Offset: r.Offset, Key: string(r.Key), Value: r.Value})
	})
}

// doors are the listeners that ask for keys, those left out that are "".
func doors(all ...string) []string {
	return slices.DeleteFunc(all, func(addr string) bool { return addr == "" })
}

// mlflowFlags say where MLflow's clients find us.
type mlflowFlags struct {
	Attachments         string        `name:"mlflow-artifacts" help:"Folder of the files that MLflow's traces refer to; several gateways may share it." type:"path"`
	ReadWait            time.Duration `help:"How long a read waits for what was acknowledged and is not in the tables yet." default:"3s" because:"a batch's age and its insert; later 404"`
	MaxAttachmentsBytes int64         `name:"mlflow-artifacts-bytes" help:"Bytes of all files that MLflow's traces refer to." default:"1073741824" because:"a disk's share; beyond it 413, and the trace itself is kept"`
}

// mlflowConfig is the MLflow door's configuration beside a gateway's.
func mlflowConfig(addr string, f mlflowFlags, g gateway.Config) mlflow.Config {
	cfg := mlflow.Default()
	cfg.Addr, cfg.Attachments, cfg.MaxAttachmentsBytes = addr, f.Attachments, f.MaxAttachmentsBytes
	cfg.ReadWait = f.ReadWait
	cfg.MaxHeaderBytes = g.MaxHeaderBytes
	cfg.HeaderTimeout, cfg.ReadTimeout, cfg.IdleTimeout = g.HeaderTimeout, g.ReadTimeout, g.IdleTimeout
	cfg.DrainTimeout, cfg.RetryAfter = g.DrainTimeout, g.RetryAfter
	return cfg
}

// wayIn is the gateway in the MLflow door's words.
type wayIn struct{ g *gateway.Gateway }

// Listen implements mlflow.Door.
func (w wayIn) Listen(ctx context.Context, addr string) (net.Listener, error) {
	return w.g.Listen(ctx, addr, doorMLflow)
}

// Receive implements mlflow.Door.
func (w wayIn) Receive(r *http.Request) ([]byte, func(), error) {
	body, release, err := w.g.Receive(r, doorMLflow)
	return body, release, refused(err)
}

// Ingest implements mlflow.Spans.
func (w wayIn) Ingest(ctx context.Context, tenant, experiment string, body []byte) (string, error) {
	result, err := w.g.Ingest(ctx, gateway.Request{Tenant: tenant, Experiment: experiment, Body: body})
	return result.Message(), refused(err)
}

// Publish implements mlflow.Events.
func (w wayIn) Publish(ctx context.Context, tenant string, events []schema.Event) error {
	return refused(w.g.Publish(ctx, tenant, events))
}

// refused is a refusal of the gateway in the MLflow door's words.
func refused(err error) error {
	if err == nil {
		return nil
	}
	e := &mlflow.Error{Status: http.StatusInternalServerError, Reason: "internal", Message: "the request could not be taken", Cause: err}
	if r, ok := errors.AsType[*gateway.RefusalError](err); ok {
		e.Status, e.Reason, e.Message, e.Retry, e.Cause = r.HTTPStatus(), r.Reason, r.Message, r.Retryable(), r.Cause
	}
	return e
}
