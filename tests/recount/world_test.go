package recount

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/spanmill/spanmill/internal/aggregator"
	"github.com/spanmill/spanmill/internal/bus"
	"github.com/spanmill/spanmill/internal/dedup"
	"github.com/spanmill/spanmill/internal/demo"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

const (
	partitions = 3
	brokerPort = 9092
	group      = "aggregators"
)

// Requests at which a process can be killed: inside of a transaction.
const (
	requestTxnOffsetCommit = 28
	requestEndTxn          = 26
)

// world is a broker and the aggregators that come and go.
type world struct {
	net     *kfake.VirtualNetwork
	cluster *kfake.Cluster
	rng     *rand.Rand
	log     *slog.Logger
	all     []*process
	hits    map[string]int
	mu      sync.Mutex
}

func newWorld(seed uint64) (*world, error) {
	w := &world{net: new(kfake.VirtualNetwork), rng: rand.New(rand.NewPCG(seed, 1)), hits: map[string]int{}, log: slog.New(slog.DiscardHandler)}
	var err error
	w.cluster, err = kfake.NewCluster(kfake.Ports(brokerPort), kfake.ListenFn(w.net.Listen),
		kfake.SeedTopics(partitions, schema.TopicSpans), kfake.SeedTopics(2, schema.TopicRollups))
	return w, err
}

func (w *world) busConfig(dial func(context.Context, string, string) (net.Conn, error)) bus.Config {
	cfg := bus.Default()
	cfg.Dial = dial
	cfg.RequestTimeout = 2 * time.Second
	return cfg
}

// process is an aggregator and its connections.
type process struct {
	w    *world
	stop context.CancelFunc
	done chan struct{}

	mu    sync.Mutex
	dead  bool
	conns map[net.Conn]bool
	// aim is the request at which it dies, 0 for none; sent says whether the
	// request still leaves.
	aim  uint16
	sent bool
}

func (w *world) start() (*process, error) {
	p := &process{w: w, done: make(chan struct{}), conns: map[net.Conn]bool{}}
	cfg := w.busConfig(p.dial)
	consumerCfg := bus.DefaultConsumer()
	consumerCfg.Group, consumerCfg.Topics, consumerCfg.Transactions = group, []string{schema.TopicSpans}, true
	consumerCfg.SessionTimeout, consumerCfg.HeartbeatInterval, consumerCfg.RebalanceTimeout = 6*time.Second, 2*time.Second, 2*time.Second
	reg := prometheus.NewRegistry()
	consumer, err := bus.NewConsumer(cfg, consumerCfg, bus.ConsumerDeps{Start: bus.AtLogStart, Log: w.log, Reg: reg})
	if err != nil {
		return nil, err
	}
	producer, err := bus.NewProducer(cfg, w.log, reg)
	if err != nil {
		return nil, err
	}
	a := aggregator.New(aggregator.Config{
		Dedup: dedup.Config{Spans: 4_000_000, Horizon: 24 * time.Hour}, Window: 1 << 40, WindowSpans: 1 << 30,
		MaxSeries: 100_000, MaxOpen: 3000, Interval: time.Second,
	}, aggregator.Dependencies{
		Consumer: member{consumer}, Topics: producer, Log: w.log, Reg: reg,
		Pricer: func() aggregator.Pricer { return aggregator.ReportedCost{} },
	})
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	w.all = append(w.all, p)
	go func() {
		defer close(p.done)
		defer producer.Close()
		_ = a.Run(ctx)
	}()
	return p, nil
}

// member is a consumer in the aggregator's words.
type member struct{ *bus.Consumer }

// Run implements aggregator.Consumer.
func (m member) Run(ctx context.Context, handle func(context.Context, aggregator.Source) error) error {
	return m.Consumer.Run(ctx, func(ctx context.Context, src pipeline.Source) error {
		return handle(ctx, src.(aggregator.Source))
	})
}

var errDead = errors.New("the process is gone")

func (p *process) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := p.w.net.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead {
		_ = c.Close()
		return nil, errDead
	}
	p.conns[c] = true
	return &watched{c, p}, nil
}

// watched is a connection of a process that may die at a request.
type watched struct {
	net.Conn
	p *process
}

