package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/spanmill/spanmill/tests/e2e/harness"
)

// marked is what a prompt, a completion and an error say: it must be in no page
// of metrics (P8).
const marked = "the-marked-secret"

// newCall makes a request of one model call with content. It took a second.
func newCall(service string) *collectorpb.ExportTraceServiceRequest {
	request := newTrace(service, 1)
	s := request.GetResourceSpans()[0].GetScopeSpans()[0].GetSpans()[0]
	s.StartTimeUnixNano, s.EndTimeUnixNano = s.GetStartTimeUnixNano()-uint64(time.Second), s.GetStartTimeUnixNano()
	s.Status = &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR, Message: "timeout: " + marked}
	text := func(key, value string) *commonpb.KeyValue {
		return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: value}}}
	}
	number := func(key string, n int64) *commonpb.KeyValue {
		return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: n}}}
	}
	s.Attributes = []*commonpb.KeyValue{
		text("gen_ai.operation.name", "chat"), text("gen_ai.provider.name", "openai"), text("gen_ai.request.model", "gpt-4o-mini"),
		number("gen_ai.usage.input_tokens", 1000), number("gen_ai.usage.output_tokens", 500),
		text("gen_ai.input.messages", `[{"role":"user","parts":[{"type":"text","content":"`+marked+`"}]}]`),
		text("gen_ai.output.messages", `[{"role":"assistant","parts":[{"type":"text","content":"`+marked+`"}]}]`),
		text("gen_ai.system_instructions", `[{"type":"text","content":"`+marked+`"}]`),
	}
	s.Events = []*tracepb.Span_Event{{TimeUnixNano: s.GetEndTimeUnixNano(), Name: "exception", Attributes: []*commonpb.KeyValue{
		text("exception.message", marked), text("exception.stacktrace", marked),
	}}}
	return request
}

// page asks the metrics listener, with headers by name and value.
func page(t *testing.T, up *harness.Instance, path string, headers ...string) (string, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+up.API+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	request.Close = true // no idle connection outlives the test
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s %s", path, response.Status, body)
	}
	return string(body), err
}

// metricAnswer is what the API answers.
type metricAnswer struct {
	Series []struct {
		Labels map[string]string `json:"labels"`
		Points []struct {
			Values map[string]float64 `json:"values"`
		} `json:"points"`
	} `json:"series"`
}

// awaitAnswer waits until a metric of a service in the last hour is as it must be.
func awaitAnswer(t *testing.T, up *harness.Instance, service, metric, stat string, want float64) {
	t.Helper()
	harness.Eventually(t, func() error {
		body, err := page(t, up, "/api/v1/metrics/query?view=service&window=1h&metric="+metric+"&stat="+stat+"&label.service="+service)
		if err != nil {
			return err
		}
		var answer metricAnswer
		if err := json.Unmarshal([]byte(body), &answer); err != nil {
			t.Fatal(err)
		}
		if len(answer.Series) != 1 || len(answer.Series[0].Points) != 1 || answer.Series[0].Points[0].Values[stat] != want {
			return fmt.Errorf("%s of %s: %s, want %g", metric, service, body, want)
		}
		return nil
	})
}

// metricsOfCalls sends two model calls, one of them again, and finds them on the
// API and on Prometheus's page; what they say is on neither, nor on the admin's.
func metricsOfCalls(t *testing.T, up *harness.Instance) {
	t.Helper()
	first := newCall("metrics")
	send(t, up, first)
	send(t, up, newCall("metrics"))
	send(t, up, first)
	awaitAnswer(t, up, "metrics", "trace_latency", "count", 2)
	awaitAnswer(t, up, "metrics", "trace_latency", "mean", 1)
	awaitAnswer(t, up, "metrics", "input_tokens", "sum", 2000)
	all, err := page(t, up, "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		`gen_ai_client_inference_duration_seconds_count{gen_ai_provider_name="openai",gen_ai_request_model="gpt-4o-mini"} 2`,
		`spanmill_model_errors_total{class="timeout",gen_ai_provider_name="openai",gen_ai_request_model="gpt-4o-mini"} 2`,
	} {
		if !strings.Contains(all, line) {
			t.Errorf("Prometheus is not told %s", line)
		}
	}
	for what, text := range map[string]string{"Prometheus": all, "the admin's page": up.Metrics(t), "the log": up.Log()} {
		if strings.Contains(text, marked) {
			t.Errorf("content is in %s", what)
		}
	}
}
