//go:build soak

package live

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spanmill/spanmill/internal/query"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// TestSoakTwentyThousandSeries fills a day with what 20,000 series add, each all
// the time, and measures what the process takes with the settings of an
// aggregator. What is there at the end must still be a recount.
func TestSoakTwentyThousandSeries(t *testing.T) {
	const series, limit = 20_000, 512 << 20
	debug.SetMemoryLimit(448 << 20)
	s := New(Default())
	rng := rand.New(rand.NewPCG(1, 1))
	now := noon
	add := func(width int64, observations int) (counted int64) {
		for i := range series {
			var d, e, self rollup.Partial
			for range observations {
				v := int64(1e6 * (1 + 50*rng.ExpFloat64()) * float64(1+i%10))
				d.Measure(rollup.Of(v, rollup.Once))
				self.Add(rollup.Of(v/2, rollup.Once))
				counted++
			}
			if i%20 == 0 {
				e.Add(rollup.Of(1, rollup.Once))
			}
			s.Add(&rollup.Rollup{
				Series: rollup.Series{Tenant: "a", View: "component", Labels: []rollup.Label{{Name: "service", Value: fmt.Sprint("svc", i%40)}, {Name: "kind", Value: "LLM"}, {Name: "name", Value: fmt.Sprint("component-", i)}}},
				Panes: []rollup.Pane{{Start: now.Unix() - now.Unix()%width, Metrics: []rollup.Metric{
					{Name: "span_duration", Partial: d}, {Name: "span_errors", Partial: e}, {Name: "self_time", Partial: self},
				}}},
			}, true)
		}
		now = now.Add(time.Duration(width) * time.Second)
		s.Advance(now)
		return counted
	}
	for range 24*60 - 10 {
		add(60, 6)
	}
	var counted int64
	for range 60 {
		counted += add(10, 2)
	}
	began := time.Now()
	answer, err := s.Query("a", query.Metric{View: "component", Name: "span_duration", By: []string{}, To: now, Window: 10 * time.Minute})
	if err != nil || len(answer) != 1 || answer[0].Points[0].Count != counted {
		t.Errorf("%+v, %v; want %d of ten minutes", answer, err, counted)
	}
	took := time.Since(began)
	peak := peakRSS(t)
	t.Logf("peak RSS %d MiB, %+v; ten minutes of all added up in %s", peak>>20, s.Counts(), took)
	if peak > limit {
		t.Errorf("peak RSS %d MiB, want %d at most", peak>>20, limit>>20)
	}
}

// peakRSS is the most memory that the process has had.
func peakRSS(t *testing.T) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("no /proc here: ", err)
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}
