package mlflow

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/spanmill/spanmill/internal/auth"
)

func TestWhatEveryoneMayAsk(t *testing.T) {
	t.Parallel()
	keys, _ := keysOf(t, "acme:read")
	b := newBench(t, keys)
	if w := b.send("GET", "/version", ""); w.Code != 200 || w.Body.String() != "3.17.2" {
		t.Errorf("/version: %d %q", w.Code, w.Body)
	}
	if w := b.send("GET", "/health", ""); w.Code != 200 || w.Body.String() != "OK" {
		t.Errorf("/health: %d %q", w.Code, w.Body)
	}
	if w := b.send("GET", "/api/3.0/mlflow/server-info", ""); w.Code != 401 {
		t.Errorf("server-info without a key: %d", w.Code)
	}
}

func TestKeysAndWorkspaces(t *testing.T) {
	t.Parallel()
	keys, key := keysOf(t, "acme:read, write")
	b := newBench(t, keys)
	bearer := "Authorization: Bearer " + key[0]
	for _, tt := range []struct {
		name    string
		headers []string
		status  int
		want    string
	}{
		{"no key", nil, 401, `"error_code":"UNAUTHENTICATED"`},
		{"unknown key", []string{"Authorization: Bearer nope"}, 401, "not known here"},
		{"a key", []string{bearer}, 200, `"workspaces_enabled":true`},
		{"its workspace", []string{bearer, "X-MLFLOW-WORKSPACE: acme"}, 200, ""},
		{"another workspace", []string{bearer, "X-MLFLOW-WORKSPACE: beta"}, 403, `"error_code":"PERMISSION_DENIED"`},
	} {
		for _, prefix := range []string{"/api", "/ajax-api"} {
			w := b.send("GET", prefix+"/3.0/mlflow/server-info", "", tt.headers...)
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) {
				t.Errorf("%s, %s: %d %s", tt.name, prefix, w.Code, w.Body)
			}
			if strings.Contains(w.Body.String(), key[0]) {
				t.Errorf("%s: the answer quotes the key", tt.name)
			}
		}
	}
}

// TestUnknownRoutes: the SDK takes an answer that is not JSON for a call that
// the server does not have, and nothing else.
func TestUnknownRoutes(t *testing.T) {
	t.Parallel()
	b := newBench(t, auth.Anonymous())
	for _, target := range []string{"/api/4.0/mlflow/traces", "/api/2.0/mlflow/runs/create", "/v1/metrics", "/nope", "/"} {
		w := b.send("POST", target, "{}")
		if w.Code != 404 || json.Valid(w.Body.Bytes()) {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
}

func TestErrorsAsMLflowWordsThem(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		want string
	}{
		{invalid("x"), `{"error_code":"INVALID_PARAMETER_VALUE","message":"x","sqlstate":"KAM00","error_class":"INVALID_PARAMETER_VALUE"}`},
		{missing("x"), `{"error_code":"RESOURCE_DOES_NOT_EXIST","message":"x","sqlstate":"KAM00","error_class":"RESOURCE_NOT_FOUND"}`},
		{exists("x"), `{"error_code":"RESOURCE_ALREADY_EXISTS","message":"x","sqlstate":"KAM00","error_class":"RESOURCE_ALREADY_EXISTS"}`},
		{later(reasonNotReady, "x", nil), `{"error_code":"TEMPORARILY_UNAVAILABLE","message":"x","sqlstate":"XXM00","error_class":"CLIENT_INTERNAL_ERROR"}`},
		{errors.New("secret"), `{"error_code":"INTERNAL_ERROR","message":"an error of the server","sqlstate":"XXM00","error_class":"CLIENT_INTERNAL_ERROR"}`},
		{&Error{Status: 413, Message: "x"}, `{"error_code":"BAD_REQUEST","message":"x","sqlstate":"KAM00","error_class":"INVALID_PARAMETER_VALUE"}`},
		{&Error{Status: 429, Message: "x"}, `{"error_code":"RESOURCE_EXHAUSTED","message":"x"}`},
		{&Error{Status: 422, detail: "x"}, `{"detail":"x"}`},
	} {
		if got := string(asError(tt.err).body()); got != tt.want {
			t.Errorf("%v:\n%s\nwant\n%s", tt.err, got, tt.want)
		}
	}
	b := newBench(t, auth.Anonymous())
	w := httptest.NewRecorder()
	b.refuse(w, later(reasonNotReady, "x", nil))
	if w.Code != 503 || w.Header().Get("Retry-After") != "1" {
		t.Errorf("%d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
}

func TestObject(t *testing.T) {
	t.Parallel()
	o, err := parse([]byte(`{"trace_id":"a","requestTime":"2026-11-22T13:06:11.960Z","execution_duration":"1.5s","max_results":"7",
		"valid":true,"tags":{"some_key":"v","aB":""},"trace_location":{"mlflowExperiment":{"experiment_id":"3"}},"nothing":null,
		"list":[{"key":"k"}],"ids":["1","2"],"float":1e3}`))
	if err != nil {
		t.Fatal(err)
	}
	got := []any{
		o.text("trace_id"), o.milli("request_time"), o.duration("execution_duration"), o.integer("max_results"), o.boolean("valid"),
		o.texts("tags")["some_key"], o.object("trace_location").object("mlflow_experiment").text("experiment_id"),
		o.has("nothing"), o.has("absent"), o.objects("list")[0].text("key"), o.list("ids")[1], o.integer("float"),
	}
	want := []any{"a", int64(1795352771960), int64(1500), int64(7), true, "v", "3", false, false, "k", "2", int64(1000)}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("value %d: %v, want %v", i, got[i], want[i])
		}
	}
	if o.err() != nil {
		t.Error(o.err())
	}
	for _, bad := range []func(object){
		func(o object) { o.milli("trace_id") },
		func(o object) { o.duration("trace_id") },
		func(o object) { o.integer("trace_id") },
		func(o object) { o.boolean("trace_id") },
		func(o object) { o.texts("ids") },
		func(o object) { o.objects("ids") },
		func(o object) { o.object("trace_id") },
		func(o object) { o.object("trace_location").object("mlflow_experiment").boolean("experiment_id") },
	} {
		*o.problem = ""
		bad(o)
		if e := asError(o.err()); e.Status != 400 || e.Code != codeInvalid {
			t.Errorf("%v", e)
		}
	}
	for _, body := range []string{"[]", "{", "1", `"x"`} {
		if _, err := parse([]byte(body)); asError(err).Status != 400 {
			t.Errorf("parse(%s): %v", body, err)
		}
	}
}

func TestTimesAsProtobufWritesThem(t *testing.T) {
	t.Parallel()
	for ms, want := range map[int64]string{
		1795352771960: "2026-11-22T13:06:11.960Z", 1760000000000: "2025-10-09T08:53:20Z", 0: "1970-01-01T00:00:00Z",
	} {
		if got := formatMilli(ms); got != want {
			t.Errorf("formatMilli(%d) = %s, want %s", ms, got, want)
		}
	}
	for ms, want := range map[int64]string{0: "0s", 1: "0.001s", 1500: "1.500s", 2000: "2s", -1500: "-1.500s"} {
		if got := formatDuration(ms); got != want {
			t.Errorf("formatDuration(%d) = %s, want %s", ms, got, want)
		}
	}
}
