package alerts

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spanmill/spanmill/internal/query"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// ratings are assessments an hour, and what they add up to, as they were a week
// ago and as they are.
type ratings struct {
	metric    Metric
	labels    []rollup.Label
	then, now rollup.Partial
}

// Tenants implements History.
func (w *ratings) Tenants(context.Context) ([]string, error) { return []string{"acme"}, nil }

// Query implements History: every window is like any other of its week.
func (w *ratings) Query(_ context.Context, _ string, q query.Metric) ([]query.Series, error) {
	x := query.Series{Labels: w.labels}
	if w.metric != (Metric{q.View, q.Name}) || !matches(&x, q.Labels) {
		return nil, nil
	}
	p := w.now
	if q.To.Unix() < dawn-before {
		p = w.then
	}
	x.Labels = nil
	for _, l := range w.labels {
		for _, name := range q.By {
			if name == l.Name {
				x.Labels = append(x.Labels, l)
			}
		}
	}
	if p.Count > 0 {
		x.Points = []query.Point{{From: q.To.Add(-q.Window).Unix(), To: q.To.Unix(), Partial: p}}
	}
	return []query.Series{x}, nil
}

// fired are the notices of an hour.
func fired(t *testing.T, h History) (out []Notice) {
	t.Helper()
	e := NewEngine(packed(t, ""), 100)
	for at := dawn; at < dawn+3600; at += int64(Default().Every / time.Second) {
		list, err := e.Step(t.Context(), h, at)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range list {
			if x.Notice != nil {
				out = append(out, *x.Notice)
			}
		}
	}
	return out
}

func judgedBy(name, source string) []rollup.Label {
	return []rollup.Label{{Name: "name", Value: name}, {Name: "source", Value: source}}
}

// spread are n scores of each of some values.
func spread(n int64, millionths ...int64) (p rollup.Partial) {
	for _, v := range millionths {
		p.Count, p.Sum = p.Count+n, p.Sum+n*v
		p.Hist.Add(rollup.BucketOf(v), n)
	}
	return p
}

// mean is of n scores, all 0 or 1.
func mean(n, millionths int64) rollup.Partial {
	p := rollup.Partial{Count: n, Sum: n * millionths}
	ones := n * millionths / 1_000_000
	p.Hist.Add(rollup.BucketOf(1_000_000), ones)
	if ones < n {
		p.Hist.Add(rollup.BucketOf(0), n-ones)
	}
	return p
}

// TestQualityRulesOfThePack: a judge whose scores drop fires, and so do unsafe
// answers; few of them do not, nor do scores that hold, nor what chance explains.
func TestQualityRulesOfThePack(t *testing.T) {
	score, unsafe := Metric{"assessment", "score"}, Metric{"safety", "safety_violation"}
	judge := judgedBy("relevance", "LLM_JUDGE")
	scorer := []rollup.Label{{Name: "name", Value: "safety"}}
	for _, c := range []struct {
		what string
		w    ratings
		want string // summary; "": nothing fires
	}{
		{"a judge's scores drop", ratings{score, judge, mean(400, 820_000), mean(300, 610_000)}, "scores of relevance changed by -25.61 % against this time last week, over 300 answers"},
		{"few of them now", ratings{score, judge, mean(400, 820_000), mean(49, 100_000)}, ""},
		{"few of them then", ratings{score, judge, mean(49, 820_000), mean(300, 100_000)}, ""},
		{"none now", ratings{score, judge, mean(400, 820_000), rollup.Partial{}}, ""},
		{"they hold", ratings{score, judge, mean(400, 820_000), mean(300, 760_000)}, ""},
		{"they rise", ratings{score, judge, mean(400, 420_000), mean(300, 600_000)}, ""},
		{"another's drop as far", ratings{score, judgedBy("length", "CODE"), mean(400, 820_000), mean(300, 610_000)}, ""},
		{"people's drop", ratings{score, judgedBy("helpful", "HUMAN"), mean(160, 900_000), mean(150, 600_000)}, "people's scores of helpful changed by -33.33 % against this time last week, over 150 answers"},
		{"a few people's drop as far", ratings{score, judgedBy("helpful", "HUMAN"), mean(60, 900_000), mean(50, 600_000)}, ""},
		{"scores move apart", ratings{score, judge, spread(100, 4e5, 5e5, 6e5), spread(150, 2e5, 8e5)}, "scores of relevance by LLM_JUDGE are spread otherwise than at this time last week: stability index 6.414, over 300 answers"},
		{"few move apart now", ratings{score, judge, spread(100, 4e5, 5e5, 6e5), spread(99, 2e5, 8e5)}, ""},
		{"few were together then", ratings{score, judge, spread(66, 4e5, 5e5, 6e5), spread(150, 2e5, 8e5)}, ""},
		{"they stay together", ratings{score, judge, spread(100, 4e5, 5e5, 6e5), spread(120, 4e5, 5e5, 6e5)}, ""},
		{"unsafe answers", ratings{unsafe, scorer, rollup.Partial{}, rollup.Partial{Count: 50, Sum: 15}}, "safety found 30 % of 50 answers unsafe within 1h0m0s"},
		{"a few unsafe answers", ratings{unsafe, scorer, rollup.Partial{}, rollup.Partial{Count: 50, Sum: 5}}, ""},
		{"one of few is unsafe", ratings{unsafe, scorer, rollup.Partial{}, rollup.Partial{Count: 9, Sum: 5}}, ""},
		{"personal data", ratings{Metric{"safety", "pii_found"}, scorer, rollup.Partial{}, rollup.Partial{Count: 200, Sum: 8}}, "safety found personal data in 4 % of 200 answers within 1h0m0s"},
	} {
		got := fired(t, &c.w)
		switch {
		case c.want == "" && len(got) != 0, c.want != "" && len(got) != 1:
			t.Errorf("%s: %+v", c.what, got)
		case c.want != "" && (got[0].Status != Firing || !strings.HasSuffix(got[0].Summary, c.want)):
			t.Errorf("%s: %+v, want %s", c.what, got[0], c.want)
		}
	}
}

