package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/spanmill/spanmill/internal/query"
	"github.com/spanmill/spanmill/pkg/schema"
)

// day0 is the second that the traces of these tests begin around.
const day0 = 1_790_000_000

const second = 1_000_000_000 // in nanoseconds

// id is a trace id of a short name.
func id(n int) string { return fmt.Sprintf("%032x", n) }

// rowsOf inserts rows given as JSON objects.
func (b *bundle) rowsOf(t *testing.T, table string, rows ...string) {
	t.Helper()
	if err := b.exec(t.Context(), "INSERT INTO "+table+" FORMAT JSONEachRow "+strings.Join(rows, "\n")); err != nil {
		t.Fatal(err)
	}
}

// with gives a row as JSON: the fields of base, or those of more (the inside of
// an object) where it has them.
func with(base map[string]any, more string) string {
	var fields map[string]any
	err := json.Unmarshal([]byte("{"+more+"}"), &fields)
	maps.Copy(base, fields)
	text, err2 := json.Marshal(base)
	if err = errors.Join(err, err2); err != nil {
		panic(err)
	}
	return string(text)
}

// toldRow is a row of trace_info: a trace of second n in experiment 1, told at
// log position n.
func toldRow(n int, more string) string {
	return with(map[string]any{
		"tenant": "acme", "experiment_id": "1", "trace_id": id(n), "request_ms": (day0 + n) * 1000, "duration_ms": n * 10,
		"state": "OK", "version": n, "received_at": day0 + n, "part_day": 20717, "retention_days": 3650,
	}, more)
}

// part and piece are a trace's rows in trace_parts and spans.
func part(n int, more string) string {
	return with(map[string]any{
		"tenant": "acme", "experiment_id": "1", "trace_id": id(n), "has_root": true, "root_status": "OK",
		"start_unix_nano": (day0 + n) * second, "end_unix_nano": (day0+n)*second + second/200, "spans": 1,
		"src_offset": n, "received_at": day0 + n, "part_day": 20717, "retention_days": 3650,
	}, more)
}

func piece(n int, more string) string {
	return with(map[string]any{
		"tenant": "acme", "experiment_id": "1", "trace_id": id(n), "span_id": fmt.Sprintf("%016x", n), "is_root": true,
		"name": "root", "status": "OK", "start_unix_nano": (day0 + n) * second, "end_unix_nano": (day0+n)*second + second/200,
		"src_offset": n, "received_at": day0 + n, "part_day": 20717, "retention_days": 3650,
	}, more)
}

