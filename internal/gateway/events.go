package gateway

import (
	"context"
	"fmt"
	"time"

	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

// Publish takes in what is told about traces beside their spans: it produces
// one record for each partition that the events touch, and waits for the
// acknowledgement. nil: all of them are durable. The error is a *RefusalError;
// some of the events may have been taken then, and publishing them again does
// no harm, since later ones win. Events of one trace stay in order.
//
// The encoded events are taken from the doors' budget; what the caller made
// them of it bounds itself.
func (g *Gateway) Publish(ctx context.Context, tenant string, events []schema.Event) error {
	if len(events) == 0 {
		return nil
	}
	if err := g.admit(); err != nil {
		return err
	}
	partitions, err := g.deps.Producer.Partitions(ctx, schema.TopicEvents)
	if err != nil {
		return g.busRefusal(ctx, fmt.Errorf("count partitions: %w", err))
	}
	p := &packing{tenant: tenant, limit: g.cfg.MaxSpanBytes, budget: g.budget}
	defer p.giveBack()
	if err := p.pack(events, partitions); err != nil {
		return err
	}
	// A caller that goes away takes no records with it: see produce.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), g.cfg.ProduceTimeout)
	defer cancel()
	began := time.Now()
	err = g.deps.Producer.Produce(ctx, p.records)
	g.m.acked(time.Since(began), err)
	if err != nil {
		return g.busRefusal(ctx, err)
	}
	g.busWorks(ctx)
	g.m.published(events)
	return nil
}

// packing makes records of events.
type packing struct {
	tenant  string
	limit   int // bytes of a record
	budget  *budget
	taken   int
	records []pipeline.Record
}

func (p *packing) giveBack() { p.budget.give(p.taken) }

// pack groups events by partition, each partition's in their order.
func (p *packing) pack(events []schema.Event, partitions int) error {
	if len(events) == 1 { // as trace infos come
		return p.add(schema.PartitionOfKey(events[0].Key(), partitions), events)
	}
	by := make(map[int32][]schema.Event)
	var order []int32
	for i := range events {
		n := schema.PartitionOfKey(events[i].Key(), partitions)
		if _, met := by[n]; !met {
			order = append(order, n)
		}
		by[n] = append(by[n], events[i])
	}
	for _, n := range order {
		if err := p.add(n, by[n]); err != nil {
			return err
		}
	}
	return nil
}

// add makes one record of a partition's events, or halves them until each half
// fits one.
func (p *packing) add(partition int32, events []schema.Event) error {
	if len(events) <= schema.MaxEvents {
		value, err := schema.EncodeEvents(events)
		if err != nil {
			return &RefusalError{ReasonMalformed, "events that cannot be encoded", err}
		}
		if len(value) <= p.limit {
			return p.hold(partition, value)
		}
	}
	if len(events) == 1 {
		return refuse(ReasonTooLarge, fmt.Sprintf("one of the events is larger than %d bytes", p.limit))
	}
	half := len(events) / 2
	if err := p.add(partition, events[:half]); err != nil {
		return err
	}
	return p.add(partition, events[half:])
}

func (p *packing) hold(partition int32, value []byte) error {
	if !p.budget.take(len(value)) {
		return overloaded()
	}
	p.taken += len(value)
	p.records = append(p.records, pipeline.Record{
		Topic: schema.TopicEvents, Partition: partition, Value: value,
		Headers: []pipeline.Header{
			{Key: schema.HeaderTenant, Value: []byte(p.tenant)},
			{Key: schema.HeaderVersion, Value: []byte(schema.EventsVersion)},
		},
	})
	return nil
}
