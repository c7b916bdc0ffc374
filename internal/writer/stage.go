package writer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/spanmill/spanmill/internal/dedup"
	"github.com/spanmill/spanmill/internal/pricing"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/otlp"
	"github.com/spanmill/spanmill/pkg/schema/semconv"
)

// stage is the writer's part of one partition's loop: it decodes a record,
// drops resends, gives GenAI meaning and appends columns. One goroutine owns it.
type stage struct {
	cfg     Config
	letters *deadLetters
	metrics *metrics
	meter   meter
	log     pipeline.Log

	decoder    otlp.Decoder
	normalizer *semconv.Normalizer
	pricer     *pricing.Pricer
	hasher     dedup.Hasher
	ring       *dedup.Ring
	told       dedup.Stats   // what the metrics have of the ring's
	windows    *atomic.Int64 // bytes of all partitions' rings
	window     int64         // of them, this one's
	partitions int           // of the topic

	// stored asks the table for spans that may have been driven again before.
	stored func(context.Context, LifeQuery) ([]SpanLife, error)
	lives  lives

	builds *builds
	*build // of the open batch

	retention uint16 // of the open batch
	exclude   []pipeline.Range
	days      daySet // of the open batch's spans
	batchLog  string // pipeline.Log.ID of the open batch

	record  *pipeline.Record // weighed last
	tenant  string
	expID   string
	life    life
	decoded []schema.Span
	rows    []placed       // spans of record to be stored
	resent  schema.Indices // spans of record that are stored already
	place   placer
	group   [group]schema.SpanRow // rows of record on their way into columns
	scratch [group]schema.GenAI   // what they mean
}

// placed is a span to be stored: its place in the decoded record, and its day.
type placed struct {
	span  int
	day   uint16
	flags schema.TimeFlags
}

var _ pipeline.Stage = (*stage)(nil)

func newStage(w *Writer, log pipeline.Log, partitions int) *stage {
	return &stage{
		cfg: w.cfg, letters: w.letters, metrics: w.metrics, meter: w.metrics.meter(log), log: log,
		normalizer: semconv.New(),
		pricer:     pricing.NewPricer(w.books),
		// The topic's id keys the fingerprints: every consumer of the topic has
		// it, and a client that might work out collisions does not.
		hasher:     dedup.NewHasher(string(log.TopicID[:])),
		ring:       dedup.New(w.cfg.Dedup),
		windows:    &w.windows,
		partitions: partitions,
		stored:     w.store.Stored,
		builds:     w.builds,
		place:      placer{maxDays: w.cfg.Pipeline.Limits.MaxParts},
	}
}

// Config names what decides a row's day besides the log: the retention in days.
func (s *stage) Config() string { return strconv.Itoa(s.cfg.RetentionDays) }

// Forget implements pipeline.Stage.
func (s *stage) Forget() {
	s.ring.Reset()
	s.told = dedup.Stats{}
}

// Warmed implements pipeline.Stage.
func (s *stage) Warmed() bool { return s.ring.Full() }

// WarmFrom implements pipeline.Stage.
func (s *stage) WarmFrom() int64 { return s.ring.Oldest() }

// Warm implements pipeline.Stage. Undecodable records never enter the ring.
func (s *stage) Warm(r *pipeline.Record) {
	spans, why := read(&s.decoder, r)
	if why.cause != nil {
		return
	}
	tenant := tenantOf(r)
	for i := range spans {
		if spans[i].Invalid == "" {
			s.see(tenant, &spans[i], r)
		}
	}
	s.told = s.ring.Stats() // met by the partition's last owner
}

func (s *stage) see(tenant string, span *schema.Span, r *pipeline.Record) (duplicate bool) {
	return s.ring.See(s.hasher.Key(tenant, span.TraceID, span.SpanID), r.Time.UnixMilli(), r.Offset)
}

// Begin implements pipeline.Stage.
func (s *stage) Begin(id, config string, exclude []pipeline.Range) error {
	days, err := parseConfig(config)
	if err != nil {
		return err
	}
	s.retention, s.exclude, s.batchLog = days, exclude, id
	s.close()
	s.days = s.days[:0]
	s.lives.reset()
	s.meter.window(s.ring, s.cfg.Dedup.Spans, s.told)
	s.countWindow(int64(s.ring.Bytes()))
	s.told = s.ring.Stats()
	return nil
}

// parseConfig reads what Config gives.
func parseConfig(config string) (retention uint16, err error) {
	days, err := strconv.ParseUint(config, 10, 16)
	if err != nil || days == 0 {
		return 0, fmt.Errorf("batch config %q: want a retention in days", config)
	}
	return uint16(days), nil
}

// Open implements pipeline.Stage.
func (s *stage) Open(ctx context.Context, received time.Time) (err error) {
	s.build, err = s.builds.lend(ctx, received)
	return err
}

// end gives back all that the partition held.
func (s *stage) end() {
	s.close()
	s.countWindow(0)
}

// countWindow tells the writer how much memory this partition's window holds.
func (s *stage) countWindow(bytes int64) {
	s.windows.Add(bytes - s.window)
	s.window = bytes
}

// close gives back what the last batch was built in.
func (s *stage) close() {
	s.builds.back(s.build)
	s.build = nil
}

// read decodes a record. The letter's cause is nil unless it cannot be used.
func read(d *otlp.Decoder, r *pipeline.Record) ([]schema.Span, letter) {
	if len(r.Value) == 0 {
		return nil, letter{ReasonEmpty, errors.New("the record has no value"), -1, nil}
	}
	if v := r.Header(schema.HeaderVersion); v != "" && v != schema.SpansVersion {
		return nil, letter{ReasonVersion, fmt.Errorf("format version %q, this binary knows %s", v, schema.SpansVersion), -1, nil}
	}
	spans, err := d.Decode(r.Value)
	return spans, letter{ReasonUndecodable, err, -1, nil}
}

