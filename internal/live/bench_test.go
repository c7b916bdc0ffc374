package live

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// BenchmarkTake adds records as an aggregator sends them: once a second what was
// added to 100 series, of four metrics each.
func BenchmarkTake(b *testing.B) {
	const series = 100
	rng := rand.New(rand.NewPCG(1, 1))
	var records []pipeline.Record
	for second := range int64(600) {
		value := rollup.AppendHeader(nil)
		for i := range series {
			r := rollup.Rollup{Series: rollup.Series{Tenant: "default", View: "component", Labels: []rollup.Label{{Name: "service", Value: fmt.Sprint("svc", i%5)}, {Name: "kind", Value: "LLM"}, {Name: "name", Value: fmt.Sprint("component", i)}}}}
			p := rollup.Pane{Start: noon.Unix() + second - second%10}
			for _, name := range []string{"span_duration", "time_to_first_token", "input_tokens", "self_time"} {
				m := rollup.Metric{Name: name}
				for range 3 {
					m.Measure(rollup.Of(int64(1e6*rng.ExpFloat64()*100), rollup.Once))
				}
				p.Metrics = append(p.Metrics, m)
			}
			r.Panes = []rollup.Pane{p}
			value = rollup.Append(value, &r)
		}
		records = append(records, pipeline.Record{Value: value, Time: noon})
	}
	s := New(Default())
	s.Advance(noon.Add(10 * time.Minute))
	f := NewFollower(s, newFakeLog(1), time.Minute, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		f.take(b.Context(), &records[i%len(records)], false)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/series/4, "ns/metric")
}
