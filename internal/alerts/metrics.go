package alerts

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	states               *prometheus.GaugeVec
	transitions, notices *prometheus.CounterVec
	failed, refused      prometheus.Counter
	took                 prometheus.Histogram
	last                 prometheus.Gauge
	rules                []Rule
}

func newMetrics(reg prometheus.Registerer, rules *Rules) *metrics {
	f := promauto.With(reg)
	m := &metrics{
		states: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "spanmill_alerts_firing", Help: "Groups for which a rule fires, in the process that watches.",
		}, []string{"rule"}),
		transitions: f.NewCounterVec(prometheus.CounterOpts{
			Name: "spanmill_alerts_transitions_total", Help: "Alerts that fired or were resolved.",
		}, []string{"rule", "status"}),
		notices: f.NewCounterVec(prometheus.CounterOpts{
			Name: "spanmill_alerts_notices_total", Help: "Notices by what became of them: sent, refused, given_up, queue_full.",
		}, []string{"receiver", "outcome"}),
		failed:  f.NewCounter(prometheus.CounterOpts{Name: "spanmill_alerts_failed_steps_total", Help: "Instants at which a rule could not be asked; its states stay."}),
		refused: f.NewCounter(prometheus.CounterOpts{Name: "spanmill_alerts_refused_groups_total", Help: "Groups that hold and got no state, since there are too many."}),
		took: f.NewHistogram(prometheus.HistogramOpts{
			Name: "spanmill_alerts_step_seconds", Help: "Time to ask all rules once.", Buckets: prometheus.ExponentialBuckets(0.001, 2, 14),
		}),
		last:  f.NewGauge(prometheus.GaugeOpts{Name: "spanmill_alerts_last_step_timestamp_seconds", Help: "Instant for which the rules were last asked."}),
		rules: rules.Rules,
	}
	for _, r := range rules.Receivers {
		for _, o := range []outcome{outcomeSent, outcomeRefused, outcomeGivenUp, outcomeFull} {
			m.notices.WithLabelValues(r.Name, string(o))
		}
	}
	return m
}

// stepped counts one time of asking.
func (m *metrics) stepped(took time.Duration, at int64, refused uint64, err error) {
	m.took.Observe(took.Seconds())
	m.last.Set(float64(at))
	m.refused.Add(float64(refused))
	if err != nil {
		m.failed.Inc()
	}
}

// firing shows what fires now.
func (m *metrics) firing(e *Engine) {
	for i := range m.rules {
		m.states.WithLabelValues(m.rules[i].Name).Set(0)
	}
	for _, s := range e.Firing() {
		m.states.WithLabelValues(s.Rule).Inc()
	}
}
