package mlflow

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzSplit: of any valid JSON, split gives what encoding/json gives, at every
// level.
func FuzzSplit(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":1}`, ` { "a" : "b\\" , "b\"" : [ "]", {"x":"}"} ] , "a" : null } `, `{"\u00e9\ud83d\ude00":"\\\"","k":{"k":{"k":-1.5e3}}}`,
		`{"a":"\ud800","b":"` + "\xff" + `"}`, `{"\b\f\n\r\t\/\\\"":"{\"a\": \"\\n\"}","k":"\n\u0041é"}`, `[]`, `null`, `{"trace":{"trace_info":{"tags":{"a":"b"},"trace_metadata":{"n":"1"}}}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		body = bytes.TrimSpace(body)
		if json.Valid(body) {
			splitLikeJSON(t, body)
		}
	})
}

func splitLikeJSON(t *testing.T, raw json.RawMessage) {
	t.Helper()
	var want map[string]json.RawMessage
	err := json.Unmarshal(raw, &want)
	got, isObject := split(raw)
	if isObject != (err == nil && want != nil) {
		t.Fatalf("split: object %v; encoding/json: %v", isObject, err)
	}
	if !isObject {
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	for _, within := range got {
		splitLikeJSON(t, within)
		var s string
		if within[0] == '"' {
			if err := json.Unmarshal(within, &s); err != nil || s != unquote(within) {
				t.Fatalf("unquote %s: %q, want %q, %v", within, unquote(within), s, err)
			}
		}
	}
}
