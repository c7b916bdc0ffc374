package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/auth"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/otlp"
)

// Producer is the bus as the gateway needs it.
type Producer interface {
	// Partitions is the number of partitions of a topic, at least 1.
	Partitions(ctx context.Context, topic string) (int, error)
	// Produce returns nil once every record is acknowledged by all in-sync
	// replicas. Any error means: perhaps some were, send all again. It keeps
	// nothing of records or their values after it returned nil.
	Produce(ctx context.Context, records []pipeline.Record) error
}

// Dependencies are what the gateway leans on.
type Dependencies struct {
	Producer Producer
	// Admit says why nothing can be taken at the moment (the bus is full), nil
	// otherwise. It is asked for each request and does not block. It may be nil.
	Admit func() error
	Keys  *auth.Keys
	Log   *slog.Logger
	Reg   prometheus.Registerer
}

// Request is one trace request on its way in.
type Request struct {
	// Tenant owns the spans.
	Tenant string
	// Experiment is the MLflow experiment that the sender named, "" if none.
	Experiment string
	// Body is an ExportTraceServiceRequest in protobuf. It is not kept.
	Body []byte
}

// Result says what became of an ingested request's spans or log records.
type Result struct {
	// Accepted ones are durable.
	Accepted int
	// Rejects counts the others by reason.
	Rejects []otlp.Reject
}

// maxExperimentBytes bounds what becomes a header of every record.
const maxExperimentBytes = 256

// Gateway takes requests in. It is a service: Run opens the doors.
type Gateway struct {
	cfg  Config
	deps Dependencies
	log  *slog.Logger
	m    metrics

	budget    *budget
	buffers   *buffers
	inflaters *inflaters
	splits    sync.Pool // of *split
	decoders  sync.Pool // of *otlp.Decoder, for logs
	version   []byte
	failing   atomic.Bool // the last answer of the bus was an error

	ready              chan struct{}
	httpAddr, grpcAddr string // written before ready is closed
}

// New gives a gateway; it does nothing before Run or Ingest.
func New(cfg Config, deps Dependencies) *Gateway {
	registerEncodings()
	b := &budget{limit: int64(cfg.MaxInflightBytes)}
	g := &Gateway{
		cfg: cfg, deps: deps,
		log:       deps.Log.With("service", "gateway"),
		m:         newMetrics(deps.Reg, b),
		budget:    b,
		buffers:   newBuffers(b),
		inflaters: newInflaters(2 * runtime.GOMAXPROCS(0)),
		version:   []byte(schema.SpansVersion),
		ready:     make(chan struct{}),
	}
	limits := otlp.Limits{PackBytes: cfg.PackBytes, MaxSpanBytes: cfg.MaxSpanBytes}
	g.decoders.New = func() any { return new(otlp.Decoder) }
	g.splits.New = func() any { return &split{Splitter: otlp.NewSplitter(limits)} }
	return g
}

// split is what one Ingest works with. It is pooled, so that a request costs no
// memory of its own; Splitter.Reset bounds what one at rest holds.
type split struct {
	*otlp.Splitter
	records []pipeline.Record
	headers [3]pipeline.Header
}

// maxIdleRecords bounds the records that a split at rest keeps room for.
const maxIdleRecords = 1 << 12

// Ingest splits a request by partition, produces it and waits for the
// acknowledgement: when it returns nil, the accepted spans are durable. The
// error is a *RefusalError. This is the one way in. The bodies that the doors
// pass are in the budget already; another caller bounds what it holds itself.
func (g *Gateway) Ingest(ctx context.Context, r Request) (Result, error) {
	if err := g.admit(); err != nil {
		return Result{}, err
	}
	if len(r.Experiment) > maxExperimentBytes {
		return Result{}, refuse(ReasonExperiment, "the experiment id is longer than "+strconv.Itoa(maxExperimentBytes)+" bytes")
	}
	partitions, err := g.deps.Producer.Partitions(ctx, schema.TopicSpans)
	if err != nil {
		return Result{}, g.busRefusal(ctx, fmt.Errorf("count partitions: %w", err))
	}
	s, _ := g.splits.Get().(*split) // New gives nothing else
	if err := s.Split(r.Body, partitions); err != nil {
		g.release(s)
		return Result{}, malformed(otlp.Traces, err)
	}
	if err := g.produce(ctx, s, r); err != nil {
		// The producer may still hold on to the parts: leave them to the garbage
		// collector rather than write the next request over them.
		return Result{}, g.busRefusal(ctx, err)
	}
	g.busWorks(ctx)
	result := Result{Accepted: s.Accepted(), Rejects: append([]otlp.Reject(nil), s.Rejects()...)}
	g.release(s)
	g.m.landed(result)
	return result, nil
}

