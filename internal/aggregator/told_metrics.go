package aggregator

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/spanmill/spanmill/pkg/pipeline"
)

// toldMetrics are of the partitions of topic events.
type toldMetrics struct {
	assessed, happened, duplicates, leftOut, refused, unresolved, early prometheus.Counter
	held                                                                *prometheus.GaugeVec
}

func newToldMetrics(f promauto.Factory) toldMetrics {
	counter := func(name, help string) prometheus.Counter {
		return f.NewCounter(prometheus.CounterOpts{Name: "spanmill_aggregator_" + name, Help: help})
	}
	return toldMetrics{
		assessed:   counter("assessments_total", "Assessments that were told in full, counted and committed; each time that they were."),
		happened:   counter("business_events_total", "Business events counted and committed, each id once."),
		duplicates: counter("duplicate_business_events_total", "Business events left out because their id was met before."),
		leftOut:    counter("left_out_events_total", "Events left out because they cannot be used, or were counted before they were dead letters."),
		refused:    counter("refused_scores_total", "Scores beyond 9·10⁹, which no sum could hold many of."),
		unresolved: counter("assessment_unresolved_total", "Changes and deletions of assessments that are not in the window any more: what they had added stays."),
		early:      counter("event_window_early_total", "Events and assessments that were forgotten because too many were held, before they were out of reach."),
		held: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "spanmill_aggregator_events_held", Help: "Events and assessments remembered, by partition of topic events.",
		}, []string{"partition"}),
	}
}

// toldMeter reports a partition of topic events.
type toldMeter struct {
	*metrics
	core      *toldCore
	partition string
	told      toldCounts
	early     uint64
}

func (m *metrics) toldMeter(partition int32, c *toldCore) *toldMeter {
	return &toldMeter{metrics: m, core: c, partition: strconv.Itoa(int(partition))}
}

// flushed implements meter.
func (m *toldMeter) flushed(records []pipeline.Record, took time.Duration) {
	c, e := m.core, &m.events
	now, before := c.counts, m.told
	e.assessed.Add(float64(now.assessed - before.assessed))
	e.happened.Add(float64(now.happened - before.happened))
	e.duplicates.Add(float64(now.duplicates - before.duplicates))
	leftOut := func(n toldCounts) uint64 { return n.invalid + n.undecodable + n.rejected }
	e.leftOut.Add(float64(leftOut(now) - leftOut(before)))
	e.refused.Add(float64(now.refused - before.refused))
	e.unresolved.Add(float64(now.unresolved - before.unresolved))
	m.told = now
	e.early.Add(float64(c.memory.early - m.early))
	m.early = c.memory.early
	m.sent(c.catalogue, records, took)
	e.held.WithLabelValues(m.partition).Set(float64(c.memory.size()))
}

// forget implements meter.
func (m *toldMeter) forget() { m.events.held.DeleteLabelValues(m.partition) }
