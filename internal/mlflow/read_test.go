package mlflow

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanmill/spanmill/internal/auth"
	"github.com/spanmill/spanmill/internal/query"
	"github.com/spanmill/spanmill/pkg/schema"
)

// shelf is a query.Reader with what a test puts there.
type shelf struct {
	tables

	tenant string
	traces []query.Trace
	page   query.Page
	asked  []query.Search
	// empty is how many questions find nothing yet; down fails all.
	empty int
	down  error
	calls int
	// early, if not nil, is the trace as it is before its info was told: by the
	// question of this number, never if that is negative.
	early *query.Trace
	tells int
}

// now is a trace as the tables have it at the question.
func (s *shelf) now(t query.Trace) query.Trace {
	switch {
	case s.early == nil:
	case s.tells < 0 || s.calls < s.tells:
		return *s.early
	default:
		t.Finalized = true
	}
	return t
}

func (s *shelf) find(tenant string, ids []string) ([]query.Trace, error) {
	s.calls++
	if s.empty > 0 {
		s.empty--
		return nil, s.down
	}
	var found []query.Trace
	for _, id := range ids {
		for _, t := range s.traces {
			if t.TraceID == id && tenant == s.tenant {
				found = append(found, s.now(t))
			}
		}
	}
	return found, s.down
}

func (s *shelf) Traces(_ context.Context, tenant string, ids []string) ([]query.Trace, error) {
	return s.find(tenant, ids)
}

func (s *shelf) TraceInfos(_ context.Context, tenant string, ids []string) ([]query.TraceInfo, error) {
	traces, err := s.find(tenant, ids)
	infos := make([]query.TraceInfo, 0, len(traces))
	for _, t := range traces {
		infos = append(infos, t.TraceInfo)
	}
	return infos, err
}

func (s *shelf) TraceIDs(_ context.Context, tenant string, pick query.Selection) (ids []string, err error) {
	for _, t := range s.traces {
		if tenant == s.tenant && t.ExperimentID == pick.ExperimentID && (pick.IDs == nil || slices.Contains(pick.IDs, t.TraceID)) &&
			(pick.UntilMilli == 0 || t.RequestMilli <= pick.UntilMilli) && len(ids) < pick.Limit {
			ids = append(ids, t.TraceID)
		}
	}
	return ids, s.down
}

func (s *shelf) Search(_ context.Context, tenant string, q query.Search) (query.Page, error) {
	s.calls++
	s.asked = append(s.asked, q)
	if s.down != nil || tenant != s.tenant || s.empty > 0 {
		s.empty--
		return query.Page{}, s.down
	}
	page := s.page
	page.Traces = []query.TraceInfo{s.now(s.traces[0]).TraceInfo}
	return page, nil
}

func value(kind schema.ValueType, n uint64, text string) query.Value {
	return query.Value{Type: kind, Num: n, Text: text}
}

// whole is a trace with a span of everything.
func whole() query.Trace {
	return query.Trace{
		TraceInfo: query.TraceInfo{
			TraceID: strings.Repeat("0f", 16), ExperimentID: "5", RequestMilli: 1795352771960, DurationMilli: schema.Count{N: 1500, Set: true},
			State: "OK", RequestPreview: "in", ResponsePreview: "out", ClientRequestID: "c",
			Metadata:    map[string]string{"mlflow.trace.sizeStats": `{"num_spans": 1}`},
			Tags:        map[string]string{"mlflow.traceName": "<f>"},
			Assessments: []schema.Assessment{{ID: "a-1", Name: "good", Type: "feedback", Value: "true", SourceType: "HUMAN", SourceID: "bob", Valid: true}},
		},
		Spans: []query.Span{{
			TraceID: strings.Repeat("0f", 16), SpanID: "00f067aa0ba902b7", ParentSpanID: "00f067aa0ba902b8", Name: "f",
			StartUnixNano: math.MaxUint64, EndUnixNano: 7, StatusCode: 2, StatusMessage: "bad",
			Attrs: []query.Attr{
				{Key: "s", Value: query.Text("<t>")},
				{Key: "i", Value: value(schema.ValueInt, math.MaxUint64, "")},
				{Key: "d", Value: value(schema.ValueDouble, math.Float64bits(1), "")},
				{Key: "nan", Value: value(schema.ValueDouble, math.Float64bits(math.NaN()), "")},
				{Key: "inf", Value: value(schema.ValueDouble, math.Float64bits(math.Inf(-1)), "")},
				{Key: "b", Value: value(schema.ValueBool, 1, "")},
				{Key: "x", Value: value(schema.ValueBytes, 0, "\x00\xff")},
				{Key: "none"},
				{Key: "map", Value: value(schema.ValueMap, 0, `{"a":[1,2.5,null,"y",{}],"b":{"c":true}}`)},
				{Key: "json", Value: query.Text(`[1]`)},
			},
			Events: []query.Event{{TimeUnixNano: 9, Name: "exception", Attrs: []query.Attr{{Key: "k", Value: query.Text("v")}}}},
			Links:  []query.Link{{TraceID: strings.Repeat("ab", 16), SpanID: "00f067aa0ba902b9"}},
		}},
	}
}

