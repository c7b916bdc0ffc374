package alerts

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func packed(t testing.TB, more string) []Rule {
	t.Helper()
	rules, err := Parse("alerts.yaml", []byte("include: [llm]\n"+more))
	if err != nil {
		t.Fatal(err)
	}
	return rules.Rules
}

// TestOutageFires: wherever in a pane a provider begins to fail, the rule fires
// within 20 s plus its for, and is resolved after the outage.
func TestOutageFires(t *testing.T) {
	rules := packed(t, "")
	wait := int64(rules[0].For / time.Second)
	for shift := range int64(10) {
		down := outage{dawn + 1800 + shift, dawn + 1800 + shift + 600}
		got, all := newTown(uint64(shift), 4800, down).replay(t, NewEngine(rules, 100), 4800, nil)
		got = slices.DeleteFunc(got, func(x told) bool { return x.rule != "provider_failing" })
		if len(got) != 2 || got[0].status != Firing || got[1].status != Resolved {
			t.Fatalf("shift %d: %v", shift, got)
		}
		if late := got[0].at - down.from - wait; late > 20 || late < 0 {
			t.Errorf("shift %d: fired %d s after the outage began and for had passed", shift, late)
		}
		if after := got[1].at - down.to; after < 0 || after > 60+60+30 { // window, keep, and what rules are behind
			t.Errorf("shift %d: resolved %d s after the outage", shift, after)
		}
		first := all[slices.IndexFunc(all, func(n Notice) bool { return n.Rule == "provider_failing" })]
		if first.Labels["provider"] != "openai" || first.Tenant != "acme" || !strings.Contains(first.Summary, "calls of openai failed within 1m0s") {
			t.Errorf("%+v", first)
		}
	}
}

// TestQuietDaysFireNothing: the errors that there always are alarm nobody. The
// long form has a hundred days.
func TestQuietDaysFireNothing(t *testing.T) { quiet(t, 1) }

func quiet(t *testing.T, days uint64) {
	t.Helper()
	rules := packed(t, "")
	for day := range days {
		asked := 0
		got, _ := newTown(1000+day, aDay, outage{}).replay(t, NewEngine(rules, 100), aDay, func(e *Engine) *Engine {
			if asked++; asked%700 != 0 { // a restart an hour, with whatever is pending then
				return e
			}
			return restarted(t, e)
		})
		if len(got) > 0 {
			t.Errorf("day %d: %v", day, got)
		}
	}
	t.Logf("%d days with %d restarts each, %d rules, an answer every %s", days, aDay/5/700, len(rules), Default().Every)
}

// restarted is an engine made anew from what was kept of another.
func restarted(t *testing.T, e *Engine) *Engine {
	t.Helper()
	next := NewEngine(e.rules, e.most)
	for _, key := range e.keys() {
		text, err := json.Marshal(e.states[key])
		if err != nil {
			t.Fatal(err)
		}
		var s State
		if err := json.Unmarshal(text, &s); err != nil {
			t.Fatal(err)
		}
		next.Restore(&s)
	}
	return next
}

// TestRestartChangesNothing: an engine that is made anew from what was kept, at
// every instant, tells what one does that lives through.
func TestRestartChangesNothing(t *testing.T) {
	rules := packed(t, "")
	down := outage{dawn + 1800, dawn + 2400}
	_, want := newTown(5, 2*3600, down).replay(t, NewEngine(rules, 100), 2*3600, nil)
	_, got := newTown(5, 2*3600, down).replay(t, NewEngine(rules, 100), 2*3600, func(e *Engine) *Engine { return restarted(t, e) })
	if diff := cmp.Diff(want, got); diff != "" || len(want) < 2 {
		t.Errorf("%d notices (-without +with restarts):\n%s", len(want), diff)
	}
}

