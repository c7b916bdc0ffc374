package alerts

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/spanmill/spanmill/internal/query"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Times of the tests, Unix seconds: a day that begins at midnight.
const (
	dawn   = int64(1_795_996_800)
	aDay   = 24 * 3600
	lag    = 2 // seconds from a span's end until it is in the metrics
	before = 2 * 3600
)

// line is a series' observations by second from dawn-before on, as running sums.
type line struct {
	labels []rollup.Label
	counts []int64 // observations before the i-th second
	value  int64   // of each
}

// town is what happens, by view.metric; and what is seen of it at an instant.
type town struct {
	now   int64
	lines map[Metric][]*line
	past  *town // a week before; nil: as now
}

// Tenants implements History.
func (w *town) Tenants(context.Context) ([]string, error) { return []string{"acme"}, nil }

// Query implements History: what ended in the window and has arrived by now.
func (w *town) Query(_ context.Context, _ string, q query.Metric) ([]query.Series, error) {
	from, to := q.To.Add(-q.Window).Unix(), q.To.Unix()
	lines := w.lines
	if to < dawn-before {
		from, to = from+int64(Week/time.Second), to+int64(Week/time.Second)
		if w.past != nil {
			lines = w.past.lines
		}
	}
	groups := map[string]*query.Series{}
	for _, l := range lines[Metric{q.View, q.Name}] {
		x := query.Series{Labels: l.labels}
		if !matches(&x, q.Labels) {
			continue
		}
		labels := slices.DeleteFunc(slices.Clone(l.labels), func(l rollup.Label) bool { return !slices.Contains(q.By, l.Name) })
		n := l.until(min(to, w.now-lag)) - l.until(from)
		if n <= 0 {
			continue
		}
		g := groups[keyOf(labels)]
		if g == nil {
			g = &query.Series{Labels: labels, Points: []query.Point{{From: from, To: to}}}
			groups[keyOf(labels)] = g
		}
		p := &g.Points[0]
		p.Count, p.Sum = p.Count+n, p.Sum+n*l.value
		p.Hist.Add(rollup.BucketOf(l.value), n)
	}
	var out []query.Series
	for _, g := range groups {
		out = append(out, *g)
	}
	return out, nil
}

func matches(x *query.Series, want map[string]string) bool {
	for name, value := range want {
		if x.Label(name) != value {
			return false
		}
	}
	return true
}

func (l *line) until(second int64) int64 {
	return l.counts[max(0, min(second-(dawn-before), int64(len(l.counts)-1)))]
}

// draw adds a line of which each second has as many as rate says.
func (w *town) draw(m string, value int64, labels []rollup.Label, seconds int64, rate func(at int64) int64) {
	view, name, _ := strings.Cut(m, ".")
	l := &line{labels: labels, value: value, counts: make([]int64, before+seconds+1)}
	for i := range before + seconds {
		l.counts[i+1] = l.counts[i] + rate(dawn-before+i)
	}
	w.lines[Metric{view, name}] = append(w.lines[Metric{view, name}], l)
}

// outage is when a provider answers nothing but errors.
type outage struct{ from, to int64 }

func (o outage) on(at int64) bool { return at >= o.from && at < o.to }

// newTown draws a day of some seconds, and the same of the week before: two
// providers, one service, a tool, judges and people, all with the errors that there
// always are.
func newTown(seed uint64, seconds int64, down outage) *town {
	w := drawn(rand.New(rand.NewPCG(seed, 7)), seconds, down)
	w.past = drawn(rand.New(rand.NewPCG(seed, 8)), seconds, outage{})
	return w
}

func of(pairs ...string) (out []rollup.Label) {
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, rollup.Label{Name: pairs[i], Value: pairs[i+1]})
	}
	return out
}