const wholeInfo = `"trace_info":{"trace_id":"tr-0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f","client_request_id":"c",` +
	`"trace_location":{"type":"MLFLOW_EXPERIMENT","mlflow_experiment":{"experiment_id":"5"}},"request_time":"2026-11-22T13:06:11.960Z",` +
	`"execution_duration":"1.500s","state":"OK","trace_metadata":{"mlflow.trace.sizeStats":"{\"num_spans\": 1}"},` +
	`"assessments":[{"assessment_id":"a-1","assessment_name":"good","trace_id":"tr-0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f",` +
	`"source":{"source_type":"HUMAN","source_id":"bob"},"create_time":"1970-01-01T00:00:00Z","last_update_time":"1970-01-01T00:00:00Z",` +
	`"feedback":{"value":true},"valid":true}],"tags":{"mlflow.traceName":"<f>"},"request_preview":"in","response_preview":"out"}`

const wholeSpan = `{"trace_id":"Dw8PDw8PDw8PDw8PDw8PDw==","span_id":"APBnqgupArc=","parent_span_id":"APBnqgupArg=","name":"f",` +
	`"start_time_unix_nano":18446744073709551615,"end_time_unix_nano":7,"attributes":[` +
	`{"key":"s","value":{"string_value":"<t>"}},{"key":"i","value":{"int_value":-1}},{"key":"d","value":{"double_value":1.0}},` +
	`{"key":"nan","value":{"double_value":"NaN"}},{"key":"inf","value":{"double_value":"-Infinity"}},{"key":"b","value":{"bool_value":true}},` +
	`{"key":"x","value":{"bytes_value":"AP8="}},{"key":"none"},` +
	`{"key":"map","value":{"kvlist_value":{"values":[{"key":"a","value":{"array_value":{"values":[{"int_value":1},{"double_value":2.5},{},` +
	`{"string_value":"y"},{"kvlist_value":{}}]}}},{"key":"b","value":{"kvlist_value":{"values":[{"key":"c","value":{"bool_value":true}}]}}}]}}},` +
	`{"key":"json","value":{"array_value":{"values":[{"int_value":1}]}}},` +
	`{"key":"mlflow.traceRequestId","value":{"string_value":"tr-0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f"}}],` +
	`"events":[{"time_unix_nano":9,"name":"exception","attributes":[{"key":"k","value":{"string_value":"v"}}]}],` +
	`"links":[{"trace_id":"q6urq6urq6urq6urq6urqw==","span_id":"APBnqgupArk="}],"status":{"message":"bad","code":"STATUS_CODE_ERROR"}}`

func newShelf(t *testing.T, keys *auth.Keys) (*bench, *shelf) {
	b := newBench(t, keys)
	s := &shelf{tenant: "default", traces: []query.Trace{whole()}}
	s.page = query.Page{Traces: []query.TraceInfo{s.traces[0].TraceInfo}, Token: "next"}
	b.deps.Reader = s
	return b, s
}

