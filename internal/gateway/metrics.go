package gateway

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/spanmill/spanmill/pkg/schema"
)

// The doors, as values of the label transport.
const (
	transportHTTP = "http"
	transportGRPC = "grpc"
)

// metrics of the stage. Label values are constants of this package and of otlp,
// HTTP statuses and gRPC codes: nothing that a client can choose.
type metrics struct {
	requests    *prometheus.CounterVec
	refused     *prometheus.CounterVec
	accepted    prometheus.Counter
	rejected    *prometheus.CounterVec
	events      *prometheus.CounterVec
	logs        *prometheus.CounterVec
	business    *prometheus.CounterVec
	received    *prometheus.CounterVec
	inflated    prometheus.Counter
	ackSeconds  *prometheus.HistogramVec
	connections *prometheus.GaugeVec
}

func newMetrics(reg prometheus.Registerer, b *budget) metrics {
	f := promauto.With(reg)
	f.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "spanmill_gateway_inflight_bytes",
		Help: "Body bytes, compressed and inflated, that requests in progress hold.",
	}, func() float64 { return float64(b.used.Load()) })
	return metrics{
		requests: f.NewCounterVec(prometheus.CounterOpts{
			Name: "spanmill_gateway_requests_total",
			Help: "Requests answered, by door and by HTTP status or gRPC code.",
		}, []string{"transport", "code"}),
		refused: f.NewCounterVec(prometheus.CounterOpts{
			Name: "spanmill_gateway_requests_refused_total",
			Help: "Requests refused as a whole, by reason.",
		}, []string{"reason"}),
		accepted: f.NewCounter(prometheus.CounterOpts{
			Name: "spanmill_gateway_spans_accepted_total",
			Help: "Spans that the bus acknowledged.",
		}),
		rejected: f.NewCounterVec(prometheus.CounterOpts{
			Name: "spanmill_gateway_spans_rejected_total",
			Help: "Spans refused while their neighbours landed, by reason.",
		}, []string{"reason"}),
		events: f.NewCounterVec(prometheus.CounterOpts{
			Name: "spanmill_gateway_events_accepted_total",
			Help: "Events (what is told about traces beside their spans) that the bus acknowledged, by kind.",
		}, []string{"kind"}),
		logs: f.NewCounterVec(prometheus.CounterOpts{
			Name: "spanmill_gateway_log_records_total",
			Help: "OTLP log records, by outcome: accepted as events, or the reason why they are not kept.",
		}, []string{"outcome"}),
		business: f.NewCounterVec(prometheus.CounterOpts{
			Name: "spanmill_gateway_business_events_total",
			Help: "Business events posted as JSON, by outcome: accepted, or what is wrong with them.",
		}, []string{"outcome"}),
		received: f.NewCounterVec(prometheus.CounterOpts{
			Name: "spanmill_gateway_body_bytes_total",
			Help: "Body bytes read as they were sent, by door.",
		}, []string{"transport"}),
		inflated: f.NewCounter(prometheus.CounterOpts{
			Name: "spanmill_gateway_inflated_bytes_total",
			Help: "Bytes that compressed bodies inflated to, those of refused ones included.",
		}),
		ackSeconds: f.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "spanmill_gateway_ack_seconds",
			Help:    "Time from handing a request's records to the bus to its answer, by outcome.",
			Buckets: []float64{.002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10},
		}, []string{"outcome"}),
		connections: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "spanmill_gateway_connections",
			Help: "Open connections, by door.",
		}, []string{"transport"}),
	}
}

func (m *metrics) acked(took time.Duration, err error) {
	outcome := "acknowledged"
	if err != nil {
		outcome = "failed"
	}
	m.ackSeconds.WithLabelValues(outcome).Observe(took.Seconds())
}

func (m *metrics) landed(r Result) {
	m.accepted.Add(float64(r.Accepted))
	for _, reject := range r.Rejects {
		m.rejected.WithLabelValues(reject.Reason).Add(float64(reject.Count))
	}
}

func (m *metrics) logged(r Result) {
	m.logs.WithLabelValues("accepted").Add(float64(r.Accepted))
	for _, reject := range r.Rejects {
		m.logs.WithLabelValues(reject.Reason).Add(float64(reject.Count))
	}
}

func (m *metrics) published(events []schema.Event) {
	for i := range events {
		m.events.WithLabelValues(events[i].Kind.String()).Inc()
	}
}

// answered counts an answered request; err is nil for a success.
func (m *metrics) answered(transport, code string, err error) {
	m.requests.WithLabelValues(transport, code).Inc()
	if err != nil {
		m.refused.WithLabelValues(asRefusal(err).Reason).Inc()
	}
}
