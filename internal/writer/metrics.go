package writer

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/spanmill/spanmill/internal/dedup"
	"github.com/spanmill/spanmill/internal/pricing"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

// metrics of all partitions this writer owns.
type metrics struct {
	rows                   prometheus.Counter
	eventRows              prometheus.Counter
	deletions              prometheus.Counter
	deleted                prometheus.Counter
	undeleted              prometheus.Counter
	compacted, uncompacted prometheus.Counter
	sweeps                 prometheus.Histogram
	listed                 prometheus.Counter
	rollupRows             prometheus.Counter
	bytes                  prometheus.Counter
	batches                prometheus.Counter
	duplicates             prometheus.Counter
	misplaced              prometheus.Counter
	rejected               prometheus.Counter
	computed               prometheus.Counter
	unpriced               map[pricing.Reason]prometheus.Counter
	letters                *prometheus.CounterVec
	redriven               *prometheus.CounterVec
	lost                   prometheus.Counter
	recovered              *prometheus.CounterVec
	retries                *prometheus.CounterVec
	intentAge              *prometheus.GaugeVec
	retrying               *prometheus.GaugeVec
	dedupSpans             *prometheus.GaugeVec
	dedupBytes             *prometheus.GaugeVec
	dedupReach             *prometheus.GaugeVec
	dedupEarly             prometheus.Counter
	dedupLate              prometheus.Counter
	waited                 prometheus.Histogram
	took                   prometheus.Histogram
	batchRows              prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer) *metrics {
	f := promauto.With(reg)
	counter := func(name, help string) prometheus.Counter {
		return f.NewCounter(prometheus.CounterOpts{Name: "spanmill_writer_" + name, Help: help})
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return f.NewCounterVec(prometheus.CounterOpts{Name: "spanmill_writer_" + name, Help: help}, labels)
	}
	gauges := func(name, help string) *prometheus.GaugeVec {
		return f.NewGaugeVec(prometheus.GaugeOpts{Name: "spanmill_writer_" + name, Help: help}, []string{"partition"})
	}
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		return f.NewHistogram(prometheus.HistogramOpts{Name: "spanmill_writer_" + name, Help: help, Buckets: buckets})
	}
	times := prometheus.ExponentialBuckets(0.005, 2, 14)
	m := &metrics{
		rows:        counter("rows_total", "Span rows inserted and committed."),
		eventRows:   counter("event_rows_total", "Rows of the tables of events inserted and committed."),
		deletions:   counter("deletions_looked_at_total", "Deletions of traces whose rows were looked for."),
		deleted:     counter("deleted_rows_total", "Rows deleted because their trace was."),
		compacted:   counter("compacted_days_total", "Days of metrics that were added up, into minutes and into hours."),
		uncompacted: counter("compaction_failures_total", "Rounds of adding up days of metrics that failed; the next one does what is left."),
		undeleted:   counter("deletion_failures_total", "Rounds of deleting that failed; the next one does what is left."),
		sweeps:      histogram("deletion_seconds", "Time of a round of deleting.", times),
		listed:      counter("experiments_total", "Changes of experiments stored."),
		rollupRows:  counter("rollup_rows_total", "Rows of table rollups inserted and committed."),
		bytes:       counter("record_bytes_total", "Bytes of the records inserted and committed."),
		batches:     counter("batches_total", "Batches inserted and committed."),
		duplicates:  counter("duplicate_spans_total", "Spans dropped as resends (Rule D)."),
		misplaced:   counter("misplaced_spans_total", "Spans found in a partition that is not their trace's."),
		rejected:    counter("rejected_values_total", "Attribute values that could not be used, such as a negative token count."),
		computed:    counter("priced_spans_total", "Billable spans whose cost was computed."),
		unpriced:    make(map[pricing.Reason]prometheus.Counter),
		letters:     counters("dead_letters_total", "Dead letters published, by reason.", "reason"),
		lost:        counter("lost_records_total", "Records that expired or were cut off before they were stored, given up on because a person said so; at most so many."),
		redriven:    counters("redriven_spans_total", "Spans of re-driven dead letters: to be stored, or there already.", "outcome"),
		recovered:   counters("recovered_intents_total", "Open intents adopted, by the state their batch was found in.", "state"),
		retries:     counters("insert_retries_total", "Insert attempts that failed and are made again.", "class"),
		intentAge:   gauges("intent_opened_timestamp_seconds", "When the open intent's batch began, 0 when none is open."),
		retrying:    gauges("retrying_since_timestamp_seconds", "When the open batch's first insert failed, 0 when none has."),
		dedupSpans:  gauges("dedup_spans", "Spans the deduplication window holds."),
		dedupBytes:  gauges("dedup_bytes", "Memory of the deduplication window."),
		dedupReach:  gauges("dedup_reach_seconds", "Record time that the deduplication window covers; while it is full and this is below H, K is too small for H."),
		dedupEarly:  counter("dedup_forgotten_spans_total", "Spans forgotten by the deduplication window at K though H was not over."),
		dedupLate:   counter("dedup_late_spans_total", "Spans stored again because they were last seen more than H ago."),
		waited:      histogram("batch_wait_seconds", "Age of a batch when it was cut.", times),
		took:        histogram("batch_seconds", "Time from cut to final commit.", times),
		batchRows:   histogram("batch_rows", "Rows of a batch.", prometheus.ExponentialBuckets(1, 4, 10)),
	}
	// Series that are not there before their first event look like no increase.
	for _, reason := range []string{ReasonEmpty, ReasonVersion, ReasonUndecodable, ReasonInvalidSpan, ReasonInvalidEvent, ReasonRejected} {
		m.letters.WithLabelValues(reason)
	}
	unpriced := counters("unpriced_spans_total", "Billable spans whose cost could not be computed, by reason.", "reason")
	for _, why := range pricing.Reasons() {
		m.unpriced[why] = unpriced.WithLabelValues(string(why))
	}
	return m
}