// TestKinds: each kind of rule on a history that is made for it.
func TestKinds(t *testing.T) {
	const hour = 3600
	busy := func(from, to int64, n, otherwise int64) func(int64) int64 {
		return func(at int64) int64 {
			if at >= from && at < to {
				return n
			}
			return otherwise
		}
	}
	for name, c := range map[string]struct {
		rule string
		draw func(w *town)
		want []told
	}{
		"below": {
			"kind: threshold, of: tenant.spans, stat: rate, below: 5, window: 1m",
			func(w *town) {
				w.draw("tenant.spans", 1, nil, hour, busy(dawn+600, dawn+1200, 2, 10))
			},
			[]told{{"x", Firing, dawn + 640}, {"x", Resolved, dawn + 1230}},
		},
		"quantile with for and keep": {
			"kind: threshold, of: tenant.trace_latency, stat: p95, above: 5s, window: 1m, for: 30s, keep: 30s",
			func(w *town) {
				w.draw("tenant.trace_latency", 1e9, nil, hour, func(int64) int64 { return 10 })
				w.draw("tenant.trace_latency", 9e9, nil, hour, busy(dawn+600, dawn+900, 10, 0))
			},
			[]told{{"x", Firing, dawn + 640}, {"x", Resolved, dawn + 990}},
		},
		"too few to say": {
			"kind: ratio, of: tenant.span_errors, over: tenant.spans, above: 10%, min: 700, window: 1m",
			func(w *town) {
				w.draw("tenant.spans", 1, nil, hour, busy(0, dawn+aDay, 10, 0))
				w.draw("tenant.span_errors", 1, nil, hour, busy(0, dawn+aDay, 10, 0))
			},
			nil,
		},
		"absence": {
			"kind: absence, of: tenant.spans, window: 1m, seen: 10m",
			func(w *town) { w.draw("tenant.spans", 1, nil, hour, busy(dawn+600, dawn+1200, 0, 1)) },
			[]told{{"x", Firing, dawn + 660}, {"x", Resolved, dawn + 1210}},
		},
		"a week ago": {
			"kind: change, of: tenant.spans, stat: count, below: 50%, window: 10m, min: 100",
			func(w *town) { w.draw("tenant.spans", 1, nil, hour, busy(dawn, dawn+hour, 1, 1)) },
			nil,
		},
		"burn": {
			"kind: burn_rate, of: tenant.trace_errors, over: tenant.trace_latency, objective: 99%, burn: [{long: 10m, short: 1m, factor: 10}]",
			func(w *town) {
				w.draw("tenant.trace_latency", 1, nil, hour, busy(0, dawn+aDay, 10, 0))
				w.draw("tenant.trace_errors", 1, nil, hour, busy(dawn+600, dawn+1200, 3, 0))
			},
			// 30 % of errors: 10 % of ten minutes after 200 s; the short window ends it.
			[]told{{"x", Firing, dawn + 810}, {"x", Resolved, dawn + 1245}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			rules, err := Parse("a.yaml", []byte(fmt.Sprintf("rules: [{name: x, %s}]", c.rule)))
			if err != nil {
				t.Fatal(err)
			}
			w := &town{lines: make(map[Metric][]*line)}
			c.draw(w)
			got, _ := w.replay(t, NewEngine(rules.Rules, 10), hour, nil)
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(told{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestErrorsOfRulesSayWhere: everything that is wrong, with its place.
func TestErrorsOfRulesSayWhere(t *testing.T) {
	_, err := Parse("alerts.yaml", []byte(`receivers:
  - {name: ops, webhook: "ftp://x"}
rules:
  - name: Slow
    kind: threshold
    of: model
    stat: p9x
    above: many
    window: 15s
    summary: "{provider} is {slow}"
    by: [provider]
    to: [nobody]
  - kind: burn_rate
    name: b
    of: service.trace_errors
    over: service.trace_latency
    objective: 2
    above: 3
  - name: c
    kind: sometimes
  - {name: d, kind: threshold, of: assessment.score, stat: p95, above: 1, sure: 3}
  - {name: e, kind: change, of: tenant.cost, stat: mean, above: 1, sure: 3}
`))
	const want = `alerts.yaml:2:26: want an address such as https://host/path
alerts.yaml:2:5: a receiver has a webhook or an alertmanager
alerts.yaml:4:11: "Slow" is no name such as slow_answers: small letters, digits and _
alerts.yaml:7:11: "p9x" is none of count, rate, sum, sum_rate, mean, min, max, distinct, p50, p95, p99
alerts.yaml:8:12: "many" is no number, part such as 20%, or time such as 5s
alerts.yaml:9:13: a window is a multiple of 10s, of at most 24h0m0s
alerts.yaml:10:29: {slow} is neither a label of by nor one of value, count, limit, window, tenant, rule
alerts.yaml:12:10: there is no receiver "nobody"
alerts.yaml:13:5: objective is the part that is to be good, such as 99.5%
alerts.yaml:13:5: burn has pairs of windows, such as {long: 1h, short: 5m, factor: 14.4}
alerts.yaml:18:5: "above" is not known here: name, kind, severity, tenant, eval, where, by, min, for, keep, summary, labels, to, of, over, objective, burn
alerts.yaml:20:11: a rule has a kind: threshold, ratio, burn_rate, absence or change
alerts.yaml:21:81: sure is a number of standard errors above 0, of stat mean
alerts.yaml:22:74: nothing is kept about how cost is spread, so nobody can be sure`
	if err == nil {
		t.Fatal("nothing is wrong")
	}
	got := strings.Split(err.Error(), "\n")
	slices.Sort(got)
	wanted := strings.Split(want, "\n")
	slices.Sort(wanted)
	if diff := cmp.Diff(wanted, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestTooManyGroupsAreRefused: names that somebody makes up take no more memory
// than the bound, and are counted.
func TestTooManyGroupsAreRefused(t *testing.T) {
	rules, err := Parse("a.yaml", []byte("rules: [{name: x, kind: threshold, of: tool.spans, stat: count, above: 0, by: [tool]}]"))
	if err != nil {
		t.Fatal(err)
	}
	w := &town{lines: make(map[Metric][]*line)}
	for i := range 30 {
		w.draw("tool.spans", 1, tool(fmt.Sprint("t", i)), 600, func(int64) int64 { return 1 })
	}
	e := NewEngine(rules.Rules, 10)
	w.now = dawn + 300
	list, err := e.Step(t.Context(), w, w.now)
	if err != nil || len(list) != 10 || e.Refused != 20 || len(e.Firing()) != 10 {
		t.Errorf("%d transitions, %d refused, %v", len(list), e.Refused, err)
	}
}