// world is eight traces: 1 to 4 told by an SDK, 5 to 8 of spans only.
func world(t *testing.T, b *bundle) Reader {
	t.Helper()
	b.rowsOf(
		t, "trace_info",
		toldRow(1, `"metadata":{"mlflow.trace.session":"s1","k":"v"},"tags":{"mlflow.traceName":"alpha","env":"dev"},"client_request_id":"c1"`),
		toldRow(2, `"state":"ERROR","tags":{"mlflow.traceName":"beta","env":"prod"},"metadata":{"mlflow.sourceRun":"run1"}`),
		toldRow(3, `"tags":{"mlflow.traceName":"Alphabet","mlflow.linkedPrompts":"[{\"name\": \"greet\", \"version\": \"1\"}]"}`),
		toldRow(4, `"experiment_id":"2"`),
		toldRow(9, `"tenant":"other"`), toldRow(10, ``),
		`{"tenant":"acme","trace_id":"`+id(1)+`","metadata":{"late":"yes"},"version":50,"received_at":1790000050,"part_day":20717,"retention_days":3650}`,
	)
	b.rowsOf(
		t, "trace_parts",
		part(1, ""), part(2, `"root_status":"ERROR"`), part(3, ""), part(4, `"experiment_id":"2"`),
		part(5, `"session_id":"s1","user_id":"u5"`), part(6, `"root_status":"ERROR"`), part(7, `"has_root":false`), part(8, ""),
		part(9, `"tenant":"other"`), part(10, ""),
		// A later part of 6 that began earlier and ended later.
		fmt.Sprintf(`{"tenant":"acme","experiment_id":"3","trace_id":%q,"start_unix_nano":%d,"end_unix_nano":%d,"src_offset":60,"received_at":%d,"part_day":20717,"retention_days":3650}`,
			id(6), (day0+6)*second-second/2, (day0+6)*second+second/2, day0+60),
	)
	b.rowsOf(
		t, "spans",
		piece(1, `"attr_str":{"mlflow.spanType":"CHAIN"}`), piece(2, `"status":"ERROR","input":"a needle in hay","input_key":"input.value"`), piece(3, ""), piece(4, ""),
		piece(5, `"attr_str":{"gen_ai.operation.name":"chat","mlflow.traceTag.team":"blue"},"resource_attrs":"{\"service.name\":\"svc\",\"n\":1}"`),
		piece(6, `"status":"ERROR","name":"tool","events_time_unix_nano":[1],"events_name":["x"],"events_attrs":["{\"k\":\"a needle\"}"],"events_dropped_attrs":[0]`), piece(7, `"is_root":false,"parent_span_id":"00000000000000aa"`), piece(8, `"attr_json":{"l":"[\"neddle\"]"}`),
		piece(9, `"tenant":"other"`), piece(10, ""),
		piece(1, `"span_id":"00000000000000c1","is_root":false,"parent_span_id":"0000000000000001","name":"llm","attr_str":{"mlflow.spanType":"LLM"},"src_index":1`),
	)
	b.rowsOf(
		t, "trace_tags",
		`{"tenant":"acme","trace_id":"`+id(2)+`","key":"env","deleted":true,"version":20,"received_at":1790000050,"part_day":20717,"retention_days":3650}`,
		`{"tenant":"acme","trace_id":"`+id(3)+`","key":"env","value":"dev%x","version":20,"received_at":1790000050,"part_day":20717,"retention_days":3650}`,
		`{"tenant":"acme","trace_id":"`+id(6)+`","key":"spanmill.run/run1","value":"run1","version":20,"received_at":1790000050,"part_day":20717,"retention_days":3650}`,
		`{"tenant":"acme","trace_id":"`+id(6)+`","key":"spanmill.prompt/greet/3","value":"{\"name\":\"greet\",\"version\":\"3\"}","version":21,"received_at":1790000050,"part_day":20717,"retention_days":3650}`,
		`{"tenant":"acme","trace_id":"`+id(5)+`","key":"service.name","deleted":true,"version":20,"received_at":1790000050,"part_day":20717,"retention_days":3650}`,
	)
	assess := func(n int, more string) string {
		return with(map[string]any{
			"tenant": "acme", "trace_id": id(n), "mask": 511, "type": "feedback", "valid": true,
			"received_at": day0 + 50, "part_day": 20717, "retention_days": 3650,
		}, more)
	}
	b.rowsOf(
		t, "assessments",
		assess(1, `"assessment_id":"a1","name":"score","value":"0.75","version":1`),
		assess(1, `"assessment_id":"a1","mask":4,"value":"0.25","version":2,"update_ms":7`),
		assess(1, `"assessment_id":"a1","mask":128,"version":3`), // no update of it: no time
		assess(2, `"assessment_id":"a2","name":"good","value":"\"yes\"","version":1`),
		assess(3, `"assessment_id":"a3","name":"good","value":"\"yes\"","version":1`),
		assess(3, `"assessment_id":"a3","deleted":true,"mask":0,"version":2`),
		assess(5, `"assessment_id":"a5","name":"good","value":"true","version":1`),
		assess(5, `"assessment_id":"a5","mask":128,"valid":false,"version":2`),
		assess(3, `"assessment_id":"i3","name":"iss-1","type":"issue","value":"true","version":1`),
		assess(6, `"assessment_id":"a6","name":"answer","type":"expectation","value":"42","version":1`),
	)
	b.rowsOf(t, "trace_deletions", `{"tenant":"acme","trace_id":"`+id(10)+`","received_at":1790000010,"part_day":20717,"retention_days":3650}`)
	return Reader{b.Store}
}

