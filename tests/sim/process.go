package sim

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/bus"
	"github.com/spanmill/spanmill/internal/dedup"
	"github.com/spanmill/spanmill/internal/store"
	"github.com/spanmill/spanmill/internal/writer"
	"github.com/spanmill/spanmill/pkg/pipeline"
)

// process is one life of a writer, put together as internal/app does.
type process struct {
	w    *world
	name string
	link *link
	reg  *prometheus.Registry
	stop context.CancelFunc
	done chan struct{} // closed when the last goroutine of it has ended
	died time.Time     // zero while it lives
}

// sessionTimeout is how long the group waits for a silent member.
const sessionTimeout = 6 * time.Second

// The writers' settings: short, so that a history takes a minute of virtual
// time. The session ends before the deadline, as the rules ask.
func (p *process) busConfig() (bus.Config, bus.ConsumerConfig) {
	cfg := bus.Default()
	cfg.Brokers, cfg.Dial, cfg.Codec = []string{brokerAddress}, p.link.dial, "none"
	cfg.ClientID = p.name
	cfg.RequestTimeout, cfg.ProduceTimeout = 2*time.Second, 4*time.Second
	group := bus.DefaultConsumer()
	group.Group, group.Topics = groupName, []string{topicSpans}
	group.SessionTimeout, group.HeartbeatInterval = sessionTimeout, 2*time.Second
	// kfake miscounts who has joined when a member goes while it waits in
	// SyncGroup. Then only this time-out ends the rebalance, and each member that
	// joins again begins it anew: it must be shorter than they are apart.
	group.RebalanceTimeout = 2 * time.Second
	group.CommitTimeout, group.DrainTimeout = 2*time.Second, 4*time.Second
	group.LagInterval = time.Minute
	return cfg, group
}

func (p *process) writerConfig(slot int) writer.Config {
	plan := p.w.plan
	return writer.Config{
		Pipeline: pipeline.Config{
			Limits:   pipeline.Limits{MaxRows: plan.Rows[slot], MaxBytes: 1 << 20, MaxParts: 2, MaxAge: 500 * time.Millisecond},
			Deadline: deadline, RetryMin: 100 * time.Millisecond, RetryMax: 2 * time.Second,
		},
		Dedup:         dedup.Config{Spans: plan.DedupSpans, Horizon: time.Duration(plan.DedupMilli) * time.Millisecond},
		RetentionDays: 30,
		CatchUp:       1, // partitions wait for one another as often as can be
	}
}

// start brings a writer up.
func (w *world) start(slot int) (*process, error) {
	w.lives++
	p := &process{
		w: w, name: fmt.Sprintf("w%d.%d", slot, w.lives), reg: prometheus.NewRegistry(),
		link: newLink(w.net, w.commitFate, &w.underWay), done: make(chan struct{}),
	}
	cfg, group := p.busConfig()
	var wr *writer.Writer
	consumer, err := bus.NewConsumer(cfg, group, bus.ConsumerDeps{
		Start: func(ctx context.Context, log pipeline.Log, start int64) (int64, error) {
			return wr.Starter(ctx, log, start)
		},
		Log: w.log, Reg: p.reg,
	})
	if err != nil {
		return nil, err
	}
	producer, err := bus.NewProducer(cfg, w.log, p.reg)
	if err != nil {
		return nil, err
	}
	wr = writer.New(p.writerConfig(slot), member{consumer}, view{p}, producer, w.log.With("writer", p.name), p.reg)
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	go func() {
		defer close(p.done)
		defer producer.Close()
		if err := wr.Run(ctx); err != nil {
			w.broken(fmt.Errorf("%s: %w", p.name, err))
		}
	}()
	return p, nil
}

// member is a consumer in the writer's words.
type member struct{ *bus.Consumer }

// Run implements writer.Consumer.
func (m member) Run(ctx context.Context, handle func(context.Context, pipeline.Source) error) error {
	return m.Consumer.Run(ctx, handle)
}

// crash makes the process vanish: it hears and says nothing from now on. What
// is left of its goroutines ends by itself and can change nothing.
func (p *process) crash() {
	p.died = time.Now()
	p.link.kill()
	p.stop()
}

// travel is how long a request to the store is under way.
const travel = 10 * time.Millisecond

