package aggregator

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// sums is what a log of events comes to: count and sum by series, pane and
// metric, in table's keys.
type sums map[string][2]int64

func (s sums) add(view, labels string, eval bool, pane int64, metric string, value int64) {
	if eval {
		labels += ",eval"
	}
	key := fmt.Sprintf("default %s{%s} %d %s", view, labels, pane, metric)
	x := s[key]
	s[key] = [2]int64{x[0] + 1, x[1] + value}
}

// oracle recounts a log of events as the tables do, from the last word on
// everything: it shares nothing with what is tested but the names.
func oracle(t testing.TB, log []pipeline.Record) sums {
	t.Helper()
	out := sums{}
	type told struct {
		trace   string
		a       schema.Assessment
		deleted bool
		at      int64
	}
	all := map[string]*told{}
	met := map[string]bool{}
	for _, r := range log {
		list, err := schema.DecodeEvents(r.Value)
		if err != nil {
			continue
		}
		for _, e := range list {
			switch {
			case e.Invalid != "":
			case e.Business != nil:
				if !met[e.Business.ID] {
					met[e.Business.ID] = true
					out.event(e.Business)
				}
			case e.Kind == schema.EventTraceDeleted:
				for id, x := range all {
					if x.trace == e.TraceID {
						delete(all, id)
					}
				}
			case e.Assessment != nil:
				id := e.TraceID + " " + e.Assessment.ID
				if all[id] == nil {
					all[id] = &told{trace: e.TraceID, at: r.Time.UnixMilli()}
				}
				merge(&all[id].a, e.Assessment)
				all[id].deleted = all[id].deleted || e.Assessment.Deleted
			}
		}
	}
	var list []*schema.Assessment
	traces := map[string][]*schema.Assessment{}
	for _, x := range all {
		if x.deleted || x.a.Name == "" || !x.a.Valid || x.a.Type != "feedback" {
			continue
		}
		list = append(list, &x.a)
		if x.a.Error == nil {
			key := fmt.Sprintf("%s %s %v", x.trace, x.a.Name, x.a.Metadata[sourceRun] != "")
			traces[key] = append(traces[key], &x.a)
		}
	}
	for _, a := range list {
		out.assessment(a)
	}
	for _, group := range traces {
		slices.SortFunc(group, func(a, b *schema.Assessment) int { return cmp.Compare(a.CreateMilli, b.CreateMilli) })
		out.group(group)
	}
	return out
}

// merge sets the fields that an event has, as the table's comment says.
func merge(to, from *schema.Assessment) {
	for _, f := range []struct {
		mask schema.AssessmentField
		set  func()
	}{
		{schema.AssessmentName, func() { to.Name = from.Name }},
		{schema.AssessmentSource, func() { to.SourceType = from.SourceType }},
		{schema.AssessmentValue, func() { to.Type, to.Value, to.Error = from.Type, from.Value, from.Error }},
		{schema.AssessmentMetadata, func() { to.Metadata = from.Metadata }},
		{schema.AssessmentValid, func() { to.Valid = from.Valid }},
		{schema.AssessmentCreated, func() { to.CreateMilli = from.CreateMilli }},
	} {
		if !from.Deleted && from.Mask&f.mask != 0 {
			f.set()
		}
	}
}

func paneOf(milli int64) int64 {
	second := milli / 1000
	return second - second%10 - received.Unix()
}

// passes is 1 or 0, -1 if a value is neither.
func passes(name, value string) int64 {
	switch value {
	case "true", `"yes"`, `"pass"`:
		return 1
	case "false", `"no"`, `"fail"`:
		return 0
	}
	if n, err := strconv.ParseFloat(value, 64); err == nil && name == "graded" { // its scorer passes at 0.5
		return one(n >= 0.5)
	}
	return -1
}

func (s sums) assessment(a *schema.Assessment) {
	series, pane, eval := a.Name+","+a.SourceType, paneOf(a.CreateMilli), a.Metadata[sourceRun] != ""
	s.add("assessment", series, eval, pane, "assessments", 1)
	s.add("assessment", series, eval, pane, "assessment_errors", one(a.Error != nil))
	verdict := passes(a.Name, a.Value)
	if verdict >= 0 {
		s.add("assessment", series, eval, pane, "passed", verdict)
	}
	if n, err := strconv.ParseFloat(a.Value, 64); err == nil {
		s.add("assessment", series, eval, pane, "score", int64(n*1e6+0.5))
	} else if verdict >= 0 {
		s.add("assessment", series, eval, pane, "score", verdict*1_000_000)
	}
	if word := strings.Trim(a.Value, `"`); word != a.Value || word == "true" || word == "false" {
		s.add("assessment", series, eval, pane, "labelled", 1)
		s.add("assessment_label", series+","+word, eval, pane, "labelled", 1)
	}
	if a.Name == "safety" && verdict >= 0 {
		s.add("safety", a.Name, eval, pane, "safety_violation", 1-verdict)
	}
	if a.Name == "pii" && verdict >= 0 {
		s.add("safety", a.Name, eval, pane, "pii_found", verdict)
	}
}

