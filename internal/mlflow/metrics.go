package mlflow

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// metrics of the stage. Label values are constants of this package and the
// gateway's, and HTTP statuses: nothing that a client can choose.
type metrics struct {
	requests *prometheus.CounterVec
	refused  *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

func newMetrics(reg prometheus.Registerer) metrics {
	f := promauto.With(reg)
	return metrics{
		requests: f.NewCounterVec(prometheus.CounterOpts{
			Name: "spanmill_mlflow_requests_total",
			Help: "MLflow requests answered, by route and HTTP status.",
		}, []string{"route", "code"}),
		refused: f.NewCounterVec(prometheus.CounterOpts{
			Name: "spanmill_mlflow_requests_refused_total",
			Help: "MLflow requests refused, by reason.",
		}, []string{"reason"}),
		seconds: f.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "spanmill_mlflow_request_seconds",
			Help:    "Time from an MLflow request's headers to its answer, by route.",
			Buckets: []float64{.002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10},
		}, []string{"route"}),
	}
}

// answered counts a request; e is nil for a success.
func (m *metrics) answered(route string, status int, e *Error, took time.Duration) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
	m.seconds.WithLabelValues(route).Observe(took.Seconds())
	if e != nil {
		m.refused.WithLabelValues(e.Reason).Inc()
	}
}
