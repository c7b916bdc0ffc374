package mlflow

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/spanmill/spanmill/internal/auth"
)

func createExperiment(b *bench, name string, headers ...string) string {
	b.t.Helper()
	var made struct {
		ID string `json:"experiment_id"`
	}
	if err := json.Unmarshal([]byte(b.must("POST", api2+"/experiments/create", fmt.Sprintf(`{"name":%q}`, name), headers...)), &made); err != nil {
		b.t.Fatal(err)
	}
	return made.ID
}

func TestExperiments(t *testing.T) {
	t.Parallel()
	b := newBench(t, auth.Anonymous())
	w := b.send("GET", api2+"/experiments/get-by-name?experiment_name=demo-basic", "")
	if want := `{"error_code":"RESOURCE_DOES_NOT_EXIST","message":"Could not find experiment with name 'demo-basic'","sqlstate":"KAM00","error_class":"RESOURCE_NOT_FOUND"}`; w.Code != 404 || w.Body.String() != want {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	id := createExperiment(b, "demo-basic")
	byName, byID := b.must("GET", api2+"/experiments/get-by-name?experiment_name=demo-basic", ""), b.must("GET", api2+"/experiments/get?experiment_id="+id, "")
	want := `{"experiment":{"experiment_id":"` + id + `","name":"demo-basic","artifact_location":"mlflow-artifacts:/` + id + `","lifecycle_stage":"active","last_update_time":`
	if byName != byID || !strings.HasPrefix(byName, want) || !strings.HasSuffix(byName, `,"workspace":"default"}}`) {
		t.Errorf("by name %s\nby id   %s", byName, byID)
	}
	b.must("POST", api2+"/experiments/set-experiment-tag", `{"experiment_id":"`+id+`","key":"team","value":"a"}`)
	b.must("POST", api2+"/experiments/update", `{"experiment_id":"`+id+`","new_name":"renamed"}`)
	again := createExperiment(b, "demo-basic")
	b.must("POST", api2+"/experiments/delete", `{"experiment_id":"`+again+`"}`)
	if got := b.must("GET", api2+"/experiments/get-by-name?experiment_name=demo-basic", ""); again == id || !strings.Contains(got, `"lifecycle_stage":"deleted"`) {
		t.Errorf("after deletion: %s", got)
	}
	for _, tt := range []struct {
		method, target, body string
		status               int
		want                 string
	}{
		{"POST", "create", `{"name":"renamed"}`, 400, `"error_code":"RESOURCE_ALREADY_EXISTS"`},
		{"POST", "create", `{"name":"demo-basic"}`, 400, "already exists in deleted state"},
		{"POST", "create", `{}`, 400, "Missing value for required parameter 'name'"},
		{"POST", "create", `{"name":"` + strings.Repeat("n", 501) + `"}`, 400, "'name' exceeds the maximum length of 500 characters"},
		{"POST", "create", `{"name":7x}`, 400, "Missing value for required parameter 'name'"},
		{"GET", "get", "", 400, "'experiment_id'"},
		{"GET", "get?experiment_id=abc", "", 400, "must be a valid integer"},
		{"GET", "get?experiment_id=123", "", 404, "No Experiment with id=123 exists"},
		{"POST", "update", `{"experiment_id":"` + again + `","new_name":"x"}`, 400, "non-active"},
		{"POST", "update", `{"experiment_id":"` + id + `","new_name":"Default"}`, 400, "Experiment(name=Default) already exists."},
		{"POST", "delete", `{"experiment_id":"` + again + `"}`, 404, "No Experiment with id="},
		{"POST", "restore", `{"experiment_id":"` + id + `"}`, 404, "No Experiment with id="},
		{"POST", "set-experiment-tag", `{"experiment_id":"` + again + `","key":"k","value":"v"}`, 400, "active"},
		{"POST", "delete-experiment-tag", `{"experiment_id":"` + id + `","key":"k"}`, 404, "No tag"},
	} {
		if w := b.send(tt.method, api2+"/experiments/"+tt.target, tt.body); w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) {
			t.Errorf("%s %s: %d %s", tt.target, tt.body, w.Code, w.Body)
		}
	}
	b.must("POST", api2+"/experiments/restore", `{"experiment_id":"`+again+`"}`)
	if got := b.must("GET", api2+"/experiments/get?experiment_id="+again, ""); !strings.Contains(got, `"lifecycle_stage":"active"`) {
		t.Errorf("restored: %s", got)
	}
}

