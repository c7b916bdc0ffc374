package engine

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	restarts prometheus.Counter
	up       prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) metrics {
	f := promauto.With(reg)
	return metrics{
		restarts: f.NewCounter(prometheus.CounterOpts{
			Name: "spanmill_engine_restarts_total",
			Help: "Times the embedded ClickHouse engine ended by itself and was started again.",
		}),
		up: f.NewGauge(prometheus.GaugeOpts{
			Name: "spanmill_engine_up",
			Help: "1 while the embedded ClickHouse engine answers, else 0.",
		}),
	}
}
