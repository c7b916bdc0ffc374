package app

import (
	"context"

	"github.com/spanmill/spanmill/internal/service"
)

// part makes a function a service: it calls ready once it serves, and returns
// when ctx ends and it has finished what it holds.
type part struct {
	ready chan struct{}
	run   func(ctx context.Context, ready func()) error
}

var _ service.Service = (*part)(nil)

func newPart(run func(ctx context.Context, ready func()) error) *part {
	return &part{ready: make(chan struct{}), run: run}
}

// Run implements service.Service.
func (p *part) Run(ctx context.Context) error {
	return p.run(ctx, func() { close(p.ready) })
}

// Ready implements service.Service.
func (p *part) Ready() <-chan struct{} { return p.ready }

// hold is ready at once and waits for ctx: what there is to do is done.
func hold(ctx context.Context, ready func()) {
	ready()
	<-ctx.Done()
}

// serveUntil runs a service as a part of another: it says ready when the service
// does.
func serveUntil(ctx context.Context, s service.Service, ready func()) error {
	go func() { // ends with ctx, or when the service is ready
		select {
		case <-s.Ready():
			ready()
		case <-ctx.Done():
		}
	}()
	return s.Run(ctx)
}