// TestReadsAsMLflowWordsThem holds each read against golden text.
func TestReadsAsMLflowWordsThem(t *testing.T) {
	t.Parallel()
	b, s := newShelf(t, auth.Anonymous())
	const id = "tr-0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f"
	for _, c := range []struct{ method, target, body, want string }{
		{"GET", "/api/3.0/mlflow/traces/" + id + "?trace_id=" + id, "", `{"trace":{` + wholeInfo + `}}`},
		{"GET", "/api/3.0/mlflow/traces/get?trace_id=" + id + "&allow_partial=False", "", `{"trace":{` + wholeInfo + `,"spans":[` + wholeSpan + `]}}`},
		{"GET", "/ajax-api/3.0/mlflow/traces/batchGet?trace_ids=" + id + "&trace_ids=" + id, "", `{"traces":[{` + wholeInfo + `,"spans":[` + wholeSpan + `]}]}`},
		{"POST", "/api/3.0/mlflow/traces/batchGetInfos", `{"trace_ids":["` + id + `"]}`, `{"trace_infos":[` + strings.TrimPrefix(wholeInfo, `"trace_info":`) + `]}`},
		{
			"POST", "/api/3.0/mlflow/traces/search", `{"locations":[{"type":"MLFLOW_EXPERIMENT","mlflow_experiment":{"experiment_id":"5"}}]}`,
			`{"traces":[` + strings.TrimPrefix(wholeInfo, `"trace_info":`) + `],"next_page_token":"next"}`,
		},
		{"POST", "/api/3.0/mlflow/traces/search", `{"locations":[]}`, `{}`},
		{
			"GET", "/api/2.0/mlflow/traces/" + id + "/info", "",
			`{"trace_info":{"request_id":"` + id + `","experiment_id":"5","timestamp_ms":1795352771960,"execution_time_ms":1500,"status":"OK",` +
				`"request_metadata":[{"key":"mlflow.trace.sizeStats","value":"{\"num_spans\": 1}"}],"tags":[{"key":"mlflow.traceName","value":"<f>"}]}}`,
		},
		{"GET", "/api/3.0/mlflow/scorers/list?experiment_id=5", "", `{}`},
		{"GET", "/api/3.0/mlflow/scorers/online-configs?scorer_ids=x", "", `{"configs":[]}`},
		{"POST", "/api/3.0/mlflow/issues/search", `{}`, `{"next_page_token":""}`},
	} {
		if w := b.send(c.method, c.target, c.body); w.Code != 200 || w.Body.String() != c.want {
			t.Errorf("%s %s: %d\n got %s\nwant %s", c.method, c.target, w.Code, w.Body, c.want)
		}
	}
	if q := s.asked[0]; q.Limit != 100 || len(q.ExperimentIDs) != 1 {
		t.Errorf("asked %+v", q)
	}
	for _, target := range []string{
		"/ajax-api/3.0/mlflow/get-trace-artifact?request_id=" + id, "/api/2.0/mlflow-artifacts/artifacts/5/traces/" + id + "/artifacts/traces.json",
	} {
		var file struct {
			Spans []struct {
				Parent     string            `json:"parent_span_id"`
				Attributes map[string]string `json:"attributes"`
			} `json:"spans"`
		}
		w := b.send("GET", target, "")
		if err := json.Unmarshal(w.Body.Bytes(), &file); err != nil || w.Code != 200 || file.Spans[0].Parent != "APBnqgupArg=" ||
			file.Spans[0].Attributes["s"] != `"<t>"` || file.Spans[0].Attributes["json"] != "[1]" {
			t.Errorf("%s: %d %s, %v", target, w.Code, w.Body, err)
		}
	}
}

func TestReadsRefused(t *testing.T) {
	t.Parallel()
	b, s := newShelf(t, auth.Anonymous())
	const in = `{"locations":[{"mlflow_experiment":{"experiment_id":"5"}}],`
	for _, c := range []struct {
		method, target, body string
		status               int
		want                 string
	}{
		{"POST", "/api/3.0/mlflow/traces/search", in + `"filter":"nonsense ==="}`, 400, "Invalid clause(s) in filter string: 'nonsense', '==='"},
		{"POST", "/api/3.0/mlflow/traces/search", in + `"filter":"span.attributes.k = 'x'"}`, 400, "'span.attributes.k = 'x'' is not supported"},
		{"POST", "/api/3.0/mlflow/traces/search", in + `"order_by":["nothing"]}`, 400, "Invalid attribute key 'nothing'"},
		{"POST", "/api/3.0/mlflow/traces/search", in + `"max_results":0}`, 400, "max_results"},
		{"POST", "/api/3.0/mlflow/traces/search", in + `"max_results":501}`, 400, "501"},
		{"POST", "/api/3.0/mlflow/traces/search", `{}`, 400, "'locations'"},
		{"GET", "/api/2.0/mlflow/traces", "", 400, "experiment_ids"},
		{"GET", "/api/3.0/mlflow/traces/get", "", 400, "trace_id"},
		{"GET", "/api/3.0/mlflow/traces/batchGet", "", 400, "trace_ids"},
		{"GET", "/api/3.0/mlflow/scorers/get?name=polite", "", 404, "polite"},
		{"GET", "/api/3.0/mlflow/issues/iss-x", "", 404, "Issue with ID 'iss-x' not found"},
		{"POST", "/api/3.0/mlflow/traces/metrics", "{}", 501, "NOT_IMPLEMENTED"},
		{"POST", "/api/3.0/mlflow/traces/calculate-filter-correlation", "{}", 501, "NOT_IMPLEMENTED"},
	} {
		if w := b.send(c.method, c.target, c.body); w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s %s %s: %d %s", c.method, c.target, c.body, w.Code, w.Body)
		}
	}
	s.down = errors.New("no route to host")
	if w := b.send("GET", "/api/3.0/mlflow/traces/tr-x", ""); w.Code != 503 || w.Header().Get("Retry-After") == "" || strings.Contains(w.Body.String(), "route to host") {
		t.Errorf("without ClickHouse: %d %s", w.Code, w.Body)
	}
	b.deps.Reader = nil
	if w := b.send("POST", "/api/3.0/mlflow/traces/search", in[:len(in)-1]+"}"); w.Code != 503 {
		t.Errorf("without a reader: %d %s", w.Code, w.Body)
	}
}