// priced counts a billable span: the reason says why it has no computed cost.
func (m *metrics) priced(why pricing.Reason) {
	if why == pricing.Priced {
		m.computed.Inc()
		return
	}
	m.unpriced[why].Inc()
}

// meter reports one partition's loop.
type meter struct {
	*metrics
	partition string
	stored    prometheus.Counter // rows
	failing   *bool              // the open batch was tried and failed
}

var _ pipeline.Meter = meter{}

// meter counts a partition under its number, one of another topic than spans as
// topic/N.
func (m *metrics) meter(log pipeline.Log) meter {
	partition := strconv.Itoa(int(log.Partition))
	switch log.Topic {
	case schema.TopicEvents:
		return meter{m, log.Topic + "/" + partition, m.eventRows, new(bool)}
	case schema.TopicRollups:
		return meter{m, log.Topic + "/" + partition, m.rollupRows, new(bool)}
	}
	return meter{m, partition, m.rows, new(bool)}
}

// Recovered implements pipeline.Meter.
func (m meter) Recovered(state string) { m.recovered.WithLabelValues(state).Inc() }

// Retried implements pipeline.Meter.
func (m meter) Retried(err error) {
	m.retries.WithLabelValues(classOf(err)).Inc()
	if *m.failing {
		return
	}
	*m.failing = true
	m.retrying.WithLabelValues(m.partition).Set(seconds(time.Now()))
}

// Lost implements pipeline.Meter.
func (m meter) Lost(r pipeline.Range) { m.lost.Add(float64(r.Last - r.First + 1)) }

// IntentOpened implements pipeline.Meter.
func (m meter) IntentOpened(at time.Time) {
	m.intentAge.WithLabelValues(m.partition).Set(seconds(at))
}

// IntentClosed implements pipeline.Meter.
func (m meter) IntentClosed() {
	m.intentAge.WithLabelValues(m.partition).Set(0)
	m.retrying.WithLabelValues(m.partition).Set(0)
	*m.failing = false
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// Stored implements pipeline.Meter.
func (m meter) Stored(b pipeline.Stored) {
	m.stored.Add(float64(b.Rows))
	m.bytes.Add(float64(b.Bytes))
	m.batches.Inc()
	m.waited.Observe(b.Waited.Seconds())
	m.took.Observe(b.Took.Seconds())
	m.batchRows.Observe(float64(b.Rows))
}

// window shows the state of the deduplication window, of whose statistics those
// before are counted already.
func (m meter) window(r *dedup.Ring, k int, before dedup.Stats) {
	now := r.Stats()
	m.dedupEarly.Add(float64(now.Early - before.Early))
	m.dedupLate.Add(float64(now.Late - before.Late))
	m.dedupReach.WithLabelValues(m.partition).Set(r.Covers().Seconds())
	m.dedupSpans.WithLabelValues(m.partition).Set(float64(min(r.Seen(), uint64(k))))
	m.dedupBytes.WithLabelValues(m.partition).Set(float64(r.Bytes()))
}

// forget drops the series of a partition that is no longer ours.
func (m meter) forget() {
	for _, g := range []*prometheus.GaugeVec{m.intentAge, m.retrying, m.dedupSpans, m.dedupBytes, m.dedupReach} {
		g.DeleteLabelValues(m.partition)
	}
}