func TestSearchExperiments(t *testing.T) {
	t.Parallel()
	b := newBench(t, auth.Anonymous())
	for _, name := range []string{"alpha", "beta", "Gamma"} {
		id := createExperiment(b, name)
		b.must("POST", api2+"/experiments/set-experiment-tag", `{"experiment_id":"`+id+`","key":"a.b","value":"`+name+`"}`)
		if name == "beta" {
			b.must("POST", api2+"/experiments/delete", `{"experiment_id":"`+id+`"}`)
		}
	}
	type page struct {
		Experiments []experimentJSON `json:"experiments"`
		Token       string           `json:"next_page_token"`
	}
	search := func(body string) (names string, p page) {
		t.Helper()
		if err := json.Unmarshal([]byte(b.must("POST", api2+"/experiments/search", body)), &p); err != nil {
			t.Fatal(err)
		}
		for _, e := range p.Experiments {
			names += e.Name + " "
		}
		return names, p
	}
	for body, want := range map[string]string{
		`{"max_results":1000,"view_type":"ACTIVE_ONLY","order_by":["name"]}`:                            "Default Gamma alpha ",
		`{"view_type":"ALL","order_by":["name DESC"]}`:                                                  "beta alpha Gamma Default ",
		`{"view_type":"DELETED_ONLY"}`:                                                                  "beta ",
		`{"filter":"name = 'alpha'"}`:                                                                   "alpha ",
		`{"filter":"name ILIKE 'g%' AND tags.` + "`a.b`" + ` = 'Gamma'"}`:                               "Gamma ",
		`{"filter":"attribute.name LIKE '%a' and creation_time > 5","order_by":["name"]}`:               "Gamma alpha ",
		`{"filter":"name != 'alpha' AND tags.a.b LIKE '_amma' AND last_update_time <= 99999999999999"}`: "Gamma ",
		`{"filter":"creation_time = 7"}`:                                                                "",
	} {
		if got, _ := search(body); got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
	if got := b.must("POST", api2+"/experiments/search", `{"filter":"creation_time = 7"}`); got != "{}" {
		t.Errorf("nothing found: %s", got)
	}
	all := ""
	for token := ""; ; {
		names, p := search(`{"view_type":"ALL","max_results":"1","order_by":["name ASC"],"page_token":"` + token + `"}`)
		all += names
		if token = p.Token; token == "" {
			break
		}
	}
	if all != "Default Gamma alpha beta " {
		t.Errorf("pages: %q", all)
	}
	for _, body := range []string{
		`{"max_results":0}`, `{"max_results":50001}`, `{"view_type":"SOME"}`, `{"filter":"nonsense ==="}`, `{"filter":"name = 'a' AND"}`, `{"filter":"name = 5"}`,
		`{"filter":"run = 'a'"}`, `{"filter":"creation_time LIKE '5'"}`, `{"order_by":["colour"]}`, `{"order_by":["name UP"]}`, `{"page_token":"!"}`, `{"page_token":"e30="}`,
	} {
		if w := b.send("POST", api2+"/experiments/search", body); w.Code != 400 {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
}

// TestTenantsAreApart: one tenant's key reaches nothing of another's by any
// route of the protocol (P7).
func TestTenantsAreApart(t *testing.T) {
	t.Parallel()
	keys, key := keysOf(t, "acme:read, write", "beta:read, write", "acme:write", "acme:read")
	b := newBench(t, keys)
	acme, beta := "Authorization: Bearer "+key[0], "Authorization: Bearer "+key[1]
	id := createExperiment(b, "secret", acme)
	b.must("POST", api3+"/traces", infoBody(id, ""), acme)
	assessment := assessmentID(t, b.must("POST", api3+"/traces/"+traceID+"/assessments", feedback("a", "true", ""), acme))
	protobuf := "Content-Type: application/x-protobuf"
	told := len(b.events)
	for _, r := range []struct {
		method, target, body string
		status               int
	}{
		{"GET", api2 + "/experiments/get?experiment_id=" + id, "", 404},
		{"GET", api2 + "/experiments/get-by-name?experiment_name=secret", "", 404},
		{"POST", api2 + "/experiments/update", `{"experiment_id":"` + id + `","new_name":"x"}`, 404},
		{"POST", api2 + "/experiments/delete", `{"experiment_id":"` + id + `"}`, 404},
		{"POST", api2 + "/experiments/restore", `{"experiment_id":"` + id + `"}`, 404},
		{"POST", api2 + "/experiments/set-experiment-tag", `{"experiment_id":"` + id + `","key":"k","value":"v"}`, 404},
		{"POST", api2 + "/experiments/delete-experiment-tag", `{"experiment_id":"` + id + `","key":"k"}`, 404},
		{"POST", api3 + "/traces", infoBody(id, ""), 404},
		{"POST", api2 + "/traces", `{"experiment_id":"` + id + `"}`, 404},
		{"PATCH", api2 + "/traces/" + traceHex, `{"status":"OK"}`, 404},
		{"PATCH", api2 + "/traces/" + traceID + "/tags", `{"key":"k","value":"v"}`, 404},
		{"DELETE", api3 + "/traces/" + traceID + "/tags", `{"key":"mlflow.traceName"}`, 404},
		{"POST", api3 + "/traces/" + traceID + "/assessments", feedback("a", "true", ""), 404},
		{"GET", api3 + "/traces/" + traceID + "/assessments/" + assessment, "", 404},
		{"PATCH", api3 + "/traces/" + traceID + "/assessments/" + assessment, `{"assessment":{"rationale":"x"},"update_mask":"rationale"}`, 404},
		{"DELETE", api3 + "/traces/" + traceID + "/assessments/" + assessment, "{}", 200}, // none of this id is there, as asked
		{"POST", "/v1/traces", string(otlpBody(t)), 404},
		{"PUT", "/api/2.0/mlflow-artifacts/artifacts/" + id + "/traces/" + traceID + "/artifacts/traces.json", spansJSON, 404},
	} {
		if w := b.send(r.method, r.target, r.body, beta, protobuf, "x-mlflow-experiment-id: "+id); w.Code != r.status || strings.Contains(w.Body.String(), "secret") && r.target != api2+"/experiments/get-by-name?experiment_name=secret" {
			t.Errorf("%s %s by another's key: %d %s", r.method, r.target, w.Code, w.Body)
		}
	}
	if got := b.must("POST", api2+"/traces/delete-traces", `{"experiment_id":"`+id+`","request_ids":["`+traceID+`"]}`, beta); got != `{"traces_deleted":0}` {
		t.Errorf("deletion of another's: %s", got)
	}
	if got := b.must("POST", api2+"/experiments/search", `{"view_type":"ALL"}`, beta); strings.Contains(got, "secret") || !strings.Contains(got, `"name":"Default"`) {
		t.Errorf("search: %s", got)
	}
	if len(b.events) != told || len(b.spans) != 0 {
		t.Errorf("events %+v, spans %+v", b.events[told:], b.spans)
	}
	// The same name is another experiment.
	if other := createExperiment(b, "secret", beta); other == id {
		t.Error("two tenants share an id")
	}
	// Links need no look at the tables: they are the sender's, wherever they point.
	b.must("POST", api2+"/traces/link-to-run", `{"trace_ids":["`+traceID+`"],"run_id":"r"}`, beta)
	if last := b.events[len(b.events)-1]; last.tenant != "beta" {
		t.Errorf("a link of beta's is %s's", last.tenant)
	}
}

// TestRights: a key that may only write can do what an SDK does to write, and
// one that may only read changes nothing.
func TestRights(t *testing.T) {
	t.Parallel()
	keys, key := keysOf(t, "acme:write", "acme:read")
	b := newBench(t, keys)
	writer, reader := "Authorization: Bearer "+key[0], "Authorization: Bearer "+key[1]
	id := createExperiment(b, "x", writer)
	b.must("GET", api2+"/experiments/get-by-name?experiment_name=x", "", writer)
	b.must("GET", api2+"/experiments/get?experiment_id="+id, "", reader)
	b.must("POST", api3+"/traces", infoBody(id, ""), writer)
	for _, r := range routes() {
		if r.open || r.needs == either {
			continue
		}
		other := reader
		if r.needs == read {
			other = writer
		}
		prefix := ""
		if strings.HasPrefix(r.path, "/2.0") || strings.HasPrefix(r.path, "/3.0") {
			prefix = "/api"
		}
		target := strings.NewReplacer("{trace}", traceID, "{assessment}", "a-1", "{path...}", "0/x").Replace(prefix + r.path)
		if w := b.send(r.method, target, "{}", other); w.Code != 403 {
			t.Errorf("%s %s with the other right: %d", r.method, target, w.Code)
		}
		if w := b.send(r.method, target, "{}"); w.Code != 401 {
			t.Errorf("%s %s without a key: %d", r.method, target, w.Code)
		}
	}
}
