package live

import "github.com/prometheus/client_golang/prometheus"

const namespace, subsystem = "spanmill", "live"

// metrics are what the process tells about itself; what spans tell is in
// exposition.go.
type metrics struct {
	undecodable, restarts prometheus.Counter
	delay                 prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer, s *Store) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help})
	}
	m := &metrics{
		undecodable: counter("undecodable_records_total", "Records of rollups that cannot be read."),
		restarts:    counter("restarts_total", "Times that all of rollups was read anew."),
		delay: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "delay_seconds", Help: "From a record of rollups to its place in memory.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 14),
		}),
	}
	reg.MustRegister(m.undecodable, m.restarts, m.delay)
	gauge := func(name, help string, value func(Counts) float64) {
		reg.MustRegister(prometheus.NewGaugeFunc(
			prometheus.GaugeOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help},
			func() float64 { return value(s.Counts()) }))
	}
	gauge("series", "Series in memory.", func(c Counts) float64 { return float64(c.Series) })
	gauge("pane_bytes", "Bytes of panes in memory.", func(c Counts) float64 { return float64(c.Bytes) })
	gauge("pressure", "How much sooner than usual panes become wider, to fit: 0 to 4.", func(c Counts) float64 { return float64(c.Pressure) })
	gauge("since_timestamp_seconds", "First instant of what is in memory.", func(c Counts) float64 { return float64(c.Since) })
	total := func(name, help string, value func(Counts) uint64) {
		reg.MustRegister(prometheus.NewCounterFunc(
			prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help},
			func() float64 { return float64(value(s.Counts())) }))
	}
	total("rollups_total", "Rollups that were added.", func(c Counts) uint64 { return c.Rollups })
	total("overflown_rollups_total", "Rollups of series beyond the bound, added up as __other__.", func(c Counts) uint64 { return c.Overflown })
	total("old_panes_total", "Panes from before what is in memory: tables have them.", func(c Counts) uint64 { return c.Old })
	total("ahead_panes_total", "Panes too far ahead of the clock: tables have them.", func(c Counts) uint64 { return c.Ahead })
	return m
}
