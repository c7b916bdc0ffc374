package compat_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spanmill/spanmill/tests/e2e/harness"
)

// storyIDs are what a client says it sent, in lower-case hex.
type storyIDs struct {
	Trace string `json:"trace"`
	Agent string `json:"agent"`
	Chat  string `json:"chat"`
	Tool  string `json:"tool"`
}

// row is one row as Rows gives it.
type row = map[string]any

func number(text string) json.Number { return json.Number(text) }

// checkStory waits for the three spans and compares their columns.
func checkStory(t *testing.T, up *harness.Instance, ids storyIDs, session string) {
	t.Helper()
	got := awaitSpans(t, up, ids.Trace, 3)
	same := row{"tenant": "default", "trace_id": ids.Trace, "service_name": "compat", "experiment_id": "0", "in_order": number("1")}
	for _, want := range []row{
		{
			"span_id": ids.Agent, "parent_span_id": "", "name": "invoke_agent researcher",
			"kind": "AGENT", "otel_kind": "INTERNAL", "status": "OK", "operation": "invoke_agent",
			"session_id": session, "user_id": "user-7",
			"retries": number("3"), "score": number("0.5"), "cached": true, "tags": `["alpha","beta"]`,
		},
		{
			"span_id": ids.Chat, "parent_span_id": ids.Agent, "name": "chat gpt-4o-mini",
			"kind": "LLM", "otel_kind": "CLIENT", "status": "UNSET", "operation": "chat",
			"provider": "openai", "model": "gpt-4o-mini-2024-07-18",
			"input_tokens": number("12"), "output_tokens": number("34"),
			"input":  `[{"role": "user", "parts": [{"type": "text", "content": "Où est le chat? 🐈"}]}]`,
			"output": `[{"role": "assistant", "parts": [{"type": "text", "content": "On the mat."}]}]`,
		},
		{
			"span_id": ids.Tool, "parent_span_id": ids.Agent, "name": "execute_tool search",
			"kind": "TOOL", "otel_kind": "INTERNAL", "status": "ERROR", "operation": "execute_tool",
			"status_message": "no answer", "events": "exception", "links": ids.Chat,
		},
	} {
		compare(t, got[want["span_id"].(string)], with(same, want))
	}
}

// columns are what the tests look at. Two are computed: in_order says that the
// times are sane and duration_ns is their difference.
const columns = `tenant, trace_id, span_id, parent_span_id, service_name, name, kind, otel_kind, status, status_message,
	operation, provider, model, input_tokens, output_tokens, session_id, user_id, experiment_id, input, output,
	attr_int['app.retries'] AS retries, attr_double['app.score'] AS score, attr_bool['app.cached'] AS cached,
	attr_json['app.tags'] AS tags, arrayStringConcat(events_name, ',') AS events, arrayStringConcat(links_span_id, ',') AS links,
	end_time >= start_time AND abs(dateDiff('minute', start_time, now())) < 10 AND duration_ns = end_unix_nano - start_unix_nano AS in_order`

// absent are the values of columns that a span says nothing about.
var absent = row{
	"status_message": "", "operation": "", "provider": "", "model": "", "input_tokens": nil, "output_tokens": nil,
	"session_id": "", "user_id": "", "input": "", "output": "",
	"retries": number("0"), "score": number("0"), "cached": false, "tags": "", "events": "", "links": "",
}

// awaitSpans gives a trace's rows by span id once there are as many as wanted.
func awaitSpans(t *testing.T, up *harness.Instance, trace string, want int) map[string]row {
	t.Helper()
	bySpan := make(map[string]row)
	harness.Eventually(t, func() error {
		rows, err := up.Rows(t, fmt.Sprintf("SELECT %s FROM spans WHERE trace_id = '%s'", columns, trace))
		if err != nil {
			return err
		}
		if len(rows) < want {
			return fmt.Errorf("trace %s has %d of %d spans", trace, len(rows), want)
		}
		clear(bySpan)
		for _, r := range rows {
			bySpan[r["span_id"].(string)] = r
		}
		if len(rows) != want || len(bySpan) != want {
			t.Fatalf("trace %s has %d rows of %d spans, want %d", trace, len(rows), len(bySpan), want)
		}
		return nil
	})
	return bySpan
}

// compare wants got to have want's values, and none where want says nothing.
// Content is compared as JSON: which spaces a client writes is its own affair.
func compare(t *testing.T, got, want row) {
	t.Helper()
	want = with(absent, want)
	asJSON := cmp.FilterPath(func(p cmp.Path) bool {
		key, ok := p.Last().(cmp.MapIndex)
		return ok && (key.Key().String() == "input" || key.Key().String() == "output")
	}, cmp.Comparer(equalJSON))
	if diff := cmp.Diff(want, got, asJSON); diff != "" {
		t.Errorf("span %v (-want +got):\n%s", want["name"], diff)
	}
}

func equalJSON(a, b any) bool {
	return cmp.Equal(parsed(a), parsed(b))
}

// parsed gives the value of JSON text, or the text when it is none.
func parsed(v any) any {
	text, ok := v.(string)
	if !ok {
		return v
	}
	var value any
	if json.Unmarshal([]byte(text), &value) != nil {
		return text
	}
	return value
}

// with gives the columns of both, the second's where both have one.
func with(first, second row) row {
	both := maps.Clone(first)
	maps.Copy(both, second)
	return both
}