// admit refuses what the bus has no room for.
func (g *Gateway) admit() error {
	if g.deps.Admit == nil {
		return nil
	}
	if err := g.deps.Admit(); err != nil {
		return &RefusalError{ReasonBusFull, "the bus cannot take more at the moment: send again later", err}
	}
	return nil
}

// produce sends one record per part and waits for all acknowledgements.
func (g *Gateway) produce(ctx context.Context, s *split, r Request) error {
	parts := s.Parts()
	if len(parts) == 0 {
		return nil
	}
	headers := append(s.headers[:0],
		pipeline.Header{Key: schema.HeaderTenant, Value: []byte(r.Tenant)},
		pipeline.Header{Key: schema.HeaderVersion, Value: g.version})
	if r.Experiment != "" {
		headers = append(headers, pipeline.Header{Key: schema.HeaderExperiment, Value: []byte(r.Experiment)})
	}
	s.records = s.records[:0]
	for _, p := range parts {
		s.records = append(s.records, pipeline.Record{
			Topic: schema.TopicSpans, Partition: p.Partition, Value: p.Value, Headers: headers,
		})
	}
	// A client that goes away takes no records with it: they share batches with
	// those of others, and the client will send them again anyway.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), g.cfg.ProduceTimeout)
	defer cancel()
	began := time.Now()
	err := g.deps.Producer.Produce(ctx, s.records)
	g.m.acked(time.Since(began), err)
	return err
}

// release returns a split to the pool without anything of its request.
func (g *Gateway) release(s *split) {
	s.Reset()
	clear(s.records)
	if cap(s.records) > maxIdleRecords {
		s.records = nil
	}
	clear(s.headers[:])
	g.splits.Put(s)
}

// busRefusal words a failure of the bus. It logs when failures begin: a line
// per request would bury everything else.
func (g *Gateway) busRefusal(ctx context.Context, err error) error {
	if !g.failing.Swap(true) {
		g.log.WarnContext(ctx, "the bus does not take spans, requests are refused", "err", err)
	}
	return &RefusalError{ReasonProduceFailed, "the bus did not acknowledge the spans: send them again", err}
}

// busWorks logs the end of what busRefusal said.
func (g *Gateway) busWorks(ctx context.Context) {
	if g.failing.Load() && g.failing.Swap(false) {
		g.log.InfoContext(ctx, "the bus takes spans again")
	}
}

// identify finds out who is calling, from the headers authorization and
// x-api-key.
func (g *Gateway) identify(authorization, apiKey string) (auth.Identity, error) {
	id, err := g.deps.Keys.Authenticate(authorization, apiKey)
	if err != nil {
		return id, refuse(ReasonNoKey, err.Error())
	}
	if !id.May(auth.Write) {
		return id, refuse(ReasonForbidden, "the API key may read only: use one with the right 'write'")
	}
	return id, nil
}

// payload inflates what was sent, to bound bytes at most. It takes sent over: it returns it, or a
// buffer in its place, or nil.
func (g *Gateway) payload(ctx context.Context, sent *buffer, encoding string, bound int) (*buffer, error) {
	if encoding == "" || encoding == encodingIdentity || len(sent.bytes) == 0 {
		return sent, nil
	}
	defer g.buffers.put(sent)
	inflated := g.buffers.get()
	if err := g.inflaters.inflate(ctx, inflated, sent.bytes, encoding, bound); err != nil {
		g.m.inflated.Add(float64(len(inflated.bytes)))
		g.buffers.put(inflated)
		return nil, err
	}
	g.m.inflated.Add(float64(len(inflated.bytes)))
	return inflated, nil
}

// asRefusal gives the refusal behind an error of the door.
func asRefusal(err error) *RefusalError {
	if r, ok := errors.AsType[*RefusalError](err); ok {
		return r
	}
	return &RefusalError{ReasonIncomplete, "the request did not arrive whole", err}
}
