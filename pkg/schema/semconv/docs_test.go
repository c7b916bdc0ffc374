package semconv

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// columnNames are the columns of table spans that sources compete for; some
// have several lists, which one of them wins.
var columnNames = map[column]string{
	operation: "operation", provider: "provider", langchainProvider: "provider", clientFormat: "provider (inferred)", model: "model", modelEntity: "model",
	requestModel: "request_model", responseModel: "response_model",
	sessionID: "session_id", userID: "user_id", experimentID: "experiment_id", serviceName: "service_name",
	environment: "environment", release: "release", appVersion: "app_version",
	traceName: "trace_name", level: "level", displayName: "display_name", functionID: "display_name",
	agentName: "agent_name", agentEntity: "agent_name", agentID: "agent_id", agentVersion: "agent_version",
	workflowName: "workflow_name", toolName: "tool_name", toolEntity: "tool_name", toolCallID: "tool_call_id", toolType: "tool_type",
	promptName: "prompt_name", promptVersion: "prompt_version", dataSourceID: "data_source_id",
	errorType: "error_type", frameworkError: "error_type", serverAddress: "server_address",
	serviceTier: "service_tier", batch: "is_batch", stream: "is_stream", responseID: "response_id", responseStatus: "response_status",
	reasoningLevel: "reasoning_level", outputType: "output_type", firstTokenTime: "ttft_ns", ttftSeconds: "ttft_ns", ttftMillis: "ttft_ns",
	tags: "tags", finishReasons: "finish_reasons", instructions: "input", input: "input", toolInput: "input", output: "output", toolCalls: "output",
	inputTokens: "input_tokens", uncachedTokens: "input_tokens", outputTokens: "output_tokens", spokenTokens: "output_tokens",
	totalTokens: "total_tokens", cacheReadTokens: "cache_read_tokens",
	cacheWriteTokens: "cache_write_tokens", cacheWrite5mTokens: "cache_write_tokens", cacheWrite1hTokens: "cache_write_1h_tokens",
	reasoningTokens: "reasoning_tokens", audioInputTokens: "audio_input_tokens", audioOutputTokens: "audio_output_tokens",
	maxTokens: "max_tokens", choiceCount: "choice_count", temperature: "temperature", topP: "top_p",
	costDetail: "cost (reported)", costTotal: "cost (reported)", costInput: "cost of input (reported)", costOutput: "cost of output (reported)",
}

// mapped is one source of a column, for readers.
type mapped struct {
	dialect string
	place   uint16
	key     string
}

// mapping lists the sources of every named column, best first.
func mapping(t *testing.T) (columns []string, of map[string][]mapped) {
	t.Helper()
	of = make(map[string][]mapped)
	put := func(d dialect, r row, key string) {
		name, known := columnNames[r.column]
		if !known {
			t.Fatalf("column %d of %s has no name", r.column, key)
		}
		if of[name] == nil {
			columns = append(columns, name)
		}
		of[name] = append(of[name], mapped{dialectName(d), r.place, key})
	}
	for _, d := range dialects() {
		for _, r := range slices.Concat(d.rows, d.guarded) {
			put(d, r, r.key)
		}
		for _, o := range d.objects {
			for _, r := range o.rows {
				put(d, r, o.key+" → "+r.key)
			}
		}
		for _, f := range d.folds {
			end := "N…"
			if f.pairs {
				end = "…"
			}
			put(d, row{f.column, f.place, ""}, f.prefix+end)
			if f.reasons != 0 {
				put(d, row{finishReasons, f.reasons, ""}, f.prefix+"N.finish_reason")
			}
		}
	}
	slices.Sort(columns)
	for _, list := range of {
		slices.SortStableFunc(list, func(a, b mapped) int { return cmp.Compare(a.place, b.place) })
	}
	return columns, of
}

// dialectName is the family, or what a dialect without one is known by.
func dialectName(d dialect) string {
	if d.family != "" {
		return d.family
	}
	named := map[string]dialect{"openlit": openLIT, "mastra": mastra, "voltagent": voltAgent, "litellm": liteLLM, "opencode": opencode, "generic": generic}
	for name, other := range named {
		if other.rows[0] == d.rows[0] {
			return name
		}
	}
	return ""
}

func renderMapping(t *testing.T) string {
	columns, of := mapping(t)
	var names []string
	for _, d := range dialects() {
		if name := dialectName(d); len(d.rows) > 0 {
			names = append(names, name)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "| column | %s |\n|---|%s\n", strings.Join(names, " | "), strings.Repeat("---|", len(names)))
	for _, c := range columns {
		fmt.Fprintf(&b, "| %s |", c)
		for _, name := range names {
			mark := " "
			if slices.ContainsFunc(of[c], func(m mapped) bool { return m.dialect == name }) {
				mark = " x "
			}
			fmt.Fprintf(&b, "%s|", mark)
		}
		b.WriteByte('\n')
	}
	b.WriteString("\n| column | attributes, the first that says something wins |\n|---|---|\n")
	for _, c := range columns {
		var keys []string
		for _, m := range of[c] {
			keys = append(keys, "`"+m.key+"`")
		}
		fmt.Fprintf(&b, "| %s | %s |\n", c, strings.Join(keys, ", "))
	}
	return b.String()
}

// TestPageShowsTheTables: docs/semconv.md says what the tables do. -update
// writes it there.
func TestPageShowsTheTables(t *testing.T) {
	t.Parallel()
	const page, begin, end = "../../../docs/semconv.md", "<!-- tables -->\n", "<!-- end of tables -->\n"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	shown, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the tables", page)
	}
	want := renderMapping(t)
	if shown == want {
		return
	}
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(page, []byte(before+begin+want+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Errorf("%s does not show the tables; run this test with -update", page)
}
