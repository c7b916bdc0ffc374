package scheduled

import "github.com/prometheus/client_golang/prometheus"

// metrics are what the process tells about its runs.
type metrics struct {
	runs, failed, days, refused prometheus.Counter
	took                        prometheus.Histogram
	last                        prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) *metrics {
	const namespace, subsystem = "spanmill", "scheduled"
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help})
	}
	m := &metrics{
		runs:    counter("runs_total", "Runs of the SQL on a schedule that came to their end."),
		failed:  counter("failed_runs_total", "Runs that failed; the next one makes good for them."),
		days:    counter("days_total", "Days of tenants that were made anew."),
		refused: counter("failed_statements_total", "Times that a metric in SQL of metrics.yaml failed: it told nothing."),
		took: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "run_seconds", Help: "How long runs took.",
			Buckets: prometheus.ExponentialBuckets(0.05, 2, 12),
		}),
		last: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "last_run_seconds", Help: "When the last run began that this process has ended, in Unix seconds.",
		}),
	}
	reg.MustRegister(m.runs, m.failed, m.days, m.refused, m.took, m.last)
	return m
}