// Weigh implements pipeline.Stage.
func (s *stage) Weigh(ctx context.Context, r *pipeline.Record) (pipeline.Weight, error) {
	if s.lives.open(r.Offset) {
		s.countPartitions(ctx)
	}
	spans, why := read(&s.decoder, r)
	s.hold(r, spans)
	if why.cause != nil {
		return pipeline.Weight{}, s.letters.publish(ctx, r, why)
	}
	skip := slices.ContainsFunc(s.exclude, func(x pipeline.Range) bool { return x.Contains(r.Offset) })
	var again []int
	for i := range s.decoded {
		span := &s.decoded[i]
		if span.Invalid != "" {
			continue
		}
		// A re-driven span is seen, as every sight counts, and bypasses the rule:
		// its first life may have been seen and not stored.
		duplicate := s.see(s.tenant, span, r)
		switch {
		case s.life.again:
			if s.life.means(span.Index) {
				again = append(again, i)
			}
			continue
		case duplicate:
			s.metrics.duplicates.Inc()
			s.resent = s.resent.With(span.Index)
		case !skip:
			s.keep(i)
		}
		if schema.PartitionOf(span.TraceID, s.partitions) != s.log.Partition {
			s.metrics.misplaced.Inc()
		}
	}
	if err := s.invalid(ctx); err != nil {
		return pipeline.Weight{}, err
	}
	if len(again) > 0 && !skip {
		if err := s.keepFresh(ctx, again); err != nil {
			return pipeline.Weight{}, err
		}
	}
	return pipeline.Weight{Rows: len(s.rows), Bytes: len(r.Value), Parts: s.place.days}, nil
}

// countPartitions keeps the count true, which grows when somebody adds some. It
// decides nothing but what is counted as misplaced.
func (s *stage) countPartitions(ctx context.Context) {
	if n, err := s.letters.producer.Partitions(ctx, s.log.Topic); err == nil {
		s.partitions = n
	}
}

// invalid publishes the held record once for its invalid spans; its valid ones
// flow on.
func (s *stage) invalid(ctx context.Context) error {
	var meant schema.Indices
	reason := ""
	for i := range s.decoded {
		if span := &s.decoded[i]; span.Invalid != "" && s.life.means(span.Index) {
			if meant == nil {
				reason = span.Invalid
			}
			meant = meant.With(span.Index)
		}
	}
	if meant == nil {
		return nil
	}
	cause := fmt.Errorf("invalid spans at %s, the first: %s", meant, reason)
	return s.letters.publish(ctx, s.record, letter{ReasonInvalidSpan, cause, int32(meant[0].First), meant})
}

// group is how many rows are made before their columns are filled.
const group = 64

// Add implements pipeline.Stage.
func (s *stage) Add() error {
	s.remember()
	for chunk := range slices.Chunk(s.rows, group) {
		s.addGroup(chunk)
	}
	return nil
}

func (s *stage) addGroup(places []placed) {
	s.normalizer.Forget()
	for i, p := range places {
		row := &s.group[i]
		*row = schema.SpanRow{
			GenAI: &s.scratch[i], Tenant: s.tenant, ReceivedMilli: s.life.received, RetentionDays: s.retention,
			Log: s.batchLog, Partition: s.log.Partition, Offset: s.record.Offset,
			Span: &s.decoded[p.span], PartDay: p.day, TimeFlags: p.flags,
		}
		row.Origin = s.life.spanOrigin(row.Span.Index)
		s.normalizer.Normalize(row.Span, row.GenAI)
		row.ExperimentID = experimentOf(s.expID, row.GenAI.ExperimentID)
		s.price(row)
		s.traces.add(row)
		s.days.add(p.day)
		if n := row.GenAI.Rejected; n > 0 {
			s.metrics.rejected.Add(float64(n))
		}
	}
	s.spans.Append(s.group[:len(places)])
}

// price gives the row its cost, by the time its record was received first.
func (s *stage) price(row *schema.SpanRow) {
	why := s.pricer.Price(row.Tenant, row.ReceivedMilli, row.Span, row.GenAI, &row.Cost)
	if row.GenAI.Billable {
		s.metrics.priced(why)
	}
}

// Tables implements pipeline.Stage.
func (s *stage) Tables(rng pipeline.Range) []pipeline.Table {
	var partDays daySet
	for i := range s.traces.parts {
		p := &s.traces.parts[i].TracePart
		p.Log, p.Partition, p.FirstOffset, p.LastOffset = s.batchLog, s.log.Partition, rng.First, rng.Last
		s.parts.Append(p)
		partDays.add(p.PartDay)
	}
	at := Place{Log: s.batchLog, Partition: s.log.Partition, Range: rng}
	return []pipeline.Table{
		&table{block: s.spans, at: at, days: s.days},
		&table{block: s.parts, at: at, days: partDays},
	}
}

func tenantOf(r *pipeline.Record) string {
	if t := r.Header(schema.HeaderTenant); t != "" {
		return t
	}
	return schema.DefaultTenant
}

func experimentOf(header, attribute string) string {
	switch {
	case header != "":
		return header
	case attribute != "":
		return attribute
	}
	return schema.DefaultExperiment
}

// daySet is the days of a block, in order of appearance: at most 51.
type daySet []uint16

func (d *daySet) add(day uint16) {
	if !slices.Contains(*d, day) {
		*d = append(*d, day)
	}
}
