package mlflow

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzSplit: of any text, split gives what encoding/json gives, at every level,
// and refuses what it refuses.
func FuzzSplit(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":1}`, ` { "a" : "b\\" , "b\"" : [ "]", {"x":"}"} ] , "a" : null } `, `{"\u00e9\ud83d\ude00":"\\\"","k":{"k":{"k":-1.5e3}}}`,
		`{"a":"\ud800","b":"` + "\xff" + `"}`, `{"\b\f\n\r\t\/\\\"":"{\"a\": \"\\n\"}","k":"\n\u0041é"}`, `[]`, `null`, `{"trace":{"trace_info":{"tags":{"a":"b"},"trace_metadata":{"n":"1"}}}}`,
		`{"a":[{"b":{"c":1}},2],"d":{"e":[{"f":1}],"g":2},"a":{"h":true}}`, `{"é":1,"` + "\xff" + `":2}`, `{"a":01}`, `{"a":1.}`, `{"a":-}`, `{"a":1e+}`, `{"a":0.5E-7}`,
		`{"a" 1}`, `{"a":1,}`, `{,}`, `{"a":[1,]}`, `{"a":[1 2]}`, `{"a":"\x"}`, `{"a":"\u12g4"}`, `{"a":"` + "\n" + `"}`, `{"a":tru}`, `{"a":1}}`, `{"a":"`, `{"a":"\`, `{"a]`, `{"a":1]`, `{a:1}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		fields, isObject, _ := split(body)
		var want map[string]json.RawMessage
		if err := json.Unmarshal(body, &want); isObject != (err == nil && want != nil) {
			t.Fatalf("split: object %v; encoding/json: %v", isObject, err)
		}
		if isObject {
			splitLikeJSON(t, fields, want)
		}
	})
}

func splitLikeJSON(t *testing.T, fields []field, want map[string]json.RawMessage) {
	t.Helper()
	got := make(map[string]json.RawMessage)
	for i := 0; i < len(fields); i += 1 + fields[i].within {
		f := fields[i]
		got[string(f.name)] = f.value
		valueLikeJSON(t, f.value, fields[i+1:i+1+f.within])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
}

func valueLikeJSON(t *testing.T, raw []byte, fields []field) {
	t.Helper()
	var (
		s      string
		object map[string]json.RawMessage
		list   []json.RawMessage
	)
	switch raw[0] {
	case '"':
		if err := json.Unmarshal(raw, &s); err != nil || s != unquote(raw) {
			t.Fatalf("unquote %s: %q, want %q, %v", raw, unquote(raw), s, err)
		}
	case '{':
		if err := json.Unmarshal(raw, &object); err != nil {
			t.Fatal(err)
		}
		splitLikeJSON(t, fields, object)
	case '[':
		elements, within, isList := splitList(raw)
		if err := json.Unmarshal(raw, &list); err != nil || !isList || len(elements) != len(list) {
			t.Fatalf("%s: %d elements, want %d, %v", raw, len(elements), len(list), err)
		}
		for i, e := range elements {
			if !bytes.Equal(e.value, list[i]) {
				t.Fatalf("element %s, want %s", e.value, list[i])
			}
			valueLikeJSON(t, e.value, within[i])
		}
	}
}

func TestSplitGoesAsDeepAsJSON(t *testing.T) {
	t.Parallel()
	for _, depth := range []int{maxDepth - 1, maxDepth} {
		body := []byte(`{"a":` + strings.Repeat("[", depth) + strings.Repeat("]", depth) + "}")
		if _, isObject, _ := split(body); isObject != json.Valid(body) {
			t.Errorf("%d lists in an object: taken %v, valid %v", depth, isObject, json.Valid(body))
		}
	}
}

func TestTheLastOfSeveralFieldsCounts(t *testing.T) {
	t.Parallel()
	o, err := parse([]byte(`{"some_name":"a","someName":"b","some_name":"c","otherName":"d","otherName":"e",
		"fine":{"k":1,"k":"v"},"bad":{"k":"v","k":1},"null":{"k":{"deep":1},"k":null}}`))
	if err != nil {
		t.Fatal(err)
	}
	got := []any{o.text("some_name"), o.text("other_name"), o.texts("fine"), o.texts("null"), o.err()}
	if diff := cmp.Diff([]any{"c", "e", map[string]string{"k": "v"}, map[string]string{"k": ""}, error(nil)}, got); diff != "" {
		t.Error(diff)
	}
	if o.texts("bad") != nil || o.err() == nil {
		t.Error("the last of two is a number, and was taken")
	}
}

// TestFieldsAreBounded: a field takes ten times as much memory as it does in the
// body.
func TestFieldsAreBounded(t *testing.T) {
	t.Parallel()
	members := func(n int) string { return strings.TrimSuffix(strings.Repeat(`"a":0,`, n), ",") }
	elements := func(n int, one string) string {
		return `{"l":[` + strings.TrimSuffix(strings.Repeat(one+",", n), ",") + `]}`
	}
	for _, c := range []struct{ body, problem string }{
		{"{" + members(maxFields) + "}", ""},
		{"{" + members(maxFields+1) + "}", "more than 100000 fields"},
		{`{"a":{` + members(maxFields) + "}}", "more than 100000 fields"},
		{elements(maxFields, "{}"), ""},
		{elements(maxFields+1, "{}"), "100000 with their fields at most"},
		{elements(maxFields+1, "0"), "100000 with their fields at most"},
		{elements(maxFields/2+1, `{"a":0,"b":0}`), "100000 with their fields at most"},
	} {
		o, err := parse([]byte(c.body))
		if err == nil {
			o.objects("l")
			err = o.err()
		}
		if (err == nil) != (c.problem == "") || err != nil && !strings.Contains(err.Error(), c.problem) {
			t.Errorf("%.30s… of %d bytes: %v, want %q", c.body, len(c.body), err, c.problem)
		}
	}
}
