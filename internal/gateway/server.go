package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
)

// Ready is closed once both doors listen.
func (g *Gateway) Ready() <-chan struct{} { return g.ready }

// Addresses are where the doors listen; both "" before Ready.
func (g *Gateway) Addresses() (httpAddr, grpcAddr string) {
	select {
	case <-g.ready:
		return g.httpAddr, g.grpcAddr
	default:
		return "", ""
	}
}

// Run opens the doors and serves until ctx ends; then it finishes the requests
// in progress, for DrainTimeout at most. It is called once.
func (g *Gateway) Run(ctx context.Context) error {
	if err := g.cfg.Validate(); err != nil {
		return err
	}
	httpListener, err := g.listen(ctx, g.cfg.HTTPAddr, transportHTTP)
	if err != nil {
		return err
	}
	grpcListener, err := g.listen(ctx, g.cfg.GRPCAddr, transportGRPC)
	if err != nil {
		httpListener.Close()
		return err
	}
	g.httpAddr, g.grpcAddr = httpListener.Addr().String(), grpcListener.Addr().String()
	httpServer := g.newHTTPServer()
	grpcServer := g.newGRPCServer() //nolint:contextcheck // its handlers have the contexts of their streams
	close(g.ready)

	ended := make(chan error, 2) // has room for both: no sender ever waits
	go func() { ended <- httpServer.Serve(httpListener) }()
	go func() { ended <- grpcServer.Serve(grpcListener) }()
	running := 2
	select {
	case err = <-ended:
		running--
		err = fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	g.drain(ctx, httpServer, grpcServer)
	for range running {
		if e := <-ended; e != nil && !errors.Is(e, http.ErrServerClosed) && !errors.Is(e, grpc.ErrServerStopped) {
			err = errors.Join(err, fmt.Errorf("serve: %w", e))
		}
	}
	return err
}

// newHTTPServer bounds every wait for a client. The answer may be written until
// body and acknowledgement have had their time.
func (g *Gateway) newHTTPServer() *http.Server {
	return &http.Server{
		Handler:           httpDoor{g}.handler(),
		ReadHeaderTimeout: g.cfg.HeaderTimeout,
		ReadTimeout:       g.cfg.ReadTimeout,
		WriteTimeout:      g.cfg.ReadTimeout + g.cfg.ProduceTimeout + answerTimeout,
		IdleTimeout:       g.cfg.IdleTimeout,
		MaxHeaderBytes:    g.cfg.MaxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(g.log.Handler(), slog.LevelDebug),
	}
}

// answerTimeout is what a client gets to read a few bytes.
const answerTimeout = 10 * time.Second

// drain lets both servers finish at the same time, then closes what is left.
func (g *Gateway) drain(ctx context.Context, httpServer *http.Server, grpcServer *grpc.Server) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), g.cfg.DrainTimeout)
	defer cancel()
	var both sync.WaitGroup
	both.Go(func() {
		if httpServer.Shutdown(ctx) != nil {
			httpServer.Close()
		}
	})
	both.Go(func() {
		stopped := context.AfterFunc(ctx, grpcServer.Stop) // makes GracefulStop return
		grpcServer.GracefulStop()
		stopped()
	})
	both.Wait()
}

// listen opens a door that admits MaxConnections at a time.
func (g *Gateway) listen(ctx context.Context, addr, transport string) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s for %s: %w", addr, transport, err)
	}
	return &boundedListener{
		Listener: l, open: make(chan struct{}, g.cfg.MaxConnections), closed: make(chan struct{}),
		gauge: g.m.connections.WithLabelValues(transport),
	}, nil
}

// boundedListener accepts a connection when one of its places is free; the
// others wait in the kernel's queue.
type boundedListener struct {
	net.Listener
	open      chan struct{} // one element per connection
	closed    chan struct{}
	closeOnce sync.Once
	gauge     prometheus.Gauge
}

func (l *boundedListener) Accept() (net.Conn, error) {
	select {
	case l.open <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.open
		return nil, err
	}
	l.gauge.Inc()
	return &boundedConn{Conn: conn, leave: sync.OnceFunc(func() { <-l.open; l.gauge.Dec() })}, nil
}

func (l *boundedListener) Close() error {
	l.closeOnce.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

type boundedConn struct {
	net.Conn
	leave func()
}

func (c *boundedConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
