package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// Service is a part of the process that runs until it is told to stop.
type Service interface {
	// Run works until ctx ends, then finishes what it holds and returns nil.
	// Any other return ends the group. It is called once.
	Run(ctx context.Context) error
	// Ready gives a channel that is closed once the service serves. It may be
	// asked before Run.
	Ready() <-chan struct{}
}

// ErrEnded is the error of a service that returned nil though nobody asked it
// to stop.
var ErrEnded = errors.New("ended unasked")

// member is a service and what the group knows of it.
type member struct {
	name        string
	service     Service
	stopTimeout time.Duration

	cancel context.CancelFunc
	done   chan struct{} // closed when Run returned
	err    error         // of Run; valid once done is closed
}

// Group runs services together. The zero value is not usable: NewGroup.
type Group struct {
	log     *slog.Logger
	members []*member
}

// NewGroup gives an empty group.
func NewGroup(log *slog.Logger) *Group { return &Group{log: log} }

// Add appends a service: it starts after all added before it and stops before
// them, within stopTimeout.
func (g *Group) Add(name string, s Service, stopTimeout time.Duration) {
	g.members = append(g.members, &member{
		name: name, service: s, stopTimeout: stopTimeout, done: make(chan struct{}),
	})
}

// Run starts the services and blocks until ctx ends or a service does; then it
// stops those that run. ready, unless nil, is called once all are ready. The
// error joins what ended the group with what went wrong while stopping; it is
// nil after an orderly stop. Run is called once.
func (g *Group) Run(ctx context.Context, ready func()) error {
	ended := make(chan *member, len(g.members)) // has room for all: no sender ever waits
	started, first := g.start(ctx, ended)
	if first == nil && ctx.Err() == nil {
		if ready != nil {
			ready()
		}
		select {
		case <-ctx.Done():
		case first = <-ended:
		}
	}
	var cause error
	if first != nil {
		cause = first.failure()
		g.log.ErrorContext(ctx, "a service ended, stopping the others", "err", cause)
	}
	return errors.Join(cause, g.stop(ctx, started, first))
}

// start starts the services in order and returns those it started. It returns
// early when ctx ends, or with the first of them that ended.
func (g *Group) start(ctx context.Context, ended chan *member) (started []*member, first *member) {
	for i, m := range g.members {
		began := time.Now()
		// Detached from ctx: when that ends, stop cancels one after the other.
		run, cancel := context.WithCancel(context.WithoutCancel(ctx))
		m.cancel = cancel
		started = g.members[:i+1]
		// Owned by stop: it ends when run is cancelled, or is reported there.
		go func() {
			m.err = m.service.Run(run)
			close(m.done)
			ended <- m
		}()
		select {
		case <-m.service.Ready():
			g.log.DebugContext(ctx, "service is ready", "service", m.name, "took", time.Since(began))
		case <-ctx.Done():
			return started, nil
		case first = <-ended:
			return started, first
		}
	}
	return started, nil
}

// stop ends the services in reverse order and collects their errors, except
// that of first, which Run reports.
func (g *Group) stop(ctx context.Context, started []*member, first *member) error {
	var errs []error
	for _, m := range slices.Backward(started) {
		began := time.Now()
		m.cancel()
		late := time.NewTimer(m.stopTimeout)
		select {
		case <-m.done:
			if m.err != nil && m != first {
				errs = append(errs, fmt.Errorf("stop %s: %w", m.name, m.err))
			}
			g.log.DebugContext(ctx, "service stopped", "service", m.name, "took", time.Since(began))
		case <-late.C:
			errs = append(errs, fmt.Errorf("stop %s: still running after %v", m.name, m.stopTimeout))
		}
		late.Stop()
	}
	return errors.Join(errs...)
}

// failure is the error of a member that ended unasked.
func (m *member) failure() error {
	if m.err == nil {
		return fmt.Errorf("%s: %w", m.name, ErrEnded)
	}
	return fmt.Errorf("%s: %w", m.name, m.err)
}
