package e2e_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/tests/e2e/harness"
)

// dropRule is the shipped judge_scores_drop without the wait.
const dropRule = `
- {name: judge_scores_drop, kind: change, of: assessment.score, stat: mean, where: {source: LLM_JUDGE}, by: [name], below: 10%, min: 50, window: 1h,
   summary: "scores of {name} changed by {value} against this time last week, over {count} answers"}`

// tellDrop tells scores of this hour and of the same hour of the week before: of
// judge faithful they drop, of steady they do not, of others too few say so on one side; and verdicts of
// people and a judge enough for a kappa. It gives the instant of the new scores.
func tellDrop(t *testing.T, up *harness.Instance) time.Time {
	t.Helper()
	at := time.Now().Add(-25 * time.Minute)
	judged := func(id, name, source, value string, at time.Time) schema.Event {
		return schema.Event{Kind: schema.EventAssessment, Assessment: &schema.Assessment{
			ID: id, Mask: schema.AssessmentAll, Name: name, SourceType: source, Type: "feedback", Value: value, Valid: true, CreateMilli: at.UnixMilli(),
		}}
	}
	var list []schema.Event
	for _, judge := range []struct {
		name        string
		before, now int
		score       string // now
	}{{"faithful", 60, 60, "0.5"}, {"rare", 60, 49, "0.5"}, {"new", 49, 60, "0.5"}, {"steady", 200, 200, "0.9"}} {
		for i := range judge.before {
			list = append(list, judged(fmt.Sprint(judge.name, "-then-", i), judge.name, "LLM_JUDGE", "0.9", at.Add(-7*24*time.Hour-time.Minute)))
		}
		for i := range judge.now {
			list = append(list, judged(fmt.Sprint(judge.name, "-now-", i), judge.name, "LLM_JUDGE", judge.score, at))
		}
	}
	tell(t, up, strings.Repeat("9b", 16), list...)
	for i := range 32 {
		judge := []string{"true", "true", "false", "false"}[i%4]
		tell(t, up, fmt.Sprintf("9c%030x", i), judged("h", "kind", "HUMAN", []string{"true", "false"}[i%2], at), judged("j", "kind", "LLM_JUDGE", judge, at))
	}
	awaitSQL(t, up, fmt.Sprint(len(list)), "SELECT sum(count) FROM metrics_1m WHERE view = 'assessment' AND metric = 'score' AND labels['name'] IN ('faithful', 'rare', 'new', 'steady')")
	awaitSQL(t, up, "32", "SELECT sum(count) FROM metrics_1m WHERE view = 'verdicts' AND labels['name'] = 'kind'")
	return at
}

// dropFires holds that a judge whose scores drop is told of, and that few scores
// are not: by the shipped rules on what was recorded, and by the alerts of the
// running process.
func dropFires(t *testing.T, up *harness.Instance, hook *harness.Hook, at time.Time) {
	t.Helper()
	code, out := run(t, up, "alerts", "test", "--every", "30s", "--from", at.Add(-5*time.Minute).UTC().Format(time.RFC3339), "--to", at.Add(20*time.Minute).UTC().Format(time.RFC3339))
	var fired []string
	for line := range strings.Lines(out) {
		if strings.Contains(line, "judge_scores_drop") || strings.Contains(line, "scores_shift") {
			fired = append(fired, line)
		}
	}
	const summary = "scores of faithful changed by -44.44 % against this time last week, over 60 answers"
	if code != 0 || len(fired) != 1 || !strings.Contains(fired[0], "firing") || !strings.Contains(fired[0], summary) {
		t.Errorf("the shipped rules on recorded history: exit %d\n%s", code, out)
	}
	harness.Eventually(t, func() error {
		if !strings.Contains(strings.Join(hook.Told(), "\n"), summary) {
			return errors.New("no alert tells that a judge's scores have dropped")
		}
		return nil
	})
	for _, body := range hook.Told() {
		if strings.Contains(body, "judge_scores_drop") && !strings.Contains(body, summary) {
			t.Errorf("few scores fire: %s", body)
		}
	}
}
