package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/common/expfmt"

	"github.com/spanmill/spanmill/internal/auth"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// ServerConfig is how metrics are served.
type ServerConfig struct {
	// Addr is the listener's host:port; port 0 takes a free one.
	Addr string
	// Legacy tells Prometheus the names of before 2026 as well.
	Legacy bool
	// Tables have what is made by SQL on a schedule; nil: it is not told.
	Tables Tables
	// Custom are those of it that people define.
	Custom []rollup.Definition
}

// Bounds of requests. A stream lasts as long as its client likes.
const (
	headerTimeout  = 5 * time.Second
	idleTimeout    = 3 * time.Minute
	maxHeaderBytes = 16 << 10
	drainTimeout   = 2 * time.Second
	writeTimeout   = 30 * time.Second
	// maxStreams bounds the clients that are told of changes.
	maxStreams = 256
	// maxAnswers bounds the answers that are worked out at once.
	maxAnswers = 8
)

// Server answers over HTTP from a store. It is a service.
type Server struct {
	cfg      ServerConfig
	follower *Follower
	store    *Store
	keys     *auth.Keys
	log      *slog.Logger

	streams chan struct{} // has a place for each
	answers chan struct{} // has a place for each
	stopped context.Context
	stop    context.CancelFunc

	ready chan struct{}
	addr  string // written before ready is closed
}

// NewServer gives a server; it does nothing before Run.
func NewServer(cfg ServerConfig, f *Follower, keys *auth.Keys, log *slog.Logger) *Server {
	return &Server{
		cfg: cfg, follower: f, store: f.store, keys: keys, log: log.With("service", "live"),
		streams: make(chan struct{}, maxStreams), answers: make(chan struct{}, maxAnswers), ready: make(chan struct{}),
	}
}

// Ready is closed once the server listens.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// Addr is where it listens; "" before Ready.
func (s *Server) Addr() string {
	select {
	case <-s.ready:
		return s.addr
	default:
		return ""
	}
}

// Run serves until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", s.cfg.Addr)
	if err != nil {
		return fmt.Errorf("listen for metrics: %w", err)
	}
	s.stopped, s.stop = context.WithCancel(ctx)
	defer s.stop()
	server := &http.Server{
		Handler: s.handler(), ReadHeaderTimeout: headerTimeout, ReadTimeout: headerTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeaderBytes, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	s.addr = l.Addr().String()
	close(s.ready)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }() // ends with Shutdown or Close
	select {
	case err := <-ended:
		return fmt.Errorf("serve metrics: %w", err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	if server.Shutdown(drain) != nil {
		server.Close()
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve metrics: %w", err)
	}
	return nil
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/metrics", s.known(s.list))
	mux.HandleFunc("GET /api/v1/metrics/query", s.known(s.query))
	mux.HandleFunc("GET /api/v1/metrics/stream", s.known(s.stream))
	mux.HandleFunc("GET /metrics", s.known(s.expose))
	return mux
}

// known asks for a key with the right to read, and hands its tenant on.
func (s *Server) known(serve func(http.ResponseWriter, *http.Request, string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id, err := s.keys.Authenticate(r.Header.Get("Authorization"), r.Header.Get("X-Api-Key"))
		switch {
		case err != nil:
			w.Header().Set("WWW-Authenticate", "Bearer")
			refuse(w, http.StatusUnauthorized, err.Error())
		case !id.May(auth.Read):
			refuse(w, http.StatusForbidden, "the API key may not read")
		default:
			serve(w, r, id.Tenant)
		}
	}
}

// enter takes one of the places; false: none is free, and that was said.
func enter(w http.ResponseWriter, places chan struct{}) bool {
	select {
	case places <- struct{}{}:
		return true
	default:
		w.Header().Set("Retry-After", "1")
		refuse(w, http.StatusServiceUnavailable, "too many ask at once; come again")
		return false
	}
}

// refuse answers what is wrong.
func refuse(w http.ResponseWriter, status int, message string) {
	reply(w, status, map[string]string{"error": message})
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	//nolint:errchkjson // what is answered can be encoded; the client may have gone away
	_ = json.NewEncoder(w).Encode(body)
}

// expose answers Prometheus, in the form it asks for.
func (s *Server) expose(w http.ResponseWriter, r *http.Request, tenant string) {
	if !enter(w, s.answers) {
		return
	}
	defer func() { <-s.answers }()
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout))
	format := expfmt.NegotiateAccept(r.Header, expfmt.DefaultOpenMetricsAcceptedFormats()...)
	w.Header().Set("Content-Type", string(format))
	to := expfmt.NewEncoder(w, format, expfmt.WithCreatedLines())
	families := s.store.Families(tenant, time.Now(), Exposing{Legacy: s.cfg.Legacy, past: s.pastOf(r.Context(), tenant)})
	gauges, err := s.gauges(r.Context(), tenant, time.Now())
	if err != nil {
		s.log.WarnContext(r.Context(), "Prometheus is not told of sessions and users", "err", err)
	}
	for _, f := range append(families, gauges...) {
		if err := to.Encode(f); err != nil {
			s.log.DebugContext(r.Context(), "exposition not sent", "err", err)
			return
		}
	}
	if closer, ok := to.(expfmt.Closer); ok {
		_ = closer.Close() // as above: nobody reads on
	}
}