// request sends something to the store and waits for the answer. The request
// goes on by itself once it was sent: that nobody waits for it any more does
// not keep it from being done.
func (p *process) request(ctx context.Context, serve func() error) error {
	answer := make(chan error, 1)
	p.w.underWay.Go(func() { //nolint:contextcheck // what was sent is under way whoever waits for it
		<-time.After(travel)
		if err := p.link.pass(context.Background()); err != nil && p.w.draw(2) {
			return // lost with its sender
		}
		err := serve()
		_ = p.link.pass(context.Background())
		answer <- err
	})
	select {
	case err := <-answer:
		return err
	case <-p.link.dead:
		return errDead
	case <-ctx.Done():
		return ctx.Err()
	}
}

// errAway is what a client says of a server that hangs up.
var errAway = fmt.Errorf("store: %w", io.ErrUnexpectedEOF)

// ask is a request that changes nothing.
func (p *process) ask(ctx context.Context, question func() error) error {
	if e, ok := p.w.take("ask"); ok {
		p.w.hit("a question failed")
		return p.request(ctx, func() error { return serverError(e.Code) })
	}
	return p.request(ctx, func() error {
		if code := p.w.awayCode(); code != 0 {
			return serverError(code)
		}
		return question()
	})
}

// insert is a block on its way into a table.
func (p *process) insert(ctx context.Context, b block) error {
	e, _ := p.w.take(b.table)
	p.w.tracef("%s inserts %d rows into %s under %s (%s)", p.name, len(b.rows), b.table, b.Token, e.Fate)
	if e.Fate != "" {
		p.w.hit(fmt.Sprintf("insert %s", e.Fate))
	}
	if e.Fate == Late || e.Fate == Unanswered {
		p.w.underWay.Go(func() {
			err := p.w.serveInsert(p, b, e)
			p.w.tracef("%s, its insert of %s was given up: %v", p.name, b.Token, err)
		})
		return errAway
	}
	err := p.request(ctx, func() error { return p.w.serveInsert(p, b, e) })
	p.w.tracef("%s hears of %s into %s: %v", p.name, b.Token, b.table, err)
	return err
}

// serveInsert is the server's side of an insert.
func (w *world) serveInsert(p *process, b block, e Event) error {
	if e.ForMilli > 0 {
		<-time.After(time.Duration(e.ForMilli) * time.Millisecond)
	}
	switch code := w.awayCode(); {
	case code != 0:
		return serverError(code)
	case e.Fate == Failed:
		return serverError(e.Code)
	}
	if err := w.tables.accept(b); err != nil {
		return err
	}
	days := daysOf(b.rows)
	pause := w.between(longestStall) / time.Duration(len(days))
	for i, day := range days {
		<-time.After(pause)
		if e.Fate == Half && i == max(1, len(days)/2) {
			return serverError(e.Code)
		}
		w.tables.land(b, day)
		w.tracef("day %d of %s landed in %s", day, b.Token, b.table)
		if i == 0 && w.gone(p) {
			w.hit("insert landed after its writer was gone")
		}
	}
	if e.Fate == Half {
		return serverError(e.Code)
	}
	return nil
}

func (w *world) gone(p *process) bool {
	select {
	case <-p.link.dead:
		return true
	default:
		return false
	}
}

// serverError is ClickHouse's answer; 0: it hangs up.
func serverError(code int) error {
	if code == 0 {
		return errAway
	}
	return &store.ServerError{Code: code, Status: 500, Message: "planted"}
}

// labelled reads a metric, by the value of its last label; "" when it has none.
func (p *process) labelled(name string) map[string]float64 {
	families, err := p.reg.Gather()
	if err != nil {
		p.w.broken(fmt.Errorf("gather metrics of %s: %w", p.name, err))
	}
	values := map[string]float64{}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			label := ""
			for _, l := range m.GetLabel() {
				label = l.GetValue()
				if l.GetName() == "partition" {
					break
				}
			}
			values[label] += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return values
}

// tell adds what the process counted to the faults that came to be.
func (p *process) tell() {
	for state, n := range p.labelled("spanmill_writer_recovered_intents_total") {
		p.w.hits("recovered "+state, int(n))
	}
	p.w.hits("rejoined", int(p.labelled("spanmill_bus_rejoins_total")[""]))
	p.w.hits("resent span dropped", int(p.labelled("spanmill_writer_duplicate_spans_total")[""]))
}
