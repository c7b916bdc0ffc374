package store

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	insertSeconds *prometheus.HistogramVec
	insertRows    *prometheus.CounterVec
	insertBytes   *prometheus.CounterVec
	errors        *prometheus.CounterVec
	clockOffset   prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) *metrics {
	f := promauto.With(reg)
	return &metrics{
		insertSeconds: f.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "spanmill_store_insert_seconds",
			Help:    "Time of one insert of a block, failed ones too.",
			Buckets: prometheus.ExponentialBuckets(0.01, 2, 14),
		}, []string{"table", "outcome"}),
		insertRows: f.NewCounterVec(prometheus.CounterOpts{
			Name: "spanmill_store_insert_rows_total",
			Help: "Rows of acknowledged inserts. A block that the server knew already counts again.",
		}, []string{"table"}),
		insertBytes: f.NewCounterVec(prometheus.CounterOpts{
			Name: "spanmill_store_insert_bytes_total",
			Help: "Encoded bytes of acknowledged inserts.",
		}, []string{"table"}),
		errors: f.NewCounterVec(prometheus.CounterOpts{
			Name: "spanmill_store_errors_total",
			Help: "Failed inserts and checks by ClickHouse error code; 0: no answer.",
		}, []string{"table", "code"}),
		clockOffset: f.NewGauge(prometheus.GaugeOpts{
			Name: "spanmill_store_clock_offset_seconds",
			Help: "How far the server's clock is ahead of ours.",
		}),
	}
}

// inserted accounts for one insert.
func (m *metrics) inserted(table string, b Block, took time.Duration, err error) {
	outcome := "ok"
	if err != nil {
		outcome = "error"
		m.failed(table, err)
	} else {
		m.insertRows.WithLabelValues(table).Add(float64(b.Rows()))
		m.insertBytes.WithLabelValues(table).Add(float64(b.Bytes()))
	}
	m.insertSeconds.WithLabelValues(table, outcome).Observe(took.Seconds())
}

func (m *metrics) failed(table string, err error) {
	m.errors.WithLabelValues(table, strconv.Itoa(CodeOf(err))).Inc()
}
