package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

func tag(trace, key, value string) schema.Event {
	return schema.Event{Kind: schema.EventTag, TraceID: trace, Tag: &schema.Tag{Key: key, Value: value}}
}

// published decodes what landed: by partition, in order.
func published(t *testing.T, b *fakeBus) (by map[int32][]schema.Event, records int) {
	t.Helper()
	by = make(map[int32][]schema.Event)
	for _, r := range b.records {
		events, err := schema.DecodeEvents(r.Value)
		if err != nil || r.Topic != schema.TopicEvents {
			t.Fatalf("a record of %s: %v", r.Topic, err)
		}
		if r.Header(schema.HeaderTenant) != "acme" || r.Header(schema.HeaderVersion) != schema.EventsVersion {
			t.Errorf("headers %v", r.Headers)
		}
		for i := range events {
			events[i].Index = 0
		}
		by[r.Partition] = append(by[r.Partition], events...)
	}
	return by, len(b.records)
}

// TestPublishGroupsByPartition: one record for each partition that is touched,
// that of the trace's spans, with the events in their order.
func TestPublishGroupsByPartition(t *testing.T) {
	b := setup(t)
	want := make(map[int32][]schema.Event)
	var events []schema.Event
	for i := range 100 {
		e := tag(fmt.Sprintf("%032x", i%20+1), "k", fmt.Sprint(i))
		id, _ := schema.ParseTraceID(e.TraceID)
		n := schema.PartitionOf(id, 4)
		want[n] = append(want[n], e)
		events = append(events, e)
	}
	if err := b.g.Publish(t.Context(), "acme", events); err != nil {
		t.Fatal(err)
	}
	got, records := published(t, b.bus)
	if diff := cmp.Diff(want, got); diff != "" || records != len(want) {
		t.Errorf("%d records, %d partitions (-want +got):\n%s", records, len(want), diff)
	}
	if n := testutil.ToFloat64(b.g.m.events.WithLabelValues("tag")); n != 100 {
		t.Errorf("counted %v", n)
	}
	if err := b.g.Publish(t.Context(), "acme", nil); err != nil {
		t.Errorf("no events: %v", err)
	}
}

// TestPublishSplitsWhatDoesNotFitARecord: each record stays below the bound, and
// the order of a trace's events holds.
func TestPublishSplitsWhatDoesNotFitARecord(t *testing.T) {
	b := setup(t, func(c *Config, _ *Dependencies) { c.MaxSpanBytes = 4 * kib })
	var events []schema.Event
	for i := range 20 {
		events = append(events, tag("x", fmt.Sprint(i), strings.Repeat("v", kib)))
	}
	if err := b.g.Publish(t.Context(), "acme", events); err != nil {
		t.Fatal(err)
	}
	got, records := published(t, b.bus)
	for _, r := range b.bus.records {
		if len(r.Value) > 4*kib {
			t.Errorf("a record of %d bytes", len(r.Value))
		}
	}
	if diff := cmp.Diff(events, got[schema.PartitionOfKey("x", 4)]); diff != "" || records < 5 {
		t.Errorf("%d records (-want +got):\n%s", records, diff)
	}
	err := b.g.Publish(t.Context(), "acme", []schema.Event{tag("x", "k", strings.Repeat("v", 5*kib))})
	if r := asRefusal(err); r.Reason != ReasonTooLarge || r.Retryable() {
		t.Errorf("one that never fits: %v", err)
	}
}

// TestPublishIsAckedOrRefused: nil only after all records were acknowledged, and
// what may succeed later says so.
func TestPublishIsAckedOrRefused(t *testing.T) {
	full := errors.New("full")
	var refuse error
	b := setup(t, func(_ *Config, d *Dependencies) { d.Admit = func() error { return refuse } })
	one := []schema.Event{tag("x", "k", "v")}
	b.bus.err = errors.New("no leader")
	if r := asRefusal(b.g.Publish(t.Context(), "acme", one)); r.Reason != ReasonProduceFailed || !r.Retryable() {
		t.Errorf("not acknowledged: %v", r)
	}
	b.bus.err, refuse = nil, full
	if r := asRefusal(b.g.Publish(t.Context(), "acme", one)); r.Reason != ReasonBusFull || !errors.Is(r, full) {
		t.Errorf("no room: %v", r)
	}
	refuse = nil
	b.g.budget.take(b.g.cfg.MaxInflightBytes)
	if r := asRefusal(b.g.Publish(t.Context(), "acme", one)); r.Reason != ReasonOverloaded {
		t.Errorf("no budget: %v", r)
	}
	b.g.budget.give(b.g.cfg.MaxInflightBytes)
	if err := b.g.Publish(t.Context(), "acme", one); err != nil || len(b.bus.records) != 1 {
		t.Errorf("%d records, %v", len(b.bus.records), err)
	}
	if n := b.g.budget.used.Load(); n != 0 {
		t.Errorf("%d bytes of the budget are not given back", n)
	}
}

// TestPublishWaitsForTheBus: a caller is not answered while a record is not.
func TestPublishWaitsForTheBus(t *testing.T) {
	b := setup(t)
	b.bus.entered, b.bus.release = make(chan context.Context, 1), make(chan error)
	done := make(chan error, 1)
	go func() { done <- b.g.Publish(t.Context(), "acme", []schema.Event{tag("x", "k", "v")}) }()
	<-b.bus.entered
	select {
	case err := <-done:
		t.Fatalf("answered before the bus did: %v", err)
	default:
	}
	b.bus.release <- nil
	if err := <-done; err != nil || !slices.ContainsFunc(b.bus.records, func(r pipeline.Record) bool { return r.Topic == schema.TopicEvents }) {
		t.Errorf("%v", err)
	}
}
