package aggregator

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spanmill/spanmill/internal/aggregator/custom"
	"github.com/spanmill/spanmill/internal/dedup"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/otlp"
	"github.com/spanmill/spanmill/pkg/schema/semconv"
)

// Pricer says what a span costs, as the writer stores it, and may make it one
// that is not billed.
type Pricer interface {
	Cost(tenant string, received int64, span *schema.Span, g *schema.GenAI) schema.Count
}

// ReportedCost prices a span as it says itself.
type ReportedCost struct{}

// Cost implements Pricer.
func (ReportedCost) Cost(_ string, _ int64, _ *schema.Span, g *schema.GenAI) schema.Count {
	return g.CostNano
}

// core is what one partition's log comes to. It is pure: no clock, no I/O.
type core struct {
	cfg    Config
	log    pipeline.Log
	hasher dedup.Hasher
	ring   *dedup.Ring
	pricer Pricer

	decoder    otlp.Decoder
	normalizer *semconv.Normalizer
	genAI      schema.GenAI
	facts      facts
	in         []*series // of the span in hand, by the place of the view

	views     []view
	input     *custom.Input // nil: metrics.yaml defines nothing
	catalogue *catalogue
	window    *window
	counts    counts
}

// counts are what a core has met.
type counts struct {
	spans, duplicates, invalid, undecodable, rejected uint64 // rejected: re-driven, counted in their first life
	normalised, refused                               uint64
	failed                                            uint64 // expressions of metrics.yaml, and values that they gave
}

func newCore(cfg Config, log pipeline.Log, pricer Pricer) *core {
	all, in := ownViews(cfg.Own)
	return &core{
		views: all, input: in, cfg: cfg, log: log, pricer: pricer,
		// The topic's id keys the fingerprints, as the writer has it.
		hasher:     dedup.NewHasher(string(log.TopicID[:])),
		ring:       dedup.New(cfg.Dedup),
		normalizer: semconv.New(),
		in:         make([]*series, len(all)),
		catalogue:  newCatalogue(all, cfg.MaxSeries),
		window:     newWindow(cfg.Window, cfg.WindowSpans),
	}
}

// forget makes the core know nothing of the log.
func (c *core) forget() {
	c.ring.Reset()
	c.catalogue.clear()
	c.catalogue.forget()
	c.window.forgetAll()
	c.counts = counts{}
}

// ready ends recalling: what was met so far was met by the last owner.
func (c *core) ready() {
	c.counts = counts{}
	clear(c.catalogue.overflown)
	c.window.unresolved, c.window.early = 0, 0
}

// standsOn is the least offset whose records decide about the one at next:
// those of the window and of its generation.
func (c *core) standsOn(next int64) int64 {
	return max(0, min(next-c.cfg.Window, next-next%c.cfg.Window))
}

// recall shows the core a record from before the first to be counted. What it
// adds was sent by the partition's last owner; before from, which is as far as
// decisions stand on, it is only seen.
func (c *core) recall(r *pipeline.Record, from int64) {
	if r.Offset >= from {
		c.take(r)
		c.catalogue.clear()
		return
	}
	spans, err := c.read(r)
	if err != nil {
		return
	}
	tenant := tenantOf(r)
	for i := range spans {
		if spans[i].Invalid == "" {
			c.see(tenant, &spans[i], r)
		}
	}
}

func (c *core) see(tenant string, span *schema.Span, r *pipeline.Record) (fp dedup.Fingerprint, duplicate bool) {
	fp = c.hasher.Key(tenant, span.TraceID, span.SpanID)
	return fp, c.ring.See(fp, r.Time.UnixMilli(), r.Offset)
}

