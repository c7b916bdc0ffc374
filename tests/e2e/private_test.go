package e2e_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/spanmill/spanmill/internal/bus"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
	"github.com/spanmill/spanmill/tests/e2e/harness"
)

// privateRule fires at the first failed call of service private.
const privateRule = `rules:
- {name: private, kind: threshold, of: error.span_errors, stat: count, where: {service: private}, by: [service, kind, class], above: 0, window: 10m,
   summary: "{value} of {service} {kind} {class} {tenant} {rule}"}`

// tellsNoContent holds that what a failed model call of service private said is
// nowhere where metrics are told: every answer of the API, its streams,
// Prometheus's page in each of its forms, topics rollups and alerts, what the hook
// was told, the admin's page and the log (P8).
func tellsNoContent(t *testing.T, up *harness.Instance, hook *harness.Hook) {
	t.Helper()
	harness.Eventually(t, func() error {
		if !strings.Contains(strings.Join(hook.Told(), "\n"), "private") {
			return errors.New("no alert was told")
		}
		return nil
	})
	told := map[string]string{"alerts": strings.Join(hook.Told(), "\n"), "the admin's page": up.Metrics(t), "the log": up.Log()}
	for _, v := range rollup.Views {
		for _, m := range v.Metrics {
			body, err := page(t, up, "/api/v1/metrics/query?window=1h&view="+v.Name+"&metric="+m)
			if err != nil {
				t.Fatal(err)
			}
			told[v.Name+"."+m] = body
		}
	}
	for _, r := range rollup.Rates {
		body, err := page(t, up, "/api/v1/metrics/query?window=1h&metric="+r.Name)
		if err != nil {
			t.Fatal(err)
		}
		told[r.Name] = body
	}
	told["a stream"] = firstEvent(t, up, "metric=span_errors&view=error&window=1h")
	told["a stream of words"] = firstEvent(t, up, "metric=labelled&view=assessment_label&window=1h")
	for _, form := range []string{"text/plain", "application/openmetrics-text; version=1.0.0", "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"} {
		told["Prometheus's page as "+form] = scrape(t, up, form)
	}
	for _, topic := range []string{schema.TopicRollups, schema.TopicAlerts} {
		told["topic "+topic] = everything(t, up, topic)
	}
	lint(t, told["Prometheus's page as text/plain"])
	mentions := 0
	for what, text := range told {
		if strings.Contains(text, marked) {
			t.Errorf("content is in %s", what)
		}
		if strings.Contains(text, "private") {
			mentions++
		}
	}
	for what, word := range map[string]string{
		"alerts": "private", "topic alerts": "private", "topic rollups": "private", "a stream": "private", "error.span_errors": "private",
		"a stream of words": "warm", "assessment.score": "helpful", "category_share": "warm", "event.events": "feedback",
	} {
		if !strings.Contains(told[what], word) {
			t.Errorf("%s does not mention %s: nothing was looked for there\n%.300q", what, word, told[what])
		}
	}
	t.Logf("%d texts were searched, %d of which tell of the service", len(told), mentions)
}

// lint holds Prometheus's page against the linter of its own project.
func lint(t *testing.T, page string) {
	t.Helper()
	if problems, err := promlint.New(strings.NewReader(page)).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("linter: %v, %v", problems, err)
	}
}

// firstEvent is the first of a stream.
func firstEvent(t *testing.T, up *harness.Instance, question string) string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+up.API+"/api/v1/metrics/stream?"+question, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true // no idle connection outlives the test
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if data, found := strings.CutPrefix(lines.Text(), "data: "); found && json.Valid([]byte(data)) {
			return data
		}
	}
	t.Fatalf("the stream ended: %v", lines.Err())
	return ""
}

// scrape is Prometheus's page in a form.
func scrape(t *testing.T, up *harness.Instance, form string) string {
	t.Helper()
	body, err := page(t, up, "/metrics", "Accept", form)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// everything is all that a topic's records hold.
func everything(t *testing.T, up *harness.Instance, topic string) string {
	t.Helper()
	cfg := bus.Default()
	cfg.Brokers = []string{up.Kafka}
	var all strings.Builder
	err := bus.Scan(t.Context(), cfg, topic, slog.New(slog.DiscardHandler), func(r *pipeline.Record) error {
		_, err := fmt.Fprintf(&all, "%s %s %s\n", r.Key, r.Value, r.Headers)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