func drawn(rng *rand.Rand, seconds int64, down outage) *town {
	w := &town{lines: make(map[Metric][]*line)}
	// some gives how many of n it happens to.
	some := func(n int64, chance float64) (hit int64) {
		for range n {
			if rng.Float64() < chance {
				hit++
			}
		}
		return hit
	}
	for _, provider := range []string{"openai", "anthropic"} {
		calls := make(map[int64]int64)
		model := of("provider", provider, "model", provider+"-large")
		w.draw("model.span_duration", 2e9, model, seconds, func(at int64) int64 {
			hour := (at - dawn + aDay) % aDay / 3600
			calls[at] = some(8, 0.2+0.6*float64(hour)/24)
			return calls[at]
		})
		w.draw("model.span_errors", 1, model, seconds, func(at int64) int64 {
			if provider == "openai" && down.on(at) {
				return calls[at]
			}
			return some(calls[at], 0.01)
		})
		part := func(m string, value int64, labels []rollup.Label, chance float64) {
			w.draw(m, value, labels, seconds, func(at int64) int64 { return some(calls[at], chance) })
		}
		part("model.time_to_first_token", 4e8, model, 0.5)
		part("model_error.span_errors", 1, append(slices.Clone(model), of("class", "rate_limit")...), 0.004)
		part("finish.finished", 1, append(slices.Clone(model), of("reason", "length")...), 0.04)
		if provider == "anthropic" {
			continue
		}
		part("service.trace_latency", 3e9, of("service", "shop"), 1)
		part("service.trace_errors", 1, of("service", "shop"), 0.004)
		part("tenant.trace_latency", 3e9, nil, 1)
		part("tenant.cost", 3e6, nil, 1)
		part("tool.span_duration", 1e8, of("tool", "search"), 1)
		part("tool.span_errors", 1, of("tool", "search"), 0.03)
		assessed(part)
	}
	return w
}

// assessed draws what judges and people say of a part of the answers: of many and
// of few, so that chance moves the means of an hour a little and a lot.
func assessed(part func(m string, value int64, labels []rollup.Label, chance float64)) {
	judged := func(name, source string, score int64, chance float64) {
		part("assessment.score", score, judgedBy(name, source), chance)
	}
	found := func(metric, scorer string, chance, share float64) {
		part("safety."+metric, 1, of("name", scorer), chance*share)
		part("safety."+metric, 0, of("name", scorer), chance*(1-share))
	}
	judged("relevance", "LLM_JUDGE", 1_000_000, 0.05*0.7)
	judged("relevance", "LLM_JUDGE", 800_000, 0.05*0.2)
	judged("relevance", "LLM_JUDGE", 200_000, 0.05*0.1)
	judged("tone", "LLM_JUDGE", 1_000_000, 0.008*0.7)
	judged("tone", "LLM_JUDGE", 200_000, 0.008*0.3)
	judged("helpful", "HUMAN", 1_000_000, 0.003*0.85)
	judged("helpful", "HUMAN", 0, 0.003*0.15)
	found("safety_violation", "safety", 0.05, 0.01)
	found("safety_violation", "toxicity", 0.008, 0.01)
	found("pii_found", "pii", 0.02, 0.002)
}

// told is a notice as the tests compare it.
type told struct {
	rule, status string
	at           int64
}

// replay asks rules over some seconds from dawn on. restart is called before each
// instant, with the engine to go on with.
func (w *town) replay(t testing.TB, e *Engine, seconds int64, restart func(*Engine) *Engine) (out []told, all []Notice) {
	t.Helper()
	every := int64(Default().Every / time.Second)
	for w.now = dawn; w.now < dawn+seconds; w.now += every {
		if restart != nil {
			e = restart(e)
		}
		list, err := e.Step(t.Context(), w, w.now)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range list {
			if x.Notice != nil {
				out = append(out, told{x.Notice.Rule, x.Notice.Status, x.Notice.At.Unix()})
				all = append(all, *x.Notice)
			}
		}
	}
	return out, all
}

func tool(name string) []rollup.Label { return []rollup.Label{{Name: "tool", Value: name}} }