// testReads asks one world all that changes nothing in it, then what does.
func testReads(t *testing.T, b *bundle) {
	r := world(t, b)
	t.Run("search", func(t *testing.T) { testSearch(t, r) })
	t.Run("too much text", func(t *testing.T) { testTooMuchText(t, r) })
	t.Run("tenants", func(t *testing.T) { testTenantsReadApart(t, r) })
	t.Run("resolved info", func(t *testing.T) { testResolvedInfo(t, r) })
	t.Run("pages", func(t *testing.T) { testPages(t, b, r) })
	t.Run("many rows", func(t *testing.T) { testManyRows(t, b, r) })
}

func testSearch(t *testing.T, r Reader) {
	for filter, want := range map[string][]int{
		"":                                                     {8, 7, 6, 5, 3, 2, 1},
		"status = 'OK'":                                        {8, 5, 3, 1},
		"status IN ('ERROR', 'IN_PROGRESS')":                   {7, 6, 2},
		"status NOT IN ('OK')":                                 {7, 6, 2},
		"name = 'alpha'":                                       {1},
		"name LIKE 'alpha%'":                                   {1},
		"name ILIKE 'alpha%'":                                  {3, 1},
		"name RLIKE '^[Aa]lpha.*t$'":                           {3},
		"name != 'alpha'":                                      {3, 2},
		"timestamp_ms >= 1790000006000":                        {8, 7},
		"timestamp_ms < 1790000003000":                         {2, 1},
		"timestamp_ms = 1790000005500":                         {6},
		"execution_time_ms > 25":                               {6, 3},
		"execution_time_ms = 1000":                             {6},
		"end_time_ms > 1790000006499":                          {8, 7, 6},
		"tags.env = 'dev'":                                     {1},
		"tags.env LIKE 'dev\\%'":                               nil, // a backslash is a backslash
		"tags.env LIKE 'dev%'":                                 {3, 1},
		"tags.env IS NULL":                                     {8, 7, 6, 5, 2},
		"tags.env IS NOT NULL":                                 {3, 1},
		"tags.team = 'blue'":                                   {5},
		"tags.service.name = 'svc'":                            nil, // it was deleted
		"tags.n = '1'":                                         {5},
		"metadata.k = 'v'":                                     {1},
		"metadata.late = 'yes' AND status = 'OK'":              {1},
		"metadata.mlflow.trace.session = 's1'":                 {5, 1},
		"metadata.`mlflow.trace.user` IS NULL":                 {8, 7, 6, 3, 2, 1},
		"run_id = 'run1'":                                      {6, 2},
		"prompt = 'greet/3'":                                   {6},
		"prompt = 'greet/1'":                                   {3},
		"prompt = 'greet/2'":                                   nil,
		"request_id = 'tr-" + id(3) + "'":                      {3},
		"request_id IN ('tr-" + id(3) + "', 'x')":              {3},
		"request_id LIKE 'tr-%5'":                              {5},
		"client_request_id != 'c2'":                            {1},
		"span.type = 'LLM'":                                    {1},
		"span.type = 'CHAT_MODEL'":                             {5},
		"span.name = 'root' AND span.type = 'LLM'":             nil,
		"span.name = 'llm' AND span.type = 'LLM'":              {1},
		"span.status = 'ERROR'":                                {6, 2},
		"feedback.score < 0.5":                                 {1},
		"feedback.score > 0.5":                                 nil,
		"feedback.good = 'yes'":                                {2},
		"feedback.good LIKE '%es%'":                            {2},
		"feedback.good IS NOT NULL":                            {2},
		"feedback.good IS NULL":                                {8, 7, 6, 5, 3, 1},
		"trace.text LIKE '%neddle%'":                           {8},
		"trace.text LIKE '%NEDDLE%'":                           nil,
		"span.content ILIKE '%NEDDLE%'":                        {8},
		"span.content LIKE '%needle%'":                         {6, 2},
		"span.content LIKE '%ool'":                             {6},
		"span.content LIKE '%blue%'":                           {5},
		"span.content LIKE '%blue%' AND span.status = 'ERROR'": nil,
		"issue.id = 'iss-1'":                                   {3},
		"expectation.answer = '42'":                            {6},
		"expectation.answer >= 42":                             {6},
		"tags.env = \"it's \\ \t{x:String}\"":                  nil,
	} {
		f, err := query.ParseFilter(filter)
		if err != nil {
			t.Errorf("%s: %v", filter, err)
			continue
		}
		page, err := r.Search(t.Context(), "acme", query.Search{ExperimentIDs: []string{"1"}, Filter: f, Limit: 100})
		if got := idsOf(page); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, %v, want %v", filter, got, err, want)
		}
	}
}

