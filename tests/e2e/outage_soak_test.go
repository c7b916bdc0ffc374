//go:build soak

package e2e_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"

	"github.com/spanmill/spanmill/internal/alerts"
	"github.com/spanmill/spanmill/internal/testkit"
	"github.com/spanmill/spanmill/tests/e2e/harness"
)

// callsASecond of each provider, one in a hundred of which fails anyway.
const callsASecond = 10

// TestSoakOutage: calls of two providers go on for minutes; then one of them fails
// all of its own for two. The shipped rule fires within 20 s and its for, once,
// though `spanmill up` is killed while it waits and again while it fires, and is
// resolved once the outage is over; nothing else fires, and what calls said is in
// no text.
func TestSoakOutage(t *testing.T) {
	var rule alerts.Rule
	for _, r := range alerts.Pack() {
		if r.Name == "provider_failing" {
			rule = r
		}
	}
	hook, plant := harness.NewHook(t), harness.NewUp(t)
	plant.Args = append(fixedPorts(t), "--mlflow-http", testkit.FreeAddr(t), "--api-http", testkit.FreeAddr(t))
	o := harness.Options{Env: []string{"SPANMILL_ALERTS_FILE=" + hook.Alerts(t, "include: [llm]")}}
	up := harness.Start(t, plant, o)
	c := &callers{t: t, rng: rand.New(rand.NewPCG(1, 1))}

	c.call(up, 90*time.Second)
	c.down = true
	began := time.Now()
	c.call(up, 25*time.Second) // it is pending, or about to be
	up.Kill()
	up = harness.Start(t, plant, o)
	for fired := time.Now(); len(hook.Told()) == 0; {
		if c.call(up, time.Second); time.Since(fired) > time.Minute {
			t.Fatalf("nothing fires in an outage since %s", time.Since(began))
		}
	}
	first := notices(t, hook)[0]
	up.Kill()
	up = harness.Start(t, plant, o)
	c.call(up, time.Until(began.Add(2*time.Minute)))
	c.down = false
	ended := time.Now()
	for len(hook.Told()) < 2 {
		if c.call(up, time.Second); time.Since(ended) > 3*time.Minute {
			t.Fatalf("it is not resolved: %q", hook.Told())
		}
	}
	c.call(up, 30*time.Second) // nothing more is told
	told := notices(t, hook)
	last := told[len(told)-1]
	t.Logf("%d calls; fired at %s after the outage began, resolved at %s after it ended; told: %q",
		c.calls, first.At.Sub(began).Round(time.Second), last.At.Sub(ended).Round(time.Second), hook.Told())
	if late := first.At.Sub(began); late > 20*time.Second+rule.For || late < rule.For {
		t.Errorf("fired %s after the outage began, want within 20 s and %s", late, rule.For)
	}
	ids := map[string]string{}
	for _, n := range told {
		ids[n.ID] = n.Status
		if n.Rule != rule.Name || n.Labels["provider"] != "openai" {
			t.Errorf("something else fired: %+v", n)
		}
	}
	if len(ids) != 2 || first.Status != alerts.Firing || last.Status != alerts.Resolved || first.ID == last.ID {
		t.Errorf("told %d notices of %d transitions, want one of firing and one of resolved", len(told), len(ids))
	}
	if strings.Contains(strings.Join(hook.Told(), "\n")+up.Log(), marked) {
		t.Error("content is in what was told, or in the log")
	}
	up.Terminate(t)
}

func notices(t *testing.T, hook *harness.Hook) (out []alerts.Notice) {
	t.Helper()
	for _, body := range hook.Told() {
		var n alerts.Notice
		if err := json.Unmarshal([]byte(body), &n); err != nil {
			t.Fatal(err)
		}
		out = append(out, n)
	}
	return out
}

// callers are applications that call models; down: those of one provider fail.
type callers struct {
	t     *testing.T
	rng   *rand.Rand
	down  bool
	calls int
}

// call goes on for a while, ten times a second.
func (c *callers) call(up *harness.Instance, during time.Duration) {
	c.t.Helper()
	tick := time.NewTicker(time.Second / callsASecond)
	defer tick.Stop()
	for end := time.Now().Add(during); time.Now().Before(end); <-tick.C {
		for _, provider := range []string{"openai", "anthropic"} {
			request := newCall("shop")
			s := request.GetResourceSpans()[0].GetScopeSpans()[0].GetSpans()[0]
			s.ParentSpanId = randomID(8) // of no request: those are other rules' business
			s.Attributes[1].Value.Value = &commonpb.AnyValue_StringValue{StringValue: provider}
			if c.calls++; (!c.down || provider != "openai") && c.rng.IntN(100) > 0 {
				s.Status = nil
			}
			testkit.Eventually(c.t, time.Minute, func() error {
				if err := trySend(c.t, up, request); err != nil {
					return fmt.Errorf("send: %w", err)
				}
				return nil
			})
		}
	}
}