// TestReadsWait: what was just written is waited for, what is not there is
// refused after ReadWait, and no sooner does the wait ask in a frenzy.
func TestReadsWait(t *testing.T) {
	const id = "tr-0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f"
	for _, c := range []struct {
		name, target string
		empty        int
		spans        string // of sizeStats
		status       int
		want         string
	}{
		{"comes", "/api/3.0/mlflow/traces/" + id, 3, "1", 200, id},
		{"never comes", "/api/3.0/mlflow/traces/tr-x", 0, "1", 404, "Trace with ID 'tr-x' not found."},
		{"spans lack", "/api/3.0/mlflow/traces/get?trace_id=" + id, 0, "2", 404, "not fully exported yet"},
		{"spans lack, taken", "/api/3.0/mlflow/traces/get?trace_id=" + id + "&allow_partial=true", 0, "2", 200, `"spans"`},
		{"batch leaves them out", "/api/3.0/mlflow/traces/batchGet?trace_ids=" + id, 0, "2", 200, "{}"},
		{"batch waits", "/api/3.0/mlflow/traces/batchGet?trace_ids=" + id, 2, "1", 200, id},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, s := newShelf(t, auth.Anonymous())
				b.cfg.ReadWait, s.empty = Default().ReadWait, c.empty
				s.traces[0].Metadata["mlflow.trace.sizeStats"] = `{"num_spans": ` + c.spans + `}`
				w := b.send(http.MethodGet, c.target, "")
				if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) || s.calls > 16 {
					t.Errorf("%d %s after %d calls", w.Code, w.Body, s.calls)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		b, s := newShelf(t, auth.Anonymous())
		b.cfg.ReadWait, s.empty = Default().ReadWait, 2
		w := b.send("POST", "/api/3.0/mlflow/traces/search",
			`{"locations":[{"mlflow_experiment":{"experiment_id":"5"}}],"filter":"request_id = '`+id+`'"}`)
		if w.Code != 200 || !strings.Contains(w.Body.String(), id) || len(s.asked) != 3 {
			t.Errorf("%d %s, asked %d times", w.Code, w.Body, len(s.asked))
		}
	})
}

// TestReadsWaitForInfo: MLflow's SDK tells a trace's info behind its spans. Who
// asks in between waits for it, but not for one that would have come long ago,
// nor where nobody has announced one.
func TestReadsWaitForInfo(t *testing.T) {
	const id = "tr-0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f"
	const in = `{"locations":[{"mlflow_experiment":{"experiment_id":"5"}}],"filter":"request_id = '` + id + `'"}`
	for what, c := range map[string]struct {
		announced bool
		age       time.Duration
		comes     bool
		waits     bool
	}{
		"comes":            {announced: true, comes: true, waits: true},
		"never comes":      {announced: true, waits: true},
		"is long overdue":  {announced: true, age: time.Hour},
		"is not announced": {},
	} {
		for _, call := range [][3]string{
			{"GET", "/api/3.0/mlflow/traces/" + id, ""},
			{"GET", "/api/3.0/mlflow/traces/get?trace_id=" + id, ""},
			{"GET", "/api/3.0/mlflow/traces/batchGet?trace_ids=" + id, ""},
			{"POST", "/api/3.0/mlflow/traces/batchGetInfos", `{"trace_ids":["` + id + `"]}`},
			{"POST", "/api/3.0/mlflow/traces/search", in},
		} {
			t.Run(what+" "+call[1], func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b, s := newShelf(t, auth.Anonymous())
					began := time.Now()
					b.cfg.ReadWait = Default().ReadWait
					early := s.traces[0]
					early.Tags, early.Metadata = map[string]string{}, map[string]string{}
					early.Announced, early.SpansMilli = c.announced, began.Add(-c.age).UnixMilli()
					s.early, s.tells = &early, -1
					if c.comes {
						s.tells = 3
					}
					w := b.send(call[0], call[1], call[2])
					if told := strings.Contains(w.Body.String(), "mlflow.traceName"); w.Code != 200 || told != c.comes {
						t.Errorf("%d %s", w.Code, w.Body)
					}
					if waited := time.Since(began); (waited > 0) != c.waits || !c.comes && c.waits && waited < b.cfg.ReadWait {
						t.Errorf("waited %v", waited)
					}
				})
			})
		}
	}
}