// testTooMuchText: a look through more text than is allowed is refused in words.
func testTooMuchText(t *testing.T, r Reader) {
	q := &question{maxBytes: 1}
	q.add("SELECT input FROM spans")
	err := r.read(t.Context(), "texts", q, func(in *rows) { in.text() })
	if bad, ok := errors.AsType[*query.InvalidError](err); !ok || !strings.Contains(bad.Message, "add a clause on timestamp_ms") {
		t.Errorf("%v", err)
	}
}

func idsOf(p query.Page) []int {
	var all []int
	for _, info := range p.Traces {
		var n int
		if _, err := fmt.Sscanf(info.TraceID, "%x", &n); err != nil {
			n = -1
		}
		all = append(all, n)
	}
	return all
}

// testPages: in any order, pages of any size give each trace once, in order,
// and traces that arrive meanwhile move nothing.
func testPages(t *testing.T, b *bundle, r Reader) {
	for order, want := range map[string][]int{
		"":                    {8, 7, 6, 5, 3, 2, 1},
		"timestamp_ms DESC":   {8, 7, 6, 5, 3, 2, 1},
		"timestamp ASC":       {1, 2, 3, 5, 6, 7, 8},
		"execution_time DESC": {6, 3, 2, 1, 8, 7, 5},
		"end_time DESC":       {8, 7, 6, 5, 3, 2, 1},
		"status ASC":          {6, 2, 7, 8, 5, 3, 1},
		"request_id DESC":     {8, 7, 6, 5, 3, 2, 1},
		"experiment_id":       {8, 7, 6, 5, 3, 2, 1},
		"name ASC":            {3, 1, 2, 8, 7, 6, 5},
		"tag.env DESC":        {3, 1, 8, 7, 6, 5, 2},
		"metadata.k":          {1, 8, 7, 6, 5, 3, 2},
	} {
		var orders []query.Order
		if order != "" {
			var err error
			if orders, err = query.ParseOrder([]string{order}); err != nil {
				t.Fatal(err)
			}
		}
		for _, limit := range []int{3, 100} {
			var got []int
			s := query.Search{ExperimentIDs: []string{"1"}, Order: orders, Limit: limit}
			for range 10 {
				page, err := r.Search(t.Context(), "acme", s)
				if err != nil {
					t.Fatalf("%s, %d a page: %v", order, limit, err)
				}
				got = append(got, idsOf(page)...)
				if s.Token = page.Token; s.Token == "" {
					break
				}
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s, %d a page: got %v, want %v", order, limit, got, want)
			}
		}
	}
	first, err := r.Search(t.Context(), "acme", query.Search{ExperimentIDs: []string{"1"}, Limit: 3})
	if err != nil {
		t.Fatal(err)
	}
	b.rowsOf(t, "trace_info", toldRow(100, ""))
	second, err := r.Search(t.Context(), "acme", query.Search{ExperimentIDs: []string{"1"}, Limit: 3, Token: first.Token})
	if got := idsOf(second); err != nil || !reflect.DeepEqual(got, []int{5, 3, 2}) {
		t.Errorf("after an arrival: %v, %v", got, err)
	}
	for _, token := range []string{"x", "e30=", first.Token[:8], "eyJvIjoiIiwiayI6WyJhIl19"} {
		_, err := r.Search(t.Context(), "acme", query.Search{ExperimentIDs: []string{"1"}, Limit: 3, Token: token})
		if _, ok := errors.AsType[*query.InvalidError](err); !ok {
			t.Errorf("token %q: %v", token, err)
		}
	}
}