// group is one trace's assessments of a name, by when they were made.
func (s sums) group(group []*schema.Assessment) {
	name, eval := group[0].Name, group[0].Metadata[sourceRun] != ""
	s.add("rated", name, eval, paneOf(group[0].CreateMilli), "rated_traces", 1)
	last := map[string]*schema.Assessment{}
	for _, a := range group {
		last[a.SourceType] = a
	}
	human, judge := last[sourceHuman], last[sourceJudge]
	if human == nil || judge == nil || human.Value == "" || judge.Value == "" {
		return
	}
	pane := paneOf(max(human.CreateMilli, judge.CreateMilli))
	h, j := passes(name, human.Value), passes(name, judge.Value)
	agree := human.Value == judge.Value
	if h >= 0 && j >= 0 {
		agree = h == j
		words := []string{"fail", "pass"}
		s.add("verdicts", name+","+words[h]+","+words[j], eval, pane, "verdict_pairs", 1)
	}
	s.add("agreement", name, eval, pane, "agreement", one(agree))
}

func (s sums) event(b *schema.Business) {
	pane := paneOf(int64(b.TimeNano / 1e6))
	happen := func(view, labels string) {
		s.add(view, labels, false, pane, "events", 1)
		if b.Value.Set {
			s.add(view, labels, false, pane, "event_value", b.Value.N)
		}
	}
	happen("event", b.Name)
	switch b.Name {
	case "feedback":
		s.feedback(b, pane)
	case "session.outcome":
		happen("outcome", b.Attrs["outcome"])
	case "handoff":
		happen("handoff", b.Attrs["to"]+","+b.Attrs["reason"])
	case "goal":
		happen("goal", b.Attrs["goal"])
	case "ticket":
		happen("ticket", b.Attrs["state"])
	case "task":
		happen("task", b.Attrs["task"]+","+b.Attrs["state"])
		if b.Attrs["state"] != "started" {
			s.add("task_end", b.Attrs["task"], false, pane, "task_success", one(b.Attrs["state"] == "completed"))
		}
	case "feature.use":
		happen("feature", b.Attrs["feature"])
	}
}

func (s sums) feedback(b *schema.Business, pane int64) {
	points := b.Value.N / 1e6
	add := func(metric string, value int64) { s.add("feedback", "0", false, pane, metric, value) }
	switch b.Attrs["kind"] {
	case "thumbs":
		add("thumbs_up", points)
	case "csat":
		add("csat", b.Value.N)
		add("csat_satisfied", map[int64]int64{4: 1, 5: 1}[points])
	case "nps":
		add("nps", map[int64]int64{7: 0, 8: 0, 9: 1, 10: 1, 0: -1, 1: -1, 2: -1, 3: -1, 4: -1, 5: -1, 6: -1}[points])
	case "rating":
		add("rating", b.Value.N)
	}
}

// sums are what a table comes to, but for distinct counts.
func (w table) sums() sums {
	out := sums{}
	for key, p := range w {
		if len(p.Distinct) > 0 || p.Count == 0 && p.Sum == 0 {
			continue
		}
		out[key] = [2]int64{p.Count, p.Sum}
	}
	return out
}

// grades holds histograms against the counts beside them, and gives how many
// there are.
func (w table) grades(t testing.TB) (n int) {
	t.Helper()
	for key, p := range w {
		if strings.HasSuffix(key, " score") || strings.HasSuffix(key, " rating") || strings.HasSuffix(key, " csat") {
			if n++; p.Hist.Total() != p.Count || p.Bounded {
				t.Errorf("%s: %d in the distribution, %d counted, bounds %v", key, p.Hist.Total(), p.Count, p.Bounded)
			}
		}
	}
	return n
}

// different are the users and sessions of a log by the series of view event.
func different(t testing.TB, log []pipeline.Record) map[string]rollup.Distinct {
	t.Helper()
	out := map[string]rollup.Distinct{}
	add := func(key, value string) {
		if value != "" {
			d := out[key]
			d.Add(rollup.RegisterOf(value))
			out[key] = d
		}
	}
	for _, r := range log {
		list, err := schema.DecodeEvents(r.Value)
		if err != nil {
			continue
		}
		for _, e := range list {
			if b := e.Business; b != nil && e.Invalid == "" {
				key := fmt.Sprintf("default event{%s} %d ", b.Name, paneOf(int64(b.TimeNano/1e6)))
				add(key+"users", b.UserID)
				add(key+"sessions", b.SessionID)
			}
		}
	}
	return out
}

func jsonText(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}
