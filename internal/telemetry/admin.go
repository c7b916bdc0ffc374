package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	// checkTimeout bounds all checks of one question together: probes give up
	// after a few seconds and ask again.
	checkTimeout = 2 * time.Second
	// drainTimeout is what a scrape in progress gets when the process stops.
	drainTimeout = 2 * time.Second
	// headerTimeout and writeTimeout free connections that do not get on. A CPU
	// profile takes as long as it was asked to, 30 s by default.
	headerTimeout = 5 * time.Second
	writeTimeout  = 5 * time.Minute
)

// Check is one thing that must hold for the process to be ready.
type Check struct {
	Name string
	// Holds returns what is wrong, in words fit for a log, or nil. It returns
	// when ctx ends.
	Holds func(ctx context.Context) error
}

// Admin is the admin HTTP server, a service.
type Admin struct {
	listen  string
	log     *slog.Logger
	handler http.Handler
	ready   chan struct{}
	addr    string // written before ready is closed
}

// NewAdmin gives a server for addr (host:port, port 0 takes a free one).
func NewAdmin(addr string, reg *prometheus.Registry, checks []Check, log *slog.Logger) *Admin {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "alive") })
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, r *http.Request) { answerReady(w, r, checks) })
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{Registry: reg}))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("POST /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return &Admin{listen: addr, log: log, handler: mux, ready: make(chan struct{})}
}

// Ready is closed once the server listens.
func (a *Admin) Ready() <-chan struct{} { return a.ready }

// Addr is where it listens, "" before Ready.
func (a *Admin) Addr() string {
	select {
	case <-a.ready:
		return a.addr
	default:
		return ""
	}
}

// Run serves until ctx ends.
func (a *Admin) Run(ctx context.Context) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", a.listen)
	if err != nil {
		return fmt.Errorf("listen for admin: %w", err)
	}
	server := &http.Server{
		Handler: a.handler, ReadHeaderTimeout: headerTimeout, WriteTimeout: writeTimeout,
		ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
	}
	a.addr = listener.Addr().String()
	close(a.ready)

	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }() // ends with Shutdown or Close
	select {
	case err := <-served:
		return fmt.Errorf("serve admin: %w", err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	if err := server.Shutdown(drain); err != nil {
		server.Close() // a profile may run for minutes; nobody waits for it
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve admin: %w", err)
	}
	return nil
}

// answerReady asks all checks at once: one that hangs must not hide another.
func answerReady(w http.ResponseWriter, r *http.Request, checks []Check) {
	ctx, cancel := context.WithTimeout(r.Context(), checkTimeout)
	defer cancel()
	failures := make([]error, len(checks))
	var wg sync.WaitGroup
	for i, c := range checks {
		wg.Go(func() { failures[i] = c.Holds(ctx) })
	}
	wg.Wait()

	var report strings.Builder
	for i, err := range failures {
		if err != nil {
			fmt.Fprintf(&report, "%s: %v\n", checks[i].Name, err)
		}
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if report.Len() > 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintf(w, "not ready\n%s", report.String())
		return
	}
	fmt.Fprintln(w, "ready")
}
