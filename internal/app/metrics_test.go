package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const ownMetrics = `metrics:
  - name: long_answers
    kind: counter
    of: model_calls
    where: output_tokens > 500
    by: {model: model}
  - {name: askers, kind: distinct, value: user}
views:
  - {name: by_plan, by: {plan: 'attrs.text("plan")'}, metrics: [spans, span_errors]}
`

// recorded is an export request as JSON, as file exporters write it.
const recorded = `{"resourceSpans":[{"scopeSpans":[{"spans":[` +
	`{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708","name":"chat","startTimeUnixNano":"1795996800000000000","endTimeUnixNano":"1795996801000000000",` +
	`"attributes":[{"key":"plan","value":{"stringValue":"pro"}},{"key":"gen_ai.operation.name","value":{"stringValue":"chat"}},{"key":"gen_ai.request.model","value":{"stringValue":"m1"}},` +
	`{"key":"gen_ai.usage.output_tokens","value":{"intValue":"700"}}]}]}]}]}`

// TestMetricsTestRunsThemOnRecordedSpans: on a file's, a request a line, and on
// the demo's.
func TestMetricsTestRunsThemOnRecordedSpans(t *testing.T) {
	dir := t.TempDir()
	file, data := filepath.Join(dir, "metrics.yaml"), filepath.Join(dir, "spans.jsonl")
	again := strings.ReplaceAll(recorded, `"0102030405060708"`, `"0102030405060709"`)
	for name, text := range map[string]string{file: ownMetrics, data: recorded + "\n" + again + "\n" + again + "\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	code, out, errs := command(t, "metrics", "test", file, "--data", data)
	for _, want := range []string{"2 spans in ", ", 1 resends,", "model=m1  long_answers  count 2, sum 2\n", "plan=pro  spans  count 2, sum 2\n"} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("exit %d, no %q: %s\n%s", code, want, errs, out)
		}
	}
	code, out, errs = command(t, "metrics", "test", file, "--traces", "50", "--top", "2")
	if code != 0 || !strings.Contains(out, " different\n") || !strings.Contains(out, "  …\n") {
		t.Errorf("exit %d: %s\n%s", code, errs, out)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(ownMetrics, "> 500", "> many", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs = command(t, "metrics", "test", file); code != 1 || !strings.Contains(errs, "metrics.yaml:5:28: undeclared reference to 'many'") {
		t.Errorf("exit %d: %s", code, errs)
	}
}