// Write looks at the kind of the request: length, then key.
func (c *watched) Write(b []byte) (int, error) {
	if len(b) < 6 {
		return c.Conn.Write(b)
	}
	what, sent := c.p.death(binary.BigEndian.Uint16(b[4:]))
	if what == "" {
		return c.Conn.Write(b)
	}
	c.p.w.hit(what)
	if sent {
		_, _ = c.Conn.Write(b)
	}
	c.p.kill()
	return 0, errDead
}

// aimAt has the process die inside of a transaction, each time at another place.
func (p *process) aimAt(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.aim, p.sent = requestEndTxn, n%3 == 0
	if n%3 == 2 {
		p.aim = requestTxnOffsetCommit
	}
}

// death says how the process dies at a request, "" if it does not, and whether
// the request still leaves.
func (p *process) death(request uint16) (what string, sent bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.dead || p.aim != request || request == 0:
		return "", false
	case request == requestTxnOffsetCommit:
		return beforeOffset, p.sent
	case p.sent:
		return afterEnd, true
	}
	return beforeEnd, false
}

// Where inside of a transaction a process died.
const (
	beforeOffset = "before the offset joined its transaction"
	beforeEnd    = "before it asked for its transaction's end"
	afterEnd     = "after it asked for its transaction's end"
)

func (w *world) hit(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hits[what]++
}

// kill makes the process vanish: it hears and says nothing from now on.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dead = true
	for c := range p.conns {
		_ = c.Close()
	}
	p.stop()
}

func (p *process) isDead() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dead
}

// order is a span in the log to be: which of which trace, and whether it was sent
// before.
type order struct {
	trace  uint64
	span   uint32
	resent bool
	late   bool
	at     float64 // its place in the log, from 0 up to 1
	// received is the time of its record.
	received time.Time
}

// shuffle draws the order in which the generator's spans are sent: at random, one
// in twenty again, one in fifty an hour late. late is where those begin that are;
// from there on all are.
func shuffle(rng *rand.Rand, g *demo.Generator, spans int, late float64) (out []order) {
	for i := uint64(0); len(out) < spans; i++ {
		for s := range g.Size(i) {
			o := order{trace: i, span: s, late: rng.IntN(50) == 0, at: rng.Float64() * late}
			if o.late && late < 1 {
				o.at = late + rng.Float64()*(1-late)
			}
			out = append(out, o)
		}
	}
	for n := len(out) / 20; n > 0; n-- {
		again := out[rng.IntN(len(out))]
		again.at += rng.Float64() * (1 - again.at)
		again.late, again.resent = again.late || again.at >= late, true
		out = append(out, again)
	}
	slices.SortFunc(out, func(a, b order) int { return cmp.Compare(a.at, b.at) })
	return out
}

// produce writes spans as records of a few spans each, and notes when.
func produce(ctx context.Context, to *bus.Producer, g *demo.Generator, m *demo.Maker, spans []order) error {
	now := time.Now().Truncate(time.Millisecond)
	for i := range spans {
		spans[i].received = now
	}
	var records []pipeline.Record
	for part := range slices.Chunk(spans, 40) {
		records = append(records, pack(g, m, part)...)
	}
	if err := to.Produce(ctx, records); err != nil {
		return fmt.Errorf("produce: %w", err)
	}
	return nil
}

// pack makes records of spans, one for each partition and time of receipt.
func pack(g *demo.Generator, m *demo.Maker, spans []order) (out []pipeline.Record) {
	type to struct {
		partition int32
		milli     int64
	}
	open := make(map[to]int)
	for _, o := range spans {
		at := to{schema.PartitionOf(g.TraceID(o.trace), partitions), o.received.UnixMilli()}
		i, ok := open[at]
		if !ok {
			i = len(out)
			open[at] = i
			out = append(out, pipeline.Record{Topic: schema.TopicSpans, Partition: at.partition, Time: o.received})
		}
		from := demo.Position{Trace: o.trace, Span: o.span}
		out[i].Value = m.AppendPiece(out[i].Value, demo.Piece{From: from, To: demo.Position{Trace: o.trace, Span: o.span + 1}, Spans: 1})
	}
	return out
}
