package aggregator

import (
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/spanmill/spanmill/pkg/pipeline"
)

// metrics of all partitions this aggregator owns. A count is added once what it
// tells of is committed.
type metrics struct {
	spans, duplicates, invalid, undecodable, rejected prometheus.Counter
	normalised, refused, failed, unresolved, early    prometheus.Counter
	records, bytes, partials                          prometheus.Counter
	overflown                                         *prometheus.CounterVec
	took                                              prometheus.Histogram
	series, held                                      *prometheus.GaugeVec
	events                                            toldMetrics
}

func newMetrics(reg prometheus.Registerer) *metrics {
	f := promauto.With(reg)
	counter := func(name, help string) prometheus.Counter {
		return f.NewCounter(prometheus.CounterOpts{Name: "spanmill_aggregator_" + name, Help: help})
	}
	gauges := func(name, help string) *prometheus.GaugeVec {
		return f.NewGaugeVec(prometheus.GaugeOpts{Name: "spanmill_aggregator_" + name, Help: help}, []string{"partition"})
	}
	m := &metrics{
		spans:       counter("spans_total", "Spans counted and committed."),
		duplicates:  counter("duplicate_spans_total", "Spans left out as resends (Rule D)."),
		invalid:     counter("invalid_spans_total", "Spans left out because they have no usable ids; the writer makes them dead letters."),
		undecodable: counter("undecodable_records_total", "Records left out because they cannot be decoded; the writer makes them dead letters."),
		rejected:    counter("redriven_spans_total", "Spans of re-driven dead letters that were counted in their first life."),
		normalised:  counter("normalised_names_total", "Names whose ids, numbers or length were taken out before they became labels."),
		refused:     counter("refused_values_total", "Values beyond 2^53, which no sum could hold many of."),
		failed:      counter("custom_failures_total", "Times that a span was left out of a metric of metrics.yaml: its expression failed, or its value was out of range."),
		unresolved:  counter("self_time_unresolved_spans_total", "Spans whose parent did not come within the window: its self time includes theirs."),
		early:       counter("window_early_spans_total", "Spans that left the window because it held too many, before they were out of reach."),
		records:     counter("rollup_records_total", "Records produced to topic rollups and committed."),
		bytes:       counter("rollup_bytes_total", "Bytes of those records before compression."),
		partials:    counter("rollup_partials_total", "Panes of series in those records."),
		overflown: f.NewCounterVec(prometheus.CounterOpts{
			Name: "spanmill_aggregator_overflown_spans_total",
			Help: "Spans counted in __other__ because their tenant has too many series, by view.",
		}, []string{"view"}),
		took: f.NewHistogram(prometheus.HistogramOpts{
			Name: "spanmill_aggregator_flush_seconds", Help: "Time of one transaction.", Buckets: prometheus.ExponentialBuckets(0.002, 2, 14),
		}),
		series: gauges("series", "Series admitted in the present generation."),
		held:   gauges("window_spans", "Spans held for self time and retries."),
		events: newToldMetrics(f),
	}
	for _, v := range slices.Concat(views, toldViews) {
		m.overflown.WithLabelValues(v.name)
	}
	return m
}

// meter reports one partition.
type meter interface {
	// flushed counts what a transaction told.
	flushed(records []pipeline.Record, took time.Duration)
	// forget drops the series of a partition that is no longer ours.
	forget()
}

// spanMeter reports a partition of topic spans.
type spanMeter struct {
	*metrics
	core              *core
	partition         string
	told              counts
	unresolved, early uint64
}

func (m *metrics) meter(partition int32, c *core) *spanMeter {
	return &spanMeter{metrics: m, core: c, partition: strconv.Itoa(int(partition))}
}

// flushed implements meter.
func (m *spanMeter) flushed(records []pipeline.Record, took time.Duration) {
	c := m.core
	now, before := c.counts, m.told
	m.spans.Add(float64(now.spans - before.spans))
	m.duplicates.Add(float64(now.duplicates - before.duplicates))
	m.invalid.Add(float64(now.invalid - before.invalid))
	m.undecodable.Add(float64(now.undecodable - before.undecodable))
	m.rejected.Add(float64(now.rejected - before.rejected))
	m.normalised.Add(float64(now.normalised - before.normalised))
	m.refused.Add(float64(now.refused - before.refused))
	m.failed.Add(float64(now.failed - before.failed))
	m.told = now
	m.metrics.unresolved.Add(float64(c.window.unresolved - m.unresolved))
	m.metrics.early.Add(float64(c.window.early - m.early))
	m.unresolved, m.early = c.window.unresolved, c.window.early
	m.sent(c.catalogue, records, took)
	m.series.WithLabelValues(m.partition).Set(float64(len(c.catalogue.known)))
	m.held.WithLabelValues(m.partition).Set(float64(c.window.size()))
}

// sent counts what a transaction had.
func (m *metrics) sent(c *catalogue, records []pipeline.Record, took time.Duration) {
	for i, n := range c.overflown {
		m.overflown.WithLabelValues(c.views[i].name).Add(float64(n))
		c.overflown[i] = 0
	}
	m.records.Add(float64(len(records)))
	for i := range records {
		m.bytes.Add(float64(len(records[i].Value)))
	}
	m.partials.Add(float64(c.open))
	m.took.Observe(took.Seconds())
}

// forget implements meter.
func (m *spanMeter) forget() {
	m.series.DeleteLabelValues(m.partition)
	m.held.DeleteLabelValues(m.partition)
}