// TestSureOfAMean: a mean beyond its bound by less than so many standard errors is
// chance, whichever side of it.
func TestSureOfAMean(t *testing.T) {
	rules, err := Parse("a.yaml", []byte(`rules:
  - {name: high, kind: threshold, of: assessment.score, stat: mean, above: 0.6, sure: 3}
  - {name: low, kind: threshold, of: assessment.score, stat: mean, below: 0.4, sure: 3}
  - {name: safe, kind: threshold, of: assessment.passed, stat: mean, below: 50%, sure: 3}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		now  rollup.Partial
		want string // the score's standard error is 0.046 of 100, 0.015 of 1,000
	}{
		{mean(100, 700_000), ""},
		{mean(1000, 700_000), "high"},
		{mean(100, 300_000), ""},
		{mean(1000, 300_000), "low"},
		{rollup.Partial{Count: 1000, Sum: 700e6}, ""}, // nothing is known of its spread
	} {
		w := &ratings{metric: Metric{"assessment", "score"}, now: c.now}
		list, err := NewEngine(rules.Rules, 10).Step(t.Context(), w, dawn)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, x := range list {
			got += x.Notice.Rule
		}
		if got != c.want {
			t.Errorf("%d of %g: %q, want %q", c.now.Count, float64(c.now.Sum)/1e6, got, c.want)
		}
	}
	for sum, want := range map[int64]int{40: 0, 20: 1} {
		w := &ratings{metric: Metric{"assessment", "passed"}, now: rollup.Partial{Count: 100, Sum: sum}}
		if list, err := NewEngine(rules.Rules, 10).Step(t.Context(), w, dawn); err != nil || len(list) != want {
			t.Errorf("%d of 100 passed: %v, %v", sum, list, err)
		}
	}
}

// rates are the parts of a whole, each a metric of its own.
type rates []ratings

// Tenants implements History.
func (w rates) Tenants(context.Context) ([]string, error) { return []string{"acme"}, nil }

// Query implements History.
func (w rates) Query(ctx context.Context, tenant string, q query.Metric) ([]query.Series, error) {
	for i := range w {
		if list, err := w[i].Query(ctx, tenant, q); list != nil || err != nil {
			return list, err
		}
	}
	return nil, nil
}

// TestAPartByMoreLabels: the whole of a ratio has fewer labels than the part, and
// none that where asks for.
func TestAPartByMoreLabels(t *testing.T) {
	model := []rollup.Label{{Name: "provider", Value: "openai"}, {Name: "model", Value: "gpt"}}
	refused := slices.Concat(model, []rollup.Label{{Name: "class", Value: "rate_limit"}})
	all := rollup.Partial{Count: 200}
	got := fired(t, rates{
		{Metric{"model", "span_duration"}, model, all, all}, {Metric{"model_error", "span_errors"}, refused, rollup.Partial{Count: 40}, rollup.Partial{Count: 40}},
	})
	if len(got) != 1 || got[0].Rule != "rate_limited" || got[0].Summary != "openai refused 20 % of 200 calls of gpt because there were too many" {
		t.Errorf("%+v", got)
	}
}
