package store

import (
	"fmt"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spanmill/spanmill/internal/query"
	"github.com/spanmill/spanmill/pkg/schema"
)

// testSummaries: a trace's info is the same by the sums over its spans as by the
// spans, which are read where the sums are not enough.
func testSummaries(t *testing.T, b *bundle) {
	const all = `"request_preview":"q","response_preview":"a","tags":{"own":"1"},` +
		`"metadata":{"mlflow.trace.session":"s","mlflow.trace.tokenUsage":"{}"}`
	const usage = `"attr_str":{"mlflow.chat.tokenUsage":"{\"input_tokens\": 3, \"output_tokens\": 4, \"total_tokens\": 7}","mlflow.traceTag.team":"blue"}`
	const priced = `"cost":"0.0000033","cost_computed":"0.0000033","cost_input":"0.0000009","input_tokens":3,"output_tokens":4,`
	tells := func(what schema.Tells) string { return fmt.Sprintf(`"tells":%d,`, what) }
	const most = schema.TellsUsage | schema.TellsSession | schema.TellsInput | schema.TellsOutput | schema.TellsPrice
	b.rowsOf(
		t, TableTraceInfo,
		toldRow(1, all), toldRow(2, ""), toldRow(3, all), toldRow(4, all), toldRow(5, all+`,"state":"IN_PROGRESS","duration_ms":null`),
		toldRow(6, `"metadata":{"mlflow.trace.cost":"{}","mlflow.trace.user":"u","mlflow.trace.session":"s"}`),
	)
	const a, z = `"{\"service.name\":\"a\",\"n\":1}"`, `"{\"service.name\":\"z\"}"`
	late := func(n int) string {
		return fmt.Sprintf(`"span_id":"%016x","parent_span_id":"%016[2]x","is_root":false,"src_index":1,"start_unix_nano":%d,"end_unix_nano":%[3]d,`, n+100, n, (day0+n+1)*second)
	}
	after := func(n int) string {
		return fmt.Sprintf(`"has_root":false,"src_offset":90,"start_unix_nano":%d,"end_unix_nano":%[1]d,`, (day0+n+1)*second)
	}
	b.rowsOf(
		t, TableTraceParts,
		part(1, tells(most)+`"cost":"0.0000033","cost_input":"0.0000009","resources":[`+a+`]`),
		part(1, after(1)+tells(most)+`"cost":"0.0000033","cost_input":"0.0000009","resources":[`+a+`,`+z+`],"spans":2`),
		part(2, tells(most|schema.TellsTags)+`"resources":[`+a+`]`),
		part(3, tells(most)+`"spans":8,"resources":[`+a+`]`),
		part(4, `"resources":[]`), // of a version without tells
		part(5, tells(most&^schema.TellsPrice)+`"root_status":"ERROR","resources":["{}"]`),
		part(6, tells(schema.TellsCost|schema.TellsUser)+`"resources":[]`),
		// What a repricing adds.
		fmt.Sprintf(`{"tenant":"acme","trace_id":%q,"start_unix_nano":%d,"cost":"0.000000001","cost_input":"-0.000000002","tells":0,"src_partition":-1,"received_at":%d,"part_day":20717,"retention_days":3650}`,
			id(3), (day0+3)*second, day0+9),
	)
	b.rowsOf(
		t, TableSpans,
		piece(1, priced+`"resource_attrs":`+a), piece(1, late(1)+`"resource_attrs":`+a+`,"src_offset":90`),
		piece(1, late(1)+priced+`"resource_attrs":`+z+`,"src_offset":91,"span_id":"00000000000000cc"`),
		piece(2, priced+usage), piece(4, priced+usage), piece(5, `"status":"ERROR"`),
		piece(6, `"attr_str":{"mlflow.llm.cost":"{\"total_cost\": 1.0}","user.id":"u"}`),
	)
	r := Reader{b.Store}
	ids := []string{id(1), id(2), id(3), id(4), id(5), id(6)}
	infos, err := r.TraceInfos(t.Context(), "acme", ids)
	traces, err2 := r.Traces(t.Context(), "acme", ids)
	if err != nil || err2 != nil || len(infos) != 6 || len(traces) != 6 {
		t.Fatalf("%d infos, %v; %d traces, %v", len(infos), err, len(traces), err2)
	}
	for i := range infos {
		got, want := infos[i], traces[i].TraceInfo
		got.SpansMilli, want.SpansMilli = 0, 0
		if diff := cmp.Diff(want, got); diff != "" && i != 2 {
			t.Errorf("trace %d (-by spans +by sums):\n%s", i+1, diff)
		}
	}
	if tags := infos[0].Tags; tags["service.name"] != "z" || tags["n"] != "1" || tags["own"] != "1" || infos[0].Spans != 3 {
		t.Errorf("%d spans, tags %v", infos[0].Spans, tags)
	}
	cost := func(i int) string { return infos[i].Metadata[query.MetadataCost] }
	for i, want := range []string{
		`{"input_cost": 1.8e-06, "output_cost": 4.8e-06, "total_cost": 6.6e-06}`, `{"input_cost": 9e-07, "output_cost": 2.4e-06, "total_cost": 3.3e-06}`,
		`{"input_cost": -2e-09, "output_cost": 3e-09, "total_cost": 1e-09}`, `{"input_cost": 9e-07, "output_cost": 2.4e-06, "total_cost": 3.3e-06}`,
		"", "{}",
	} {
		if cost(i) != want {
			t.Errorf("trace %d costs %s, want %s", i+1, cost(i), want)
		}
	}
	// The third has no spans but its sums; the second tells its own.
	if infos[2].Spans != 8 || infos[1].Tags["team"] != "blue" || infos[1].Metadata[query.MetadataUsage] == "" || infos[4].State != query.StateError {
		t.Errorf("%+v", infos)
	}
	page, err := r.Search(t.Context(), "acme", query.Search{ExperimentIDs: []string{"1"}, Limit: 10})
	if got := idsOf(page); err != nil || !cmp.Equal(got, []int{6, 5, 4, 3, 2, 1}) || !maps.Equal(page.Traces[5].Tags, infos[0].Tags) {
		t.Errorf("page: %v, %v", page, err)
	}
}
