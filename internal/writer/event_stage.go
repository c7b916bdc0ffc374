package writer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

// eventStage is the writer's part of one partition of topic events: a row for
// each event, in the table of its kind. It remembers nothing of earlier
// records: an event that is sent twice says the same twice, and the later one
// wins.
type eventStage struct {
	cfg     Config
	letters *deadLetters
	metrics *metrics
	log     pipeline.Log

	builds *builds
	*build // of the open batch

	retention   uint16 // of the open batch
	exclude     []pipeline.Range
	batchLog    string // pipeline.Log.ID of the open batch
	incarnation uint32 // of it

	behind int64            // offset behind the record seen last, -1: none
	record *pipeline.Record // weighed last
	life   life
	rows   []placedEvent // events of record to be stored
	place  placer
}

// placedEvent is an event to be stored: its place among the build's tables, and
// its day.
type placedEvent struct {
	event *schema.Event
	table int
	day   uint16
}

var _ pipeline.Stage = (*eventStage)(nil)

func newEventStage(w *Writer, log pipeline.Log) *eventStage {
	return &eventStage{
		cfg: w.cfg, letters: w.letters, metrics: w.metrics, log: log, builds: w.events, behind: -1,
		place: placer{maxDays: w.cfg.Pipeline.Limits.MaxParts},
	}
}

// Config is that of topic spans.
func (s *eventStage) Config() string { return strconv.Itoa(s.cfg.RetentionDays) }

// Forget implements pipeline.Stage.
func (s *eventStage) Forget() { s.behind = -1 }

// Warm implements pipeline.Stage.
func (s *eventStage) Warm(r *pipeline.Record) { s.behind = r.Offset + 1 }

// Warmed implements pipeline.Stage.
func (s *eventStage) Warmed() bool { return true }

// WarmFrom implements pipeline.Stage: nothing has to be read again.
func (s *eventStage) WarmFrom() int64 { return s.behind }

// Begin implements pipeline.Stage.
func (s *eventStage) Begin(id, config string, exclude []pipeline.Range) (err error) {
	if s.retention, err = parseConfig(config); err != nil {
		return err
	}
	_, incarnation, _ := strings.Cut(id, "/")
	n, err := strconv.ParseUint(incarnation, 10, 32)
	if err != nil {
		return fmt.Errorf("log %q has no incarnation: %w", id, err)
	}
	s.exclude, s.batchLog, s.incarnation = exclude, id, uint32(n)
	s.close()
	return nil
}

// Open implements pipeline.Stage.
func (s *eventStage) Open(ctx context.Context, received time.Time) (err error) {
	s.build, err = s.builds.lend(ctx, received)
	return err
}

// close gives back what the last batch was built in.
func (s *eventStage) close() {
	s.builds.back(s.build)
	s.build = nil
}

// readEvents decodes a record. The letter's cause is nil unless it cannot be
// used.
func readEvents(r *pipeline.Record) ([]schema.Event, letter) {
	if len(r.Value) == 0 {
		return nil, letter{ReasonEmpty, errors.New("the record has no value"), -1, nil}
	}
	if v := r.Header(schema.HeaderVersion); v != "" && v != schema.EventsVersion {
		return nil, letter{ReasonVersion, fmt.Errorf("format version %q, this binary knows %s", v, schema.EventsVersion), -1, nil}
	}
	events, err := schema.DecodeEvents(r.Value)
	return events, letter{ReasonUndecodable, err, -1, nil}
}

// Weigh implements pipeline.Stage.
func (s *eventStage) Weigh(ctx context.Context, r *pipeline.Record) (pipeline.Weight, error) {
	s.behind = r.Offset + 1
	events, why := readEvents(r)
	s.hold(r)
	if why.cause != nil {
		return pipeline.Weight{}, s.letters.publish(ctx, r, why)
	}
	if err := s.invalid(ctx, events); err != nil {
		return pipeline.Weight{}, err
	}
	if !slices.ContainsFunc(s.exclude, func(x pipeline.Range) bool { return x.Contains(r.Offset) }) {
		s.keep(events)
	}
	return pipeline.Weight{Rows: len(s.rows), Bytes: len(r.Value), Parts: s.place.days}, nil
}

// hold makes r the record that Add appends from.
func (s *eventStage) hold(r *pipeline.Record) {
	clear(s.rows) // lets go of the events
	s.record, s.rows, s.life = r, s.rows[:0], lifeOf(r)
	s.place.reset(s.life.received, s.retention)
}

