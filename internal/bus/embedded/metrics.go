package embedded

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	bytes   prometheus.Gauge
	budget  prometheus.Gauge
	full    prometheus.Gauge
	trimmed *prometheus.CounterVec
	strays  prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) metrics {
	f := promauto.With(reg)
	return metrics{
		bytes: f.NewGauge(prometheus.GaugeOpts{
			Name: "spanmill_bus_embedded_log_bytes",
			Help: "Size of the embedded bus's logs on disk.",
		}),
		budget: f.NewGauge(prometheus.GaugeOpts{
			Name: "spanmill_bus_embedded_budget_bytes",
			Help: "Size that the logs may have: read history takes half of it at most.",
		}),
		full: f.NewGauge(prometheus.GaugeOpts{
			Name: "spanmill_bus_embedded_full",
			Help: "1 while the disk budget is taken by records not read yet and writes are refused, else 0.",
		}),
		trimmed: f.NewCounterVec(prometheus.CounterOpts{
			Name: "spanmill_bus_embedded_trimmed_bytes_total",
			Help: "Bytes removed from the logs, by reason: retention or budget.",
		}, []string{"reason"}),
		strays: f.NewCounter(prometheus.CounterOpts{
			Name: "spanmill_bus_embedded_stray_connections_total",
			Help: "Connections closed because what they sent is no Kafka request.",
		}),
	}
}
