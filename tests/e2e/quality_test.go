package e2e_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
	"github.com/spanmill/spanmill/tests/e2e/harness"
	"github.com/spanmill/spanmill/tests/recount"
)

// tellQuality tells what people and judges think of a few traces, changes some of
// it and takes some back, and what users did; the events twice. Whatever of it is
// free text has the mark.
func tellQuality(t *testing.T, up *harness.Instance) {
	t.Helper()
	now := time.Now()
	for i := range 4 {
		judged := func(id, name, source, value string) schema.Event {
			return schema.Event{Kind: schema.EventAssessment, Assessment: &schema.Assessment{
				ID: id, Mask: schema.AssessmentAll, Name: name, SourceType: source, Type: "feedback", Value: value, Valid: true, CreateMilli: now.UnixMilli() + int64(i),
				Rationale: marked, Metadata: map[string]string{"note": marked},
			}}
		}
		failed := judged("e", "helpful", "CODE", "")
		failed.Assessment.Error = &schema.AssessmentError{Code: "TIMEOUT", Message: marked, Stack: marked}
		lastWeek := judged("w", "grade", "LLM_JUDGE", "0.75")
		lastWeek.Assessment.CreateMilli = now.Add(-180 * time.Hour).UnixMilli()
		evaluated := judged("v", "grade", "LLM_JUDGE", "0.1")
		evaluated.Assessment.Metadata = map[string]string{"mlflow.assessment.sourceRunId": "run"}
		expected := judged("x", "helpful", "HUMAN", "true")
		expected.Assessment.Type = "expectation"
		answer := judged("y", "answer", "HUMAN", `"`+marked+`"`)
		answer.Assessment.Type = "expectation"
		tell(t, up, fmt.Sprintf("9a%030x", i),
			judged("h", "helpful", "HUMAN", "true"), judged("j", "helpful", "LLM_JUDGE", []string{"true", `"no"`}[i%2]), failed, expected, answer, evaluated,
			judged("s", "safety", "LLM_JUDGE", []string{`"yes"`, `"no"`}[i%2]), judged("p", "pii", "CODE", "false"), judged("t", "tone", "LLM_JUDGE", `"warm"`),
			judged("g", "grade", "LLM_JUDGE", "0.25"), lastWeek, judged("gone", "grade", "HUMAN", "0.9"),
			schema.Event{Kind: schema.EventAssessment, Assessment: &schema.Assessment{ID: "gone", Deleted: true}},
			schema.Event{Kind: schema.EventAssessment, Assessment: &schema.Assessment{ID: "g", Mask: schema.AssessmentValue, Type: "feedback", Value: fmt.Sprintf("0.%d", 5+i)}})
	}
	var items []string
	add := func(rest string) {
		items = append(items, fmt.Sprintf(`{"time":%d,"session_id":"s%d","user_id":"ann",%s}`, now.UnixMilli(), len(items), strings.Replace(rest, `"attrs":{`, `"attrs":{"comment":"`+marked+`",`, 1)))
	}
	for _, value := range []int{1, 0, 1} {
		add(fmt.Sprintf(`"name":"feedback","value":%d,"attrs":{"kind":"thumbs"}`, value))
		add(fmt.Sprintf(`"name":"feedback","value":%d,"attrs":{"kind":"csat"}`, 3+value))
		add(fmt.Sprintf(`"name":"feedback","value":%d,"attrs":{"kind":"nps"}`, 6+3*value))
	}
	add(`"name":"feedback","value":-2.5,"attrs":{"kind":"rating"}`)
	for _, state := range []string{"started", "completed", "failed"} {
		add(`"name":"task","attrs":{"task":"invoice","state":"` + state + `"}`)
	}
	add(`"name":"goal","value":129.9,"attrs":{"goal":"purchase"}`)
	add(`"name":"handoff","attrs":{"to":"billing"}`)
	add(`"name":"ticket","attrs":{"state":"opened"}`)
	add(`"name":"session.outcome","attrs":{"outcome":"resolved"}`)
	add(`"name":"feature.use","attrs":{"feature":"voice"}`)
	for range 2 {
		postJSON(t, up, "/api/v1/events", "["+strings.Join(items, ",")+"]")
	}
	refused := `{"name":"feedback","value":7,"attrs":{"kind":"thumbs","comment":"` + marked + `"}}`
	postJSON(t, up, "/api/v1/events", "["+items[0]+","+refused+"]")
	// What was deleted counts for nothing, and each event once.
	awaitSQL(t, up, fmt.Sprint(len(items)), "SELECT sum(count) FROM metrics_1m WHERE tenant = 'default' AND view = 'event' AND metric = 'events'")
	awaitSQL(t, up, "32", "SELECT sum(count) FROM metrics_1m WHERE tenant = 'default' AND view = 'assessment' AND metric = 'assessments' AND NOT is_eval")
	awaitSQL(t, up, fmt.Sprint(len(items)), "SELECT count() FROM business_events_once WHERE tenant = 'default' AND day >= today() - 1")
	awaitSQL(t, up, fmt.Sprint(len(items)), "SELECT count() FROM business_events_once WHERE tenant = 'default' AND day >= today() - 1 AND attrs['comment'] = '"+marked+"'")
	awaitSQL(t, up, fmt.Sprint(2*len(items)+1), "SELECT count() FROM business_events")
	awaitSQL(t, up, "44", "SELECT count() FROM assessments_latest WHERE tenant = 'default'")
}

// dropTold leaves what spans add: the generator knows nothing of the rest.
func dropTold(got recount.Stream) {
	last := slices.IndexFunc(rollup.Views, func(v rollup.ViewDefinition) bool { return v.Name == "dependency" })
	for key := range got {
		view, _, _ := strings.Cut(string(key), "{")
		if slices.ContainsFunc(rollup.Views[last+1:], func(v rollup.ViewDefinition) bool { return v.Name == view }) {
			delete(got, key)
		}
	}
}