// testTenantsReadApart: P7, by each of the reader's questions.
func testTenantsReadApart(t *testing.T, r Reader) {
	ids := []string{id(1), id(9), id(10)}
	for tenant, want := range map[string][]string{"acme": {id(1)}, "other": {id(9)}, "nobody": nil} {
		infos, err := r.TraceInfos(t.Context(), tenant, ids)
		var got []string
		for _, i := range infos {
			got = append(got, i.TraceID)
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s sees infos %v, %v", tenant, got, err)
		}
		traces, err := r.Traces(t.Context(), tenant, ids)
		if err != nil || len(traces) != len(want) {
			t.Errorf("%s sees %d traces, %v", tenant, len(traces), err)
		}
		page, err := r.Search(t.Context(), tenant, query.Search{ExperimentIDs: []string{"1"}, Limit: 100})
		if err != nil || slices.Contains(idsOf(page), 9) != (tenant == "other") || slices.Contains(idsOf(page), 1) != (tenant == "acme") {
			t.Errorf("%s finds %v, %v", tenant, idsOf(page), err)
		}
		if _, found, err := r.Assessment(t.Context(), tenant, id(1), "a1"); err != nil || found != (tenant == "acme") {
			t.Errorf("%s sees an assessment: %v, %v", tenant, found, err)
		}
		found, err := r.TraceIDs(t.Context(), tenant, query.Selection{ExperimentID: "1", IDs: ids, Limit: 10})
		if err != nil || !slices.Equal(found, want) {
			t.Errorf("%s selects %v, %v", tenant, found, err)
		}
	}
	all, err := r.TraceIDs(t.Context(), "acme", query.Selection{ExperimentID: "1", UntilMilli: (day0 + 3) * 1000, Limit: 2})
	if err != nil || !slices.Equal(all, []string{id(1), id(2)}) {
		t.Errorf("selected %v, %v", all, err)
	}
}

// testResolvedInfo: what was told, what spans say, and how they meet.
func testResolvedInfo(t *testing.T, r Reader) {
	infos, err := r.TraceInfos(t.Context(), "acme", []string{id(5), id(1), id(77), id(6)})
	if err != nil || len(infos) != 3 {
		t.Fatalf("%d infos, %v", len(infos), err)
	}
	five, one := infos[0], infos[1]
	if links := infos[2].Tags; links["mlflow.linkedPrompts"] != `[{"name": "greet", "version": "3"}]` || len(links) != 3 {
		t.Errorf("links: %v", links)
	}
	want := query.TraceInfo{
		TraceID: id(5), ExperimentID: "1", RequestMilli: (day0 + 5) * 1000, DurationMilli: schema.Count{N: 5, Set: true}, State: "OK",
		Metadata: map[string]string{},
		Tags: map[string]string{
			"team": "blue", "n": "1", "mlflow.trace.spansLocation": "TRACKING_STORE",
			"mlflow.artifactLocation": "mlflow-artifacts:/1/traces/tr-" + id(5) + "/artifacts",
		},
		Assessments: []schema.Assessment{{
			ID: "a5", Mask: schema.AssessmentAll, Name: "good", Type: "feedback", Value: "true", Metadata: map[string]string{},
		}},
		Spans: 1, SpansMilli: day0 + 5,
	}
	if !reflect.DeepEqual(five, want) {
		t.Errorf("got  %+v\nwant %+v", five, want)
	}
	if one.Metadata["late"] != "yes" || one.Metadata["k"] != "v" || one.Tags["mlflow.traceName"] != "alpha" || !one.Finalized ||
		one.Spans != 2 || one.DurationMilli.N != 10 {
		t.Errorf("%+v", one)
	}
	if a := one.Assessments; len(a) != 1 || a[0].Value != "0.25" || a[0].Name != "score" || a[0].UpdateMilli != 7 {
		t.Errorf("%+v", a)
	}
}

