package bus

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// producerMetrics of one Producer. outcome is acked, full, too_large or
// unavailable; latency is observed for failures too, so that time-outs do not
// vanish from the graph.
type producerMetrics struct {
	records  *prometheus.CounterVec
	bytes    *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	inFlight prometheus.Gauge
}

func newProducerMetrics(reg prometheus.Registerer) producerMetrics {
	f := promauto.With(reg)
	return producerMetrics{
		records: f.NewCounterVec(prometheus.CounterOpts{
			Name: "spanmill_bus_produced_records_total",
			Help: "Records handed to the producer, by topic and outcome.",
		}, []string{"topic", "outcome"}),
		bytes: f.NewCounterVec(prometheus.CounterOpts{
			Name: "spanmill_bus_produced_bytes_total",
			Help: "Bytes of acknowledged records before compression.",
		}, []string{"topic"}),
		seconds: f.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "spanmill_bus_produce_seconds",
			Help:    "Time from produce to the answer, by outcome.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 16),
		}, []string{"outcome"}),
		inFlight: f.NewGauge(prometheus.GaugeOpts{
			Name: "spanmill_bus_in_flight_bytes",
			Help: "Bytes produced and not yet acknowledged.",
		}),
	}
}

// consumerMetrics of one Consumer. The series of a partition go when it is
// revoked.
type consumerMetrics struct {
	records      *prometheus.CounterVec
	bytes        *prometheus.CounterVec
	commits      *prometheus.CounterVec
	transactions *prometheus.HistogramVec
	rejoins      prometheus.Counter
	fetchErrs    prometheus.Counter
	owned        prometheus.Gauge
	halted       *prometheus.GaugeVec
	lagRecords   *prometheus.GaugeVec
	lagSeconds   *prometheus.GaugeVec
	unread       *prometheus.GaugeVec
	partitions   *prometheus.GaugeVec
	added        *prometheus.CounterVec
}

func newConsumerMetrics(reg prometheus.Registerer) consumerMetrics {
	f := promauto.With(reg)
	partition := []string{"topic", "partition"}
	return consumerMetrics{
		records: f.NewCounterVec(prometheus.CounterOpts{
			Name: "spanmill_bus_consumed_records_total",
			Help: "Records given to their partition's owner.",
		}, []string{"topic"}),
		bytes: f.NewCounterVec(prometheus.CounterOpts{
			Name: "spanmill_bus_consumed_bytes_total",
			Help: "Bytes of those records, uncompressed.",
		}, []string{"topic"}),
		commits: f.NewCounterVec(prometheus.CounterOpts{
			Name: "spanmill_bus_commits_total",
			Help: "Commit requests by outcome: applied, refused, ambiguous or again.",
		}, []string{"outcome"}),
		transactions: f.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "spanmill_bus_transaction_seconds",
			Help:    "Time from a transaction's begin to its end, by outcome.",
			Buckets: prometheus.ExponentialBuckets(0.002, 2, 14),
		}, []string{"outcome"}),
		rejoins: f.NewCounter(prometheus.CounterOpts{
			Name: "spanmill_bus_rejoins_total",
			Help: "Times the consumer left its group to read back as a new member.",
		}),
		fetchErrs: f.NewCounter(prometheus.CounterOpts{
			Name: "spanmill_bus_fetch_errors_total",
			Help: "Fetches that failed and were tried again.",
		}),
		owned: f.NewGauge(prometheus.GaugeOpts{
			Name: "spanmill_bus_partitions_owned",
			Help: "Partitions assigned to this process.",
		}),
		halted: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "spanmill_bus_partition_halted",
			Help: "1 while a partition stands still until a person has looked.",
		}, partition),
		lagRecords: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "spanmill_bus_lag_records",
			Help: "Records of the log that are not committed yet.",
		}, partition),
		lagSeconds: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "spanmill_bus_lag_seconds",
			Help: "Age of the oldest record that is not committed yet; 0 when all are.",
		}, partition),
		unread: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "spanmill_bus_log_unread_ratio",
			Help: "Part of what the log keeps that is not committed yet: at 1, retention begins to take it. 0 while nothing was trimmed.",
		}, partition),
		partitions: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "spanmill_bus_topic_partitions",
			Help: "Partitions of a topic that is consumed.",
		}, []string{"topic"}),
		added: f.NewCounterVec(prometheus.CounterOpts{
			Name: "spanmill_bus_topic_partitions_added_total",
			Help: "Partitions that a topic got while it was consumed.",
		}, []string{"topic"}),
	}
}

// forget deletes a partition's series.
func (m consumerMetrics) forget(topic, partition string) {
	m.halted.DeleteLabelValues(topic, partition)
	m.lagRecords.DeleteLabelValues(topic, partition)
	m.lagSeconds.DeleteLabelValues(topic, partition)
	m.unread.DeleteLabelValues(topic, partition)
}
