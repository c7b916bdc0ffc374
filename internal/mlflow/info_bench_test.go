package mlflow

import (
	"encoding/json"
	"strings"
	"testing"
)

// BenchmarkTraceInfo is what the door pays for the body of a trace info, as
// MLflow's SDK sends it when a trace has ended, and for its answer.
func BenchmarkTraceInfo(b *testing.B) {
	text := strings.Repeat("some words of a question ", 15)
	in, out := `{"question": "`+text+`"}`, `{"answer": "`+text+`"}`
	body, err := json.Marshal(map[string]any{"trace": map[string]any{"trace_info": map[string]any{
		"trace_id":       "tr-0123456789abcdef0123456789abcdef",
		"trace_location": map[string]any{"type": typeExperiment, "mlflow_experiment": map[string]any{"experiment_id": "1"}},
		"request_time":   "2026-11-22T13:06:11.960Z", "execution_duration": "0.100s", "state": "OK",
		"request_preview": in, "response_preview": out,
		"trace_metadata": map[string]any{
			"mlflow.trace_schema.version": "3", "mlflow.user": "ann", "mlflow.source.name": "app.py", "mlflow.source.type": "LOCAL",
			"mlflow.traceInputs": in[:250], "mlflow.traceOutputs": out[:250], "mlflow.trace.session": "s", "mlflow.trace.sizeBytes": "9100",
			"mlflow.trace.sizeStats":  `{"total_size_bytes": 9100, "num_spans": 8, "max": 1500, "p25": 700, "p50": 1000, "p75": 1200}`,
			"mlflow.trace.tokenUsage": `{"input_tokens": 1000, "output_tokens": 300, "total_tokens": 1300}`,
		},
		"tags": map[string]any{"mlflow.traceName": "agent"},
	}}})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		o, err := parse(body)
		if err != nil {
			b.Fatal(err)
		}
		id, info, _ := traceInfo(o.object("trace").object("trace_info"))
		if _, err := replyTrace(infoJSON(id, info)); err != nil || o.err() != nil {
			b.Fatal(err, o.err())
		}
	}
}
