package app

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spanmill/spanmill/internal/bus"
	"github.com/spanmill/spanmill/internal/store"
	"github.com/spanmill/spanmill/pkg/pipeline"
)

// sayAgain is how often a wait for the same thing is mentioned.
const sayAgain = time.Minute

// maxSaid bounds what is remembered of what was said.
const maxSaid = 32

// wait is for an outside system that may not be there yet, or not as it has to
// be. People are told what is wrong, and what to do about it, when that changes.
type wait struct {
	what   string
	advice func(error) string
	log    *slog.Logger
	// problem is what is waited for, nil once all is well.
	problem atomic.Pointer[error]
}

func newWait(what string, advice func(error) string, log *slog.Logger) *wait {
	w := &wait{what: what, advice: advice, log: log}
	starting := errors.New("starting")
	w.problem.Store(&starting)
	return w
}

// until tries for as long as ctx lives; nil: it worked.
func (w *wait) until(ctx context.Context, try func(context.Context) error) error {
	var backoff pipeline.Backoff
	said := make(map[string]time.Time) // several addresses have several troubles
	for {
		err := try(ctx)
		if err == nil {
			if len(said) > 0 {
				w.log.Info("the wait is over", "for", w.what)
			}
			w.problem.Store(nil)
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		err = advised(err, w.advice)
		w.problem.Store(&err)
		if text := err.Error(); time.Since(said[text]) > sayAgain {
			if len(said) > maxSaid {
				clear(said)
			}
			said[text] = time.Now()
			w.log.Warn("waiting", "for", w.what, "err", err)
		}
		if err := backoff.Wait(ctx); err != nil {
			return err
		}
	}
}

// holds is a readiness check: what is waited for, else what is wrong today.
func (w *wait) holds(ctx context.Context, today func(context.Context) error) error {
	if problem := w.problem.Load(); problem != nil {
		return *problem
	}
	return advised(today(ctx), w.advice)
}

// advised adds what a person can do.
func advised(err error, advice func(error) string) error {
	if err == nil {
		return nil
	}
	if do := advice(err); do != "" {
		return fmt.Errorf("%w; %s", err, do)
	}
	return err
}

// clickHouseAdvice is bus.Advice for ClickHouse.
func clickHouseAdvice(err error) string {
	switch store.CodeOf(err) {
	case 192, 193, 516: // UNKNOWN_USER, WRONG_PASSWORD, AUTHENTICATION_FAILED
		return "ClickHouse refuses this user and password: check --clickhouse-user, the password file or " + clickHousePassword
	case 497: // ACCESS_DENIED
		return "the user lacks a right: grant it CREATE DATABASE, CREATE TABLE, ALTER, SELECT and INSERT on the database"
	}
	if errors.Is(err, http.ErrSchemeMismatch) {
		return "ClickHouse does not speak TLS on this port: write http:// in --clickhouse, or choose its TLS port (8443)"
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "ClickHouse's certificate is signed by nobody this machine trusts: name its CA by --clickhouse-ca-file"
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return "no such host as " + dns.Name + ": check --clickhouse"
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return "nothing listens there: is ClickHouse running, and is --clickhouse its HTTP port (8123, or 8443 for https)?"
	}
	return ""
}

// awaitTables brings the tables up to date, once ClickHouse lets us.
func awaitTables(ctx context.Context, db *store.Store, w *wait) error {
	return w.until(ctx, db.Migrate)
}

// topicsTimeout bounds one look at the topics.
const topicsTimeout = 30 * time.Second

// awaitTopics makes or finds the topics, once Kafka lets us, and says what may
// be lost with them as they are.
func awaitTopics(ctx context.Context, cfg bus.Config, t topics, w *wait) error {
	var warnings []string
	err := w.until(ctx, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, topicsTimeout)
		defer cancel()
		ensure := bus.CheckTopics
		if t.CreateTopics {
			ensure = bus.EnsureTopics
		}
		list := t.list()
		differences, err := ensure(ctx, cfg, list, w.log)
		if err != nil {
			return err
		}
		risks, err := bus.Inspect(ctx, cfg, list, w.log)
		warnings = slices.Concat(differences, risks)
		return err
	})
	if err != nil {
		return err
	}
	for _, text := range warnings {
		w.log.Warn("topic settings", "risk", text)
	}
	return nil
}

// patiently asks until there is an answer, ctx ends or the patience does; then
// it gives the last error.
func patiently[T any](ctx context.Context, patience time.Duration, ask func() (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	backoff := pipeline.Backoff{Min: 100 * time.Millisecond, Max: time.Second}
	for {
		answer, err := ask()
		if err == nil || backoff.Wait(ctx) != nil {
			return answer, err
		}
	}
}
