package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spanmill/spanmill/tests/e2e/harness"
)

// sendCapture posts what a real instrumentation exported, as tests/corpus has it.
// Captures have the same ids: trace ids are made to begin with their own.
func sendCapture(t *testing.T, up *harness.Instance, id, name string) {
	t.Helper()
	capture, err := os.ReadFile(filepath.Join(harness.Root(t), "tests", "corpus", "testdata", "captures", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	body := strings.ReplaceAll(string(capture), `"traceId": "7ace`, `"traceId": "`+id)
	postJSON(t, up, "/v1/traces", body)
}

func writePrices(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "prices.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestMoney: what calls cost, from what instrumentations export to the table,
// then by new prices, with a repricing that is killed on the way.
func TestMoney(t *testing.T) {
	const billed = "SELECT semconv_family, provider, provider_inferred, model, count(), sum(cost) FROM spans WHERE usage_billable GROUP BY ALL ORDER BY ALL"
	const (
		openAI = "mlflow\topenai\ttrue\tgpt-4o-mini-2024-07-18\t3\t"
		claude = "openinference\tanthropic\tfalse\tclaude-sonnet-4-5-20250929\t3\t"
	)
	plant := harness.NewUp(t)
	plant.Args = []string{"--prices", writePrices(t, "books: [{unbilled_scopes: [com.anthropic.sdk.python]}]")}
	up := harness.Start(t, plant, harness.Options{})
	sendCapture(t, up, "aaaa", "mlflow/openai.chat.traces.json")
	sendCapture(t, up, "bbbb", "mlflow/openai.agent.traces.json")
	sendCapture(t, up, "cccc", "openinference/anthropic.cached.traces.json") // and the SDK's own spans
	awaitSQL(t, up, "11", "SELECT count() FROM spans")
	streamedCosts(t, up)
	before := openAI + "0.00003015\n" + claude + "0.0116442"
	if got := up.SQL(t, billed); got != before {
		t.Errorf("billed:\n%s\nwant:\n%s", got, before)
	}

	// The price of gpt-4o-mini doubles, as if it always had been so.
	day := func(t time.Time) string { return t.UTC().Format(time.DateOnly) }
	reprice := []string{
		"reprice", "--from", day(time.Now().Add(-24 * time.Hour)), "--to", day(time.Now()),
		"--prices", writePrices(t, `books: [{models: [{provider: openai, model: gpt-4o-mini-2024-07-18, input: "0.30", output: "1.20", cache_read: "0.15"}]}]`),
	}
	const change = "default openai/gpt-4o-mini-2024-07-18: 3 spans, 0.00003015 → 0.0000603 dollars"
	code, out := run(t, up, append(reprice, "--dry-run")...)
	if code != 0 || !strings.Contains(out, change) || strings.Contains(out, "anthropic") {
		t.Errorf("dry run: exit %d\n%s", code, out)
	}
	if got := up.SQL(t, billed); got != before {
		t.Errorf("after the dry run:\n%s\nwant:\n%s", got, before)
	}
	killed := exec.Command(up.Door().Path, append(reprice, up.Target...)...)
	if err := killed.Start(); err != nil {
		t.Fatal(err)
	}
	_ = killed.Process.Kill() // wherever it is; store's tests kill it everywhere
	_ = killed.Wait()
	if code, out = run(t, up, reprice...); code != 0 {
		t.Errorf("reprice: exit %d\n%s", code, out)
	}
	after := openAI + "0.0000603\n" + claude + "0.0116442"
	if got := up.SQL(t, billed); got != after {
		t.Errorf("repriced:\n%s\nwant:\n%s", got, after)
	}
	sums := "SELECT sum(cost), (SELECT sum(cost) FROM trace_parts) FROM traces WHERE tenant = 'default' AND day >= today() - 1"
	if got := up.SQL(t, sums); got != "0.0117045\t0.0117045" {
		t.Errorf("traces and trace_parts: %s", got)
	}
	streamedCosts(t, up)
	code, out = run(t, up, reprice...)
	if code != 0 || strings.Contains(out, "dollars") || strings.Count(out, "nothing changes") != 2 {
		t.Errorf("again: exit %d\n%s", code, out)
	}
	up.Terminate(t)
}

// streamedCosts holds what was streamed to the recount: what calls cost, and how
// many have no cost, by model and of all.
func streamedCosts(t *testing.T, up *harness.Instance) {
	t.Helper()
	recount := up.SQL(t, "SELECT provider, model, toInt64(countIf(cost_source != 'none')), toInt64(sum(cost) * 1000000000), toInt64(countIf(cost_source = 'none'))"+
		" FROM spans WHERE usage_billable GROUP BY ALL ORDER BY ALL")
	const sums = "sumIf(count, metric = 'cost'), sumIf(sum, metric = 'cost'), sumIf(count, metric = 'unpriced_calls')"
	for _, from := range []string{"rollups", "metrics_1m"} {
		awaitSQL(t, up, recount, "SELECT labels['provider'] AS provider, labels['model'] AS model, "+sums+" FROM "+from+
			" WHERE view = 'model' AND metric IN ('cost', 'unpriced_calls') GROUP BY provider, model ORDER BY ALL")
	}
	all := up.SQL(t, "SELECT toInt64(countIf(cost_source != 'none')), toInt64(sum(cost) * 1000000000), toInt64(countIf(cost_source = 'none')) FROM spans WHERE usage_billable")
	awaitSQL(t, up, all, "SELECT "+sums+" FROM rollups WHERE view = 'tenant'")
}
