package mlflow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/auth"
	"github.com/spanmill/spanmill/internal/mlflow/experiments"
	"github.com/spanmill/spanmill/internal/query"
	"github.com/spanmill/spanmill/pkg/schema"
)

// Door is what this door shares with the others: connections and bytes. Its
// errors are *Error.
type Door interface {
	// Listen opens an address that admits a bounded number of connections.
	Listen(ctx context.Context, addr string) (net.Listener, error)
	// Receive reads the body of a request, inflated. release, never nil, ends
	// the life of its bytes.
	Receive(r *http.Request) (body []byte, release func(), err error)
}

// Spans is the way in of spans. Its errors are *Error.
type Spans interface {
	// Ingest takes an OTLP ExportTraceServiceRequest in protobuf. nil: every
	// accepted span is acknowledged by the bus. rejected says why others were not
	// taken, "" if all were.
	Ingest(ctx context.Context, tenant, experiment string, body []byte) (rejected string, err error)
}

// Events is the way in of events. Its errors are *Error.
type Events interface {
	// Publish returns nil once every event is acknowledged by the bus.
	Publish(ctx context.Context, tenant string, events []schema.Event) error
}

// Dependencies are what the server leans on. Without Events it answers reads
// only.
type Dependencies struct {
	Door   Door
	Spans  Spans
	Events Events
	// Experiments are followed by whoever made them.
	Experiments *experiments.Experiments
	// Reader answers from the tables; nil: nobody here can.
	Reader query.Reader
	// Queries answer reads where there is no Reader; nil: they are refused.
	Queries Queries
	Keys    *auth.Keys
	Log     *slog.Logger
	Reg     prometheus.Registerer
}

// Server answers MLflow's clients. It is a service: Run opens the door.
type Server struct {
	cfg  Config
	deps Dependencies
	log  *slog.Logger
	m    metrics

	attachments *attachments
	// waiting has a place for each read that waits for what was just written.
	waiting chan struct{}

	ready chan struct{}
	addr  string // written before ready is closed
}

// maxWaiting bounds the reads that wait at once: each asks the tables again and
// again.
const maxWaiting = 64

// New gives a server; it does nothing before Run.
func New(cfg Config, deps Dependencies) *Server {
	return &Server{
		cfg: cfg, deps: deps,
		log:         deps.Log.With("service", "mlflow"),
		m:           newMetrics(deps.Reg),
		attachments: &attachments{dir: cfg.Attachments, max: cfg.MaxAttachmentsBytes},
		waiting:     make(chan struct{}, maxWaiting),
		ready:       make(chan struct{}),
	}
}

// Ready is closed once the door listens.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// Addr is where the door listens; "" before Ready.
func (s *Server) Addr() string {
	select {
	case <-s.ready:
		return s.addr
	default:
		return ""
	}
}

// Run serves until ctx ends; then it finishes the requests in progress, for
// DrainTimeout at most. It is called once.
func (s *Server) Run(ctx context.Context) error {
	if err := s.cfg.Validate(); err != nil {
		return err
	}
	l, err := s.deps.Door.Listen(ctx, s.cfg.Addr)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: s.cfg.HeaderTimeout,
		ReadTimeout:       s.cfg.ReadTimeout,
		WriteTimeout:      s.cfg.AnswerTimeout,
		IdleTimeout:       s.cfg.IdleTimeout,
		MaxHeaderBytes:    s.cfg.MaxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	s.addr = l.Addr().String()
	close(s.ready)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case err = <-ended:
		return fmt.Errorf("serve MLflow: %w", err)
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.DrainTimeout)
	defer cancel()
	if server.Shutdown(ctx) != nil {
		server.Close()
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve MLflow: %w", err)
	}
	return nil
}