// served is the query service behind a handler, as the client of one sees it.
type served struct{ handler http.Handler }

func (s served) Ask(r *http.Request, body []byte) (*http.Response, error) {
	again := httptest.NewRequestWithContext(r.Context(), r.Method, r.URL.RequestURI(), bytes.NewReader(body))
	again.Header = r.Header.Clone()
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, again)
	return w.Result(), nil
}

// TestForwardedReads: a door without tables answers what one with tables does,
// refusals too, and each of them asks for the key.
func TestForwardedReads(t *testing.T) {
	t.Parallel()
	keys, key := keysOf(t, "acme:read", "beta:read", "acme:write")
	front, _ := newShelf(t, keys)
	back, s := newShelf(t, keys)
	s.tenant = "acme"
	front.deps.Reader, front.deps.Queries = nil, served{back.handler}
	const id = "tr-0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f"
	const in = `{"locations":[{"mlflow_experiment":{"experiment_id":"5"}}]`
	for _, c := range []struct {
		method, target, body, key string
		status                    int
	}{
		{"GET", "/api/3.0/mlflow/traces/get?trace_id=" + id, "", key[0], 200},
		{"GET", "/api/3.0/mlflow/traces/get?trace_id=" + id, "", key[1], 404},
		{"GET", "/api/3.0/mlflow/traces/get?trace_id=" + id, "", key[2], 403},
		{"GET", "/api/3.0/mlflow/traces/get?trace_id=" + id, "", "nobody's", 401},
		{"POST", "/ajax-api/3.0/mlflow/traces/search", in + "}", key[0], 200},
		{"POST", "/api/3.0/mlflow/traces/search", in + `,"filter":"x"}`, key[0], 400},
		{"GET", "/api/3.0/mlflow/get-trace-artifact?request_id=" + id, "", key[0], 200},
		{"POST", "/api/3.0/mlflow/traces/metrics", "{}", key[0], 501},
	} {
		bearer := "Authorization: Bearer " + c.key
		got, want := front.send(c.method, c.target, c.body, bearer), back.send(c.method, c.target, c.body, bearer)
		if got.Code != c.status || want.Code != c.status || got.Body.String() != want.Body.String() {
			t.Errorf("%s %s: %d %s\nwant %d %s", c.method, c.target, got.Code, got.Body, want.Code, want.Body)
		}
	}
	const deletes = "/api/3.0/mlflow/traces/delete-traces"
	for body, want := range map[string]string{
		`{"experiment_id":"5","request_ids":["` + id + `","tr-x"]}`:  `{"traces_deleted":1}`,
		`{"experiment_id":"5","max_timestamp_millis":1795352771960}`: `{"traces_deleted":1}`,
		`{"experiment_id":"5","max_timestamp_millis":1795352771959}`: `{"traces_deleted":0}`,
		`{"experiment_id":"6","request_ids":["` + id + `"]}`:         `{"traces_deleted":0}`,
	} {
		if w := front.send("POST", deletes, body, "Authorization: Bearer "+key[2]); w.Code != 200 || w.Body.String() != want {
			t.Errorf("%s: %d %s, want %s", body, w.Code, w.Body, want)
		}
	}
	if got := front.events; len(got) != 2 || got[0].TraceID != s.traces[0].TraceID || got[0].tenant != "acme" || got[0].Kind != schema.EventTraceDeleted {
		t.Errorf("published %+v", got)
	}
	s.down = errors.New("gone")
	if w := front.send("GET", "/api/3.0/mlflow/traces/"+id, "", "Authorization: Bearer "+key[0]); w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestReadsOnly: a server that takes nothing in has no calls that write.
func TestReadsOnly(t *testing.T) {
	t.Parallel()
	b, _ := newShelf(t, auth.Anonymous())
	b.deps.Events, b.deps.Spans = nil, nil
	b.handler = b.Server.handler()
	for target, status := range map[string]int{
		"POST /api/3.0/mlflow/traces": 404, "POST /v1/traces": 404, "POST /api/2.0/mlflow/experiments/create": 404,
		"GET /version": 200, "GET /api/3.0/mlflow/traces/tr-0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f": 200,
	} {
		method, path, _ := strings.Cut(target, " ")
		if w := b.send(method, path, "{}"); w.Code != status {
			t.Errorf("%s: %d", target, w.Code)
		}
	}
}