// read decodes a record; what the writer makes a dead letter is an error.
func (c *core) read(r *pipeline.Record) ([]schema.Span, error) {
	if len(r.Value) == 0 {
		return nil, errors.New("the record has no value")
	}
	if v := r.Header(schema.HeaderVersion); v != "" && v != schema.SpansVersion {
		return nil, fmt.Errorf("format version %q, this binary knows %s", v, schema.SpansVersion)
	}
	return c.decoder.Decode(r.Value)
}

// take adds what a record's spans tell.
func (c *core) take(r *pipeline.Record) {
	c.catalogue.enter(r.Offset / c.cfg.Window)
	spans, err := c.read(r)
	if err != nil {
		c.counts.undecodable++
		return
	}
	at := arrival{tenantOf(r), r.Header(schema.HeaderExperiment), r.Time.UnixMilli()}
	life := lifeOf(r)
	if life.again {
		at.received = life.received
	}
	for i := range spans {
		span := &spans[i]
		if span.Invalid != "" {
			c.counts.invalid++
			continue
		}
		fp, duplicate := c.see(at.tenant, span, r)
		switch {
		case !life.means(span.Index):
		case life.again && life.counted:
			c.counts.rejected++
		case duplicate:
			c.counts.duplicates++
		default:
			c.count(span, at, fp, r.Offset)
		}
	}
}

// count adds one span.
func (c *core) count(span *schema.Span, at arrival, fp dedup.Fingerprint, offset int64) {
	c.counts.spans++
	g, f := &c.genAI, &c.facts
	c.normalizer.Forget()
	c.normalizer.Normalize(span, g)
	f.gather(span, g, at, c.pricer.Cost(at.tenant, at.received, span, g))
	f.fp = fp
	if !f.root {
		f.parent = c.hasher.Key(at.tenant, span.TraceID, span.ParentSpanID)
	}
	c.counts.normalised += uint64(f.normalised)
	c.counts.refused += uint64(f.refused)
	if c.input != nil {
		c.input.Set(span, g, f.told())
	}
	for i := range c.views {
		c.in[i] = nil
		switch v := &c.views[i]; {
		case v.of == choices:
			c.finish(i)
		case v.own != nil:
			if f.of[v.of] {
				c.countOwn(i, v)
			}
		case f.of[v.of]:
			c.in[i] = c.catalogue.find(i, f)
			c.catalogue.add(c.in[i], f)
		}
	}
	c.window.add(c.catalogue, f, offset, c.in)
}

// finish counts a span once for each of its choices.
func (c *core) finish(i int) {
	f := &c.facts
	for _, reason := range f.reasons {
		f.labels[dimReason] = reason
		c.catalogue.observe(c.catalogue.find(i, f), f.pane, finished, f.values[spanCount])
	}
}

// life is which life of its content a record is, as the writer reads it. The
// zero value is the first.
type life struct {
	again    bool
	counted  bool           // its spans were counted in their first life
	only     schema.Indices // spans meant; nil: all
	received int64          // milliseconds
}

func lifeOf(r *pipeline.Record) (l life) {
	text := r.Header(schema.HeaderOrigin)
	if text == "" {
		return l
	}
	origin, err := schema.ParseOrigin(text)
	if err != nil || origin.Topic != r.Topic || origin.Partition != r.Partition {
		return l
	}
	l.again, l.received = true, r.Time.UnixMilli()
	if milli, err := strconv.ParseInt(r.Header(schema.HeaderReceived), 10, 64); err == nil {
		l.received = milli
	}
	if only, err := schema.ParseIndices(r.Header(schema.HeaderSpans)); err == nil {
		l.only = only
	}
	l.counted = r.Header(schema.HeaderReason) == schema.ReasonRejected
	return l
}

// means reports whether the record is about its i-th span.
func (l life) means(i uint32) bool { return l.only == nil || l.only.Contains(i) }

// tenantOf is the record's tenant, as the writer has it.
func tenantOf(r *pipeline.Record) string {
	if t := r.Header(schema.HeaderTenant); t != "" {
		return t
	}
	return schema.DefaultTenant
}
