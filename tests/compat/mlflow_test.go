package compat_test

import (
	"os"
	"os/exec"
	"testing"

	"github.com/spanmill/spanmill/tests/e2e/harness"
)

// testMLflow runs the MLflow Tracing SDK in its OTLP-exporter mode, which
// JSON-encodes every attribute and sends neither session nor user.
func testMLflow(t *testing.T, up *harness.Instance) {
	python := installed(t, "python-env.sh", "tests/compat/python/requirements.txt")
	for protocol, endpoint := range map[string]string{
		"http/protobuf": "http://" + up.OTLPHTTP + "/v1/traces",
		"grpc":          "http://" + up.OTLPGRPC,
	} {
		t.Run(protocol, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), python, "python/mlflow_client.py")
			cmd.Env = append(os.Environ(), mlflowEnv(protocol, endpoint)...)
			ids := parseIDs(t, run(t, cmd))
			got := awaitSpans(t, up, ids.Trace, 2)
			same := row{
				"tenant": "default", "trace_id": ids.Trace, "service_name": "compat", "experiment_id": "7",
				"otel_kind": "INTERNAL", "status": "OK", "in_order": number("1"),
				"input": `{"question": "Où est le chat? 🐈"}`, "output": `{"answer": "On the mat."}`,
			}
			compare(t, got[ids.Agent], with(same, row{"span_id": ids.Agent, "parent_span_id": "", "name": "agent", "kind": "AGENT"}))
			compare(t, got[ids.Chat], with(same, row{
				"span_id": ids.Chat, "parent_span_id": ids.Agent, "name": "chat", "kind": "LLM",
				"provider": "openai", "model": "gpt-4o-mini", "input_tokens": number("12"), "output_tokens": number("34"),
			}))
		})
	}
}

// mlflowEnv turns the SDK's OTLP-exporter mode on. It wants a tracking URI to
// be set but never contacts it.
func mlflowEnv(protocol, endpoint string) []string {
	return []string{
		"MLFLOW_TRACKING_URI=http://127.0.0.1:9",
		"OTEL_SERVICE_NAME=compat",
		"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=" + endpoint,
		"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=" + protocol,
		"OTEL_EXPORTER_OTLP_TRACES_HEADERS=x-mlflow-experiment-id=7",
	}
}
