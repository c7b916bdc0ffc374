package aggregator

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spanmill/spanmill/internal/dedup"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// toldCore is what one partition of topic events comes to: what assessments and
// business events add to their series, and what is taken back when an assessment
// is changed or deleted. It is pure, as core is.
//
// It remembers a window of the log, by position: each event's id, so that one
// that is sent again does not count again, and each assessment as it was told in
// full last, with what changed it since. What it decides depends on that window
// alone, so a successor that reads the window decides the same.
type toldCore struct {
	cfg    Config
	log    pipeline.Log
	hasher dedup.Hasher

	catalogue *catalogue
	facts     facts // of the series in hand
	memory    *memory
	rules     scorers
	counts    toldCounts
}

// toldCounts are what a toldCore has met.
type toldCounts struct {
	assessed, happened                         uint64 // events that were counted
	duplicates, invalid, undecodable, rejected uint64
	// unresolved assessments were changed or deleted when what they had added was
	// known no more.
	unresolved, refused uint64
}

func newToldCore(cfg Config, log pipeline.Log) *toldCore {
	return &toldCore{
		cfg: cfg, log: log, hasher: dedup.NewHasher(string(log.TopicID[:])),
		catalogue: newCatalogue(toldViews, cfg.MaxSeries),
		memory:    newMemory(cfg.EventWindow, cfg.EventsHeld),
		rules:     scorersOf(cfg.Own),
	}
}

var _ tally = (*toldCore)(nil)

func (c *toldCore) forget() {
	c.catalogue.clear()
	c.catalogue.forget()
	c.memory = newMemory(c.cfg.EventWindow, c.cfg.EventsHeld)
	c.counts = toldCounts{}
}

func (c *toldCore) ready() {
	c.counts = toldCounts{}
	clear(c.catalogue.overflown)
	c.memory.early = 0
}

// standsOn implements tally: the generation of next, which decides what is
// admitted; the window before it, which has the assessments that are known there;
// and the one before that, which has the deletions that decided about those.
func (c *toldCore) standsOn(next int64) int64 {
	return max(0, next-next%c.cfg.EventWindow-2*c.cfg.EventWindow)
}

// recall implements tally. What lies before from decides nothing.
func (c *toldCore) recall(r *pipeline.Record, from int64) {
	if r.Offset >= from {
		c.take(r)
		c.catalogue.clear()
	}
}

func (c *toldCore) full() bool        { return true } // there is nothing to know from before the window
func (c *toldCore) oldest() int64     { return -1 }
func (c *toldCore) added() *catalogue { return c.catalogue }

// read decodes a record; what the writer makes a dead letter is an error.
func (c *toldCore) read(r *pipeline.Record) ([]schema.Event, error) {
	if len(r.Value) == 0 {
		return nil, errors.New("the record has no value")
	}
	if v := r.Header(schema.HeaderVersion); v != "" && v != schema.EventsVersion {
		return nil, fmt.Errorf("format version %q, this binary knows %s", v, schema.EventsVersion)
	}
	return schema.DecodeEvents(r.Value)
}

// take implements tally.
func (c *toldCore) take(r *pipeline.Record) {
	c.catalogue.enter(r.Offset / c.cfg.EventWindow)
	c.catalogue.release()
	c.memory.leave(r.Offset)
	list, err := c.read(r)
	if err != nil {
		c.counts.undecodable++
		return
	}
	at := telling{tenant: tenantOf(r), received: r.Time.UnixMilli(), offset: r.Offset}
	life := lifeOf(r)
	if life.again {
		at.received = life.received
	}
	for i := range list {
		e := &list[i]
		switch {
		case e.Invalid != "":
			c.counts.invalid++
		case !life.means(e.Index):
		case life.again && life.counted:
			c.counts.rejected++
		default:
			c.tell(e, at)
		}
	}
	c.counts.unresolved += c.memory.unresolved
	c.memory.unresolved = 0
}

// telling is how an event came.
type telling struct {
	tenant   string
	received int64 // Unix milliseconds
	offset   int64
}

func (c *toldCore) tell(e *schema.Event, at telling) {
	c.facts.tenant = at.tenant
	switch e.Kind {
	case schema.EventAssessment:
		c.assess(e, at)
	case schema.EventTraceDeleted:
		c.dropTrace(c.hasher.KeyOf(at.tenant, e.TraceID))
	case schema.EventBusiness:
		if c.memory.met(c.hasher.KeyOf(at.tenant, e.Business.ID), at.offset) {
			c.counts.duplicates++
			return
		}
		c.counts.happened++
		c.facts.eval = false
		c.business(e.Business, at)
	case schema.EventTraceInfo, schema.EventTag, schema.EventContent: // nothing is counted of them
	}
}

// pane is that of an instant, of receipt if the instant is not believed.
func (at telling) pane(nano uint64) int64 {
	now := uint64(max(at.received, 0)) * uint64(time.Millisecond)
	if nano == 0 || nano+uint64(mostPast) < now || nano > now+uint64(mostFuture) {
		nano = now
	}
	return rollup.PaneOf(nano)
}

// series finds a series of the tenant in hand.
func (c *toldCore) series(view int, labels ...string) *series {
	c.facts.own = append(c.facts.own[:0], labels...)
	return c.catalogue.find(view, &c.facts)
}

// addition is a place to which things are added, or from which they are taken
// back.
type addition struct {
	of      *series
	pane    int64
	retract bool
}

func (c *toldCore) put(a addition, m metric, value int64) {
	p := c.catalogue.pane(a.of, a.pane)
	if o := rollup.Of(value, rollup.Once); a.retract {
		p.view.definition(m).form.retract(p.partial(m), o)
	} else {
		p.add(m, o)
	}
}

// label makes a label of a name that people or code made up. It is kept for long,
// so what is only the beginning of a name does not hold the rest.
func label(name string) string {
	out, _, changed := normalName(name, nil)
	if changed {
		return strings.Clone(out)
	}
	return out
}