// testWholeSpans: a span comes back as it was sent.
func testWholeSpans(t *testing.T, b *bundle) {
	row := fullRow()
	block := NewSpanBlock()
	block.one(row)
	b.insert(t, block, "whole")
	traces, err := Reader{b.Store}.Traces(t.Context(), row.Tenant, []string{"ab000000000000000000000000000001"})
	if err != nil || len(traces) != 1 || len(traces[0].Spans) != 1 {
		t.Fatalf("%+v, %v", traces, err)
	}
	s := traces[0].Spans[0]
	got := map[string]query.Value{}
	for _, a := range s.Attrs {
		got[a.Key] = a.Value
	}
	for i := range row.Span.Attrs {
		sent := row.Span.Attrs[i]
		v, ok := got[sent.Key]
		switch {
		case sent.Key == "out": // its text in this test is no list
		case !ok:
			t.Errorf("attribute %s is gone", sent.Key)
		case sent.Value.Type == schema.ValueRaw && v.Type == schema.ValueBytes, sent.Value.Type == v.Type:
		default:
			t.Errorf("attribute %s: type %d, sent %d", sent.Key, v.Type, sent.Value.Type)
		}
		if sent.Value.Type != schema.ValueArray && sent.Key != "in" && (v.Num != sent.Value.Num || v.Text != sent.Value.Str) {
			t.Errorf("attribute %s: %+v, sent %+v", sent.Key, v, sent.Value)
		}
	}
	if got["list"].Text != "[1]" || s.Name != "name" || s.StatusCode != 2 || s.StatusMessage != "boom" ||
		s.ParentSpanID != "ef00000000000003" || s.TraceState != "a=b" || s.Flags != 257 || s.OtelKind != "CLIENT" ||
		s.DroppedAttrs != 13 || s.DroppedEvents != 14 || s.DroppedLinks != 15 || len(s.ResourceAttrs) != 2 {
		t.Errorf("%+v", s)
	}
	if len(s.Events) != len(row.Span.Events) || s.Events[0].Name != "ev" || s.Events[0].Attrs[0].Value.Text != "v" || s.Events[0].DroppedAttrs != 16 {
		t.Errorf("%+v", s.Events)
	}
	if len(s.Links) != len(row.Span.Links) {
		t.Errorf("%+v", s.Links)
	}
}

// testManyRows: what is more than a statement reads is read in parts, or refused
// in words for the caller; nothing is cut short unseen.
func testManyRows(t *testing.T, b *bundle, r Reader) {
	const base = "'acme' AS tenant, 20717 AS part_day, 3650 AS retention_days, toDateTime64(1790000050, 3) AS received_at, "
	spans := func(trace, rows int) {
		t.Helper()
		err := b.exec(t.Context(), fmt.Sprintf("INSERT INTO spans (tenant, part_day, retention_days, received_at, trace_id, span_id, start_unix_nano, src_offset) "+
			"SELECT "+base+"'%s', hex(number), %d, number FROM numbers(%d)", id(trace), (day0+trace)*second, rows))
		if err != nil {
			t.Fatal(err)
		}
	}
	spans(1, maxSpanRows-2)
	spans(2, maxSpanRows)
	infos, err := r.TraceInfos(t.Context(), "acme", []string{id(1), id(2), id(3)})
	if err != nil || len(infos) != 3 || infos[0].Spans != maxSpanRows || infos[1].Spans != maxSpanRows || infos[2].Spans != 1 {
		t.Fatalf("%d infos, %v", len(infos), err)
	}
	for i, want := range []string{"", "100000", ""} {
		if got := infos[i].Metadata[query.MetadataSpansRead]; got != want {
			t.Errorf("trace %d was made of %q spans, want %q", i+1, got, want)
		}
	}
	if traces, err := r.Traces(t.Context(), "acme", []string{id(1)}); err != nil || len(traces[0].Spans) != maxSpanRows {
		t.Errorf("%d traces, %v", len(traces), err)
	}
	for want, ids := range map[string][]string{
		"Trace tr-" + id(2) + " has more than 100000 spans": {id(2)}, "The 2 traces have more than 100000 spans": {id(1), id(3)},
	} {
		_, err := r.Traces(t.Context(), "acme", ids)
		if bad, ok := errors.AsType[*query.InvalidError](err); !ok || !strings.HasPrefix(bad.Message, want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	err = b.exec(t.Context(), fmt.Sprintf("INSERT INTO trace_tags (tenant, part_day, retention_days, received_at, trace_id, key, value, version) "+
		"SELECT "+base+"'%s', 'k', toString(number), number FROM numbers(%d)", id(3), 2*toldRows+1))
	if err != nil {
		t.Fatal(err)
	}
	infos, err = r.TraceInfos(t.Context(), "acme", []string{id(3), id(5)})
	if err != nil || infos[0].Tags["k"] != fmt.Sprint(2*toldRows) || infos[1].Tags["team"] != "blue" {
		t.Errorf("%v, %v", infos, err)
	}
}