// keep marks the usable events as rows to be.
func (s *eventStage) keep(events []schema.Event) {
	kinds := schema.StoredKinds()
	for i := range events {
		e := &events[i]
		if e.Invalid != "" || !s.life.means(e.Index) {
			continue
		}
		s.rows = append(s.rows, placedEvent{e, slices.Index(kinds, e.Kind), s.day(e)}) // DecodeEvents calls others invalid
	}
}

// day is the day of the trace where the event says it, of content and business
// events their own, else that of receipt.
func (s *eventStage) day(e *schema.Event) uint16 {
	var start uint64
	switch {
	case e.Content != nil:
		start = e.Content.TimeNano
	case e.Business != nil:
		start = e.Business.TimeNano
	case e.Info != nil:
		start = uint64(min(max(e.Info.RequestMilli, 0), math.MaxInt64/nanoPerMill)) * nanoPerMill
	}
	if start == 0 {
		return s.place.today()
	}
	day, _ := s.place.place(start, start)
	return day
}

// invalid publishes the held record once for its unusable events; the others
// flow on.
func (s *eventStage) invalid(ctx context.Context, events []schema.Event) error {
	var meant schema.Indices
	reason := ""
	for i := range events {
		if e := &events[i]; e.Invalid != "" && s.life.means(e.Index) {
			if meant == nil {
				reason = e.Invalid
			}
			meant = meant.With(e.Index)
		}
	}
	if meant == nil {
		return nil
	}
	cause := fmt.Errorf("unusable events at %s, the first: %s", meant, reason)
	return s.letters.publish(ctx, s.record, letter{ReasonInvalidEvent, cause, int32(meant[0].First), meant})
}

// Add implements pipeline.Stage. A re-driven event has the version of its first
// life: what was said after that still wins.
func (s *eventStage) Add() error {
	row := schema.EventRow{
		Tenant: tenantOf(s.record), ReceivedMilli: s.life.received,
		Log: s.batchLog, Partition: s.log.Partition, Offset: s.record.Offset,
	}
	first := s.record.Offset
	if s.life.again {
		first = s.life.origin.Offset
	}
	for _, p := range s.rows {
		row.Event, row.PartDay, row.RetentionDays = p.event, p.day, s.retention
		if p.event.Kind == schema.EventTraceDeleted {
			row.RetentionDays = schema.KeptDeletion(s.retention)
		}
		row.Version = schema.VersionOf(s.incarnation, first, p.event.Index)
		row.Origin = s.life.spanOrigin(p.event.Index)
		t := &s.events[p.table]
		t.block.Append(&row)
		t.days.add(p.day)
	}
	return nil
}

// Tables implements pipeline.Stage.
func (s *eventStage) Tables(rng pipeline.Range) []pipeline.Table {
	at := Place{Log: s.batchLog, Partition: s.log.Partition, Range: rng}
	var out []pipeline.Table
	for i := range s.events {
		out = append(out, &table{block: s.events[i].block, at: at, days: s.events[i].days})
	}
	return out
}

// Probe implements pipeline.Stage.
func (s *eventStage) Probe(ctx context.Context, records []pipeline.Record) error {
	p := &eventStage{
		cfg: s.cfg, letters: s.letters, metrics: s.metrics, log: s.log, build: s.builds.scratch(),
		retention: s.retention, batchLog: s.batchLog, incarnation: s.incarnation, place: placer{maxDays: s.place.maxDays},
	}
	for i := range records {
		events, why := readEvents(&records[i])
		if why.cause != nil {
			continue // a dead letter already, no part of the batch
		}
		p.hold(&records[i])
		p.keep(events)
		if err := p.Add(); err != nil {
			return err
		}
	}
	for i := range p.events {
		if err := p.events[i].block.Probe(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Reject implements pipeline.Stage. The letter stands for the events that the
// batch would have stored.
func (s *eventStage) Reject(ctx context.Context, r *pipeline.Record, cause error) error {
	events, why := readEvents(r)
	if why.cause != nil {
		return nil //nolint:nilerr // a dead letter already, no part of the batch
	}
	life := lifeOf(r)
	var meant schema.Indices
	for i := range events {
		if e := &events[i]; e.Invalid == "" && life.means(e.Index) {
			meant = meant.With(e.Index)
		}
	}
	if meant == nil {
		return nil // nothing of it was to be stored
	}
	return s.letters.publish(ctx, r, letter{ReasonRejected, cause, -1, meant})
}
