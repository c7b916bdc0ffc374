package app

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/aggregator"
	"github.com/spanmill/spanmill/internal/aggregator/custom"
	"github.com/spanmill/spanmill/internal/auth"
	"github.com/spanmill/spanmill/internal/bus"
	"github.com/spanmill/spanmill/internal/pricing"
	"github.com/spanmill/spanmill/internal/writer"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
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
		Log: p.log, Reg: ofGroup(p.group, p.reg),
	})
	if err != nil {
		return nil, err
	}
	w = writer.New(p.cfg, groupMember{consumer}, p.tables, p.producer, p.log, p.reg)
	w.PriceBy(p.books)
	w.TakeRollups(p.tables.rollups)
	return w, nil
}

// ofGroup tells the metrics of a process's consumers apart.
func ofGroup(group bus.ConsumerConfig, reg prometheus.Registerer) prometheus.Registerer {
	return prometheus.WrapRegistererWith(prometheus.Labels{"group": group.Group}, reg)
}

// groupMember is a consumer in the writer's words.
type groupMember struct{ *bus.Consumer }

// Run implements writer.Consumer.
func (m groupMember) Run(ctx context.Context, handle func(context.Context, pipeline.Source) error) error {
	return m.Consumer.Run(ctx, handle)
}

// aggregatorParts are what an aggregator is made of, in one process with
// everything or in one of its own.
type aggregatorParts struct {
	cfg      aggregator.Config
	own      *custom.Set // of metrics.yaml; nil: nothing
	kafka    bus.Config
	group    bus.ConsumerConfig
	books    *pricing.Books
	producer *bus.Producer // knows the topics
	log      *slog.Logger
	reg      prometheus.Registerer
}

// join makes the aggregator a member of its group to be.
func (p aggregatorParts) join() (*aggregator.Aggregator, error) {
	p.group.Topics, p.group.Transactions = []string{schema.TopicSpans, schema.TopicEvents}, true
	p.cfg.Own = p.own
	consumer, err := bus.NewConsumer(p.kafka, p.group, bus.ConsumerDeps{Start: bus.AtLogStart, Log: p.log, Reg: ofGroup(p.group, p.reg)})
	if err != nil {
		return nil, err
	}
	return aggregator.New(p.cfg, aggregator.Dependencies{
		Consumer: aggregatingMember{consumer}, Topics: p.producer, Log: p.log, Reg: p.reg,
		Pricer: func() aggregator.Pricer { return &byBooks{Pricer: pricing.NewPricer(p.books)} },
	}), nil
}

// byBooks says what the writer stores as a span's cost.
type byBooks struct {
	*pricing.Pricer
	cost schema.Cost
}

// Cost implements aggregator.Pricer.
func (b *byBooks) Cost(tenant string, received int64, span *schema.Span, g *schema.GenAI) schema.Count {
	b.Price(tenant, received, span, g, &b.cost)
	return schema.Count{N: b.cost.Nano, Set: b.cost.Source != schema.CostNone}
}

// aggregatingMember is a consumer in the aggregator's words.
type aggregatingMember struct{ *bus.Consumer }

// Run implements aggregator.Consumer.
func (m aggregatingMember) Run(ctx context.Context, handle func(context.Context, aggregator.Source) error) error {
	return m.Consumer.Run(ctx, func(ctx context.Context, src pipeline.Source) error {
		return handle(ctx, src.(aggregator.Source)) // every source of the bus is one
	})
}

// loadKeys reads the keys file; without one everybody is the default tenant.
func loadKeys(path string, log *slog.Logger) (*auth.Keys, error) {
	if path == "" {
		return auth.Anonymous(), nil
	}
	return auth.Load(path, log)
}
