package store

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Limits of the connections, below Config because nothing but this code
// depends on them.
const (
	idleConn    = 8 * time.Second
	writeBuffer = 64 << 10
)

// Store is one ClickHouse database.
type Store struct {
	cfg     Config
	client  *client
	clock   *clock
	metrics *metrics
	log     *slog.Logger
}

// New makes a store. It connects when first asked something.
func New(cfg Config, log *slog.Logger, reg prometheus.Registerer) *Store {
	c := newClient(cfg)
	s := &Store{cfg: cfg, client: c, metrics: newMetrics(reg), log: log}
	s.clock = &clock{maxAge: cfg.ClockMaxAge, ask: s.ServerTime, gauge: s.metrics.clockOffset}
	c.moved = func(answered bool) {
		s.clock.distrust() // another server, another clock
		if answered {
			log.Warn("clickhouse answers no more, trying its next address")
		}
	}
	return s
}

// Close gives back idle connections.
func (s *Store) Close() { s.client.transport.CloseIdleConnections() }

// Ping checks that the server answers us.
func (s *Store) Ping(ctx context.Context) error {
	if _, err := s.ask(ctx, "SELECT 1", true); err != nil {
		return fmt.Errorf("ping clickhouse: %w", err)
	}
	return nil
}

// Version is the server's version.
func (s *Store) Version(ctx context.Context) (string, error) {
	version, err := s.ask(ctx, "SELECT version()", true)
	if err != nil {
		return "", fmt.Errorf("ask clickhouse for its version: %w", err)
	}
	return version, nil
}

// ServerTime is what the server's clock says.
func (s *Store) ServerTime(ctx context.Context) (time.Time, error) {
	text, err := s.ask(ctx, "SELECT toUnixTimestamp64Milli(now64(3))", true)
	if err == nil {
		var milli int64
		if milli, err = strconv.ParseInt(text, 10, 64); err == nil {
			return time.UnixMilli(milli), nil
		}
	}
	return time.Time{}, fmt.Errorf("ask clickhouse for its time: %w", err)
}

// Query runs one statement and streams its result to w in the given format,
// such as TSVWithNames or PrettyCompact ("" is the server's choice). A
// statement with a FORMAT of its own keeps it.
func (s *Store) Query(ctx context.Context, sql, format string, w io.Writer) error {
	r := request{sql: sql, settings: settings()}
	if format != "" {
		r.settings.Set("default_format", format)
	}
	resp, err := s.client.do(ctx, r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return copyResult(w, resp)
}

// ask runs a question whose answer is at hand.
func (s *Store) ask(ctx context.Context, sql string, anyDatabase bool) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.cfg.AskTimeout, errAskTimeout)
	defer cancel()
	return s.client.text(ctx, request{sql: sql, settings: settings(), anyDatabase: anyDatabase})
}

// search runs a question that looks through a table. Recovery waits for its
// answer, so it may take as long as an insert.
func (s *Store) search(ctx context.Context, sql string) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.cfg.InsertTimeout, errAskTimeout)
	defer cancel()
	return s.client.text(ctx, request{sql: sql, settings: settings()})
}

var errAskTimeout = fmt.Errorf("clickhouse took too long to answer: %w", context.DeadlineExceeded)
