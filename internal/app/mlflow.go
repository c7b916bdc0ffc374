package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/auth"
	"github.com/spanmill/spanmill/internal/gateway"
	"github.com/spanmill/spanmill/internal/mlflow"
	"github.com/spanmill/spanmill/pkg/schema"
)

// doorMLflow names the MLflow door in metrics.
const doorMLflow = "mlflow"

// mlflowParts are what an MLflow door is made of, in one process with
// everything or beside an ingest gateway.
type mlflowParts struct {
	cfg     mlflow.Config
	gateway *gateway.Gateway
	keys    *auth.Keys
	log     *slog.Logger
	reg     prometheus.Registerer
}

// open gives the door; it does nothing before Run.
func (p mlflowParts) open() *mlflow.Server {
	in := wayIn{p.gateway}
	return mlflow.New(p.cfg, mlflow.Dependencies{
		Door: in, Spans: in, Events: in, Keys: p.keys, Log: p.log, Reg: p.reg,
	})
}

// doors are the listeners that ask for keys; mlflow may be empty.
func doors(otlpHTTP, otlpGRPC, mlflow string) []string {
	all := []string{otlpHTTP, otlpGRPC}
	if mlflow != "" {
		all = append(all, mlflow)
	}
	return all
}

// mlflowConfig is the MLflow door's configuration beside a gateway's.
func mlflowConfig(addr string, g gateway.Config) mlflow.Config {
	cfg := mlflow.Default()
	cfg.Addr = addr
	cfg.MaxHeaderBytes = g.MaxHeaderBytes
	cfg.HeaderTimeout, cfg.ReadTimeout, cfg.IdleTimeout = g.HeaderTimeout, g.ReadTimeout, g.IdleTimeout
	cfg.DrainTimeout, cfg.RetryAfter = g.DrainTimeout, g.RetryAfter
	return cfg
}

// serveMLflow opens the door and says when it is open.
func serveMLflow(ctx context.Context, s *mlflow.Server, ready func()) error {
	go func() { // ends with ctx, or when the door listens
		select {
		case <-s.Ready():
			ready()
		case <-ctx.Done():
		}
	}()
	return s.Run(ctx)
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
func (w wayIn) Publish(context.Context, string, []schema.Event) error {
	return &mlflow.Error{Status: http.StatusServiceUnavailable, Reason: gateway.ReasonProduceFailed, Message: "no topic for events", Retry: true}
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
