package app

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/auth"
	"github.com/spanmill/spanmill/internal/bus"
	"github.com/spanmill/spanmill/internal/pricing"
	"github.com/spanmill/spanmill/internal/writer"
	"github.com/spanmill/spanmill/pkg/pipeline"
)

// writerParts are what a writer is made of, in one process with everything or
// in one of its own.
type writerParts struct {
	cfg      writer.Config
	kafka    bus.Config
	group    bus.ConsumerConfig
	tables   tables
	producer *bus.Producer // of dead letters
	books    *pricing.Books
	log      *slog.Logger
	reg      prometheus.Registerer
}

// join makes the writer a member of its group to be.
func (p writerParts) join() (*writer.Writer, error) {
	var w *writer.Writer
	consumer, err := bus.NewConsumer(p.kafka, p.group, bus.ConsumerDeps{
		Start: func(ctx context.Context, log pipeline.Log, start int64) (int64, error) {
			return w.Starter(ctx, log, start)
		},
		Log: p.log, Reg: p.reg,
	})
	if err != nil {
		return nil, err
	}
	w = writer.New(p.cfg, groupMember{consumer}, p.tables, p.producer, p.log, p.reg)
	w.PriceBy(p.books)
	return w, nil
}

// groupMember is a consumer in the writer's words.
type groupMember struct{ *bus.Consumer }

// Run implements writer.Consumer.
func (m groupMember) Run(ctx context.Context, handle func(context.Context, pipeline.Source) error) error {
	return m.Consumer.Run(ctx, handle)
}

// loadKeys reads the keys file; without one everybody is the default tenant.
func loadKeys(path string, log *slog.Logger) (*auth.Keys, error) {
	if path == "" {
		return auth.Anonymous(), nil
	}
	return auth.Load(path, log)
}
