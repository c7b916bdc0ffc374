package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// testComments: people find in the server itself what everything means.
func testComments(t *testing.T, b *bundle) { testAllIsCommented(t, b, b.cfg.Database) }

func testAllIsCommented(t *testing.T, b *bundle, database string) {
	t.Helper()
	for _, table := range []string{"tables", "columns"} {
		name := map[string]string{"tables": "name", "columns": "table || '.' || name"}[table]
		b.expect(t, "", "SELECT "+name+" FROM system."+table+" WHERE database = "+quote(database)+" AND comment = '' ORDER BY ALL")
	}
	views := "assessments_latest,business_events_once,errors,llm_calls,metrics_1h,metrics_1m,retrievals,sessions,tool_calls,traces,users"
	b.expect(t, views, "SELECT arrayStringConcat(arraySort(groupArray(name)), ',') FROM system.tables WHERE database = "+
		quote(database)+" AND has(splitByChar(',', "+quote(views)+"), name)")
}

// testViewOfTraces: the same traces that Reader answers, resolved by the server.
func testViewOfTraces(t *testing.T, b *bundle) {
	world(t, b)
	// A tag that was set, changed and set again in one info and two tags; a part
	// of trace 5 on the day after, and one of trace 8 on the day after that.
	b.rowsOf(
		t, "trace_tags",
		`{"tenant":"acme","trace_id":"`+id(2)+`","key":"team","value":"a","version":20,"received_at":1790000050,"part_day":20717,"retention_days":3650}`,
		`{"tenant":"acme","trace_id":"`+id(2)+`","key":"team","value":"b","version":21,"received_at":1790000050,"part_day":20718,"retention_days":3650}`,
		`{"tenant":"acme","trace_id":"`+id(2)+`","key":"team","value":"late","version":99,"received_at":1790000050,"part_day":20720,"retention_days":3650}`,
	)
	b.rowsOf(
		t, "trace_parts",
		part(5, `"has_root":false,"spans":7,"errors":2,"llm_calls":3,"cost":1.5,"part_day":20718,"src_offset":61,"session_id":"other"`),
		part(5, `"has_root":false,"spans":1,"cost":0.25,"part_day":20717,"src_offset":62,"service_name":"svc5","user_id":""`),
		part(8, `"has_root":false,"spans":1,"part_day":20719,"src_offset":63`),
	)
	columns := "substring(trace_id, 32), experiment_id, name, state, has_root, spans, errors, llm_calls, cost, session_id, user_id, client_request_id, seconds, tags"
	b.expect(t, strings.Join([]string{
		"1\t1\t\tOK\ttrue\t1\t0\t0\t0\ts1\t\tc1\t0.01\t{'env':'dev','mlflow.traceName':'alpha'}",
		"2\t1\t\tERROR\ttrue\t1\t0\t0\t0\t\t\t\t0.02\t{'mlflow.traceName':'beta','team':'b'}",
		`3	1		OK	true	1	0	0	0				0.03	{'env':'dev%x','mlflow.linkedPrompts':'[{"name": "greet", "version": "1"}]','mlflow.traceName':'Alphabet'}`,
		"4\t2\t\tOK\ttrue\t1\t0\t0\t0\t\t\t\t0.04\t{}",
		"5\t1\t\tOK\ttrue\t9\t2\t3\t1.75\ts1\tu5\t\t0.005\t{}",
		"6\t1\t\tERROR\ttrue\t1\t0\t0\t0\t\t\t\t1\t{'spanmill.prompt/greet/3':'{\"name\":\"greet\",\"version\":\"3\"}','spanmill.run/run1':'run1'}",
		"7\t1\t\tIN_PROGRESS\tfalse\t1\t0\t0\t0\t\t\t\t0.005\t{}",
		"8\t1\t\tOK\ttrue\t1\t0\t0\t0\t\t\t\t0.005\t{}",
	}, "\n"), "SELECT "+strings.Replace(columns, "tags", "mapSort(tags)", 1)+" FROM traces WHERE tenant = 'acme' AND day = toDate(20717) ORDER BY trace_id")
	b.expect(t, "8", "SELECT groupArray(substring(trace_id, 32))[1] FROM traces WHERE tenant = 'acme' AND day > toDate(20717) AND spans > 0") // after a gap
	b.expect(t, "svc5", "SELECT service_name FROM traces WHERE tenant = 'acme' AND trace_id = "+quote(id(5)))
	b.expect(t, "2026-09-21 14:13:21.000000000", "SELECT start_time FROM traces WHERE tenant = 'acme' AND trace_id = "+quote(id(1)))
}

// testViewOfAssessments: of each field the last word, and nothing of those that
// are gone.
func testViewOfAssessments(t *testing.T, b *bundle) {
	world(t, b)
	b.rowsOf(
		t, "assessments",
		`{"tenant":"acme","trace_id":"`+id(10)+`","assessment_id":"hidden","mask":511,"name":"n","version":1,"received_at":1790000005,"part_day":20717,"retention_days":3650}`,
		`{"tenant":"acme","trace_id":"`+id(1)+`","assessment_id":"nameless","mask":4,"value":"1","version":1,"received_at":1790000050,"part_day":20717,"retention_days":3650}`,
	)
	b.expect(t, strings.Join([]string{
		"a1\tscore\t0.25\t0.25\ttrue\t1970-01-01 00:00:00.007",
		"a2\tgood\t\"yes\"\t1\ttrue\t1970-01-01 00:00:00.000",
		"a5\tgood\ttrue\t1\tfalse\t1970-01-01 00:00:00.000",
		"a6\tanswer\t42\t42\ttrue\t1970-01-01 00:00:00.000",
		"i3\tiss-1\ttrue\t1\ttrue\t1970-01-01 00:00:00.000",
	}, "\n"), "SELECT assessment_id, name, value, score, valid, updated_at FROM assessments_latest WHERE tenant = 'acme' ORDER BY assessment_id")
}

// testViewOfBusinessEvents: each id once a day and tenant, as it came first, and
// none of a deleted trace.
func testViewOfBusinessEvents(t *testing.T, b *bundle) {
	row := func(tenant, event, more string) string {
		return with(map[string]any{
			"tenant": tenant, "event_id": event, "name": "goal", "time": "2026-09-21 10:00:00", "version": 1, "received_at": day0, "part_day": 20717, "retention_days": 3650,
		}, more)
	}
	b.rowsOf(
		t, "business_events",
		row("acme", "again", fmt.Sprintf(`"received_at":%d,"value":9,"user_id":"late"`, day0+2)),
		row("acme", "again", fmt.Sprintf(`"received_at":%d,"version":2,"value":8`, day0+1)),
		row("acme", "again", fmt.Sprintf(`"received_at":%d,"attrs":{"goal":"buy"}`, day0+1)), // has no value, and came first
		row("acme", "tomorrow", `"part_day":20718`),
		row("other", "again", `"value":5`),
		row("acme", "hidden", `"trace_id":"gone"`),
		row("acme", "anew", fmt.Sprintf(`"trace_id":"gone","received_at":%d`, day0+5)),
	)
	b.rowsOf(t, "trace_deletions", fmt.Sprintf(`{"tenant":"acme","trace_id":"gone","received_at":%d,"part_day":20717,"retention_days":3650}`, day0+4))
	b.expect(t, strings.Join([]string{
		"acme\tagain\t\t\\N\t{'goal':'buy'}", "acme\tanew\t\t\\N\t{}", "other\tagain\t\t5\t{}",
	}, "\n"), "SELECT tenant, event_id, user_id, value, attrs FROM business_events_once WHERE day = toDate(20717) ORDER BY ALL")
	b.expect(t, "tomorrow", "SELECT event_id FROM business_events_once WHERE tenant = 'acme' AND day = toDate(20718)")
}

// contentRow is a piece of content of span 1 of trace 1.
func contentRow(version int, more string) string {
	return with(map[string]any{
		"tenant": "acme", "trace_id": id(1), "span_id": fmt.Sprintf("%016x", 1), "event_name": "gen_ai.user.message", "role": "user",
		"time_unix_nano": 5, "version": version, "received_at": day0 + version, "part_day": 20717, "retention_days": 3650,
	}, more)
}

// testViewsOfSpans: kinds, content that came as logs, deleted traces.
func testViewsOfSpans(t *testing.T, b *bundle) {
	text := func(s string) string { j, _ := json.Marshal(s); return string(j) }
	b.rowsOf(
		t, "spans",
		piece(1, `"kind":"LLM","output":"said"`), piece(2, `"kind":"LLM","input":"asked"`), piece(3, `"kind":"LLM"`),
		piece(4, `"kind":"TOOL","tool_name":"lookup","duration_ns":1500000000`),
		piece(5, `"kind":"RETRIEVER","output":"[{\"id\":1},{\"id\":2}]"`), piece(6, `"kind":"RETRIEVER","output":"none"`),
		piece(7, `"kind":"LLM","status":"ERROR","events_name":["x","exception"],"events_time_unix_nano":[1,2],"events_dropped_attrs":[0,0],"events_attrs":["{}",`+
			text(`{"exception.type":"E","exception.message":"why","exception.stacktrace":"at"}`)+`]`),
		piece(8, `"kind":"TOOL","error_type":"Timeout","status_message":"slow"`),
		piece(9, `"kind":"LLM","status":"ERROR"`),
	)
	b.rowsOf(
		t, "span_content",
		contentRow(7, `"time_unix_nano":9,"body":`+text(`{"content":"last"}`)),
		contentRow(3, `"body":`+text(`{"content":"first"}`)),
		contentRow(4, `"body":`+text(`{"content":"first"}`)), // sent again
		contentRow(5, `"body":`+text(`{"role":"tool","content":"second"}`)),
		contentRow(6, `"ordinal":1,"part_day":20718,"role":"system","body":`+text(`"be brief"`)),
		contentRow(8, `"time_unix_nano":10,"role":"","body":`+text(`[{"role":"user"},{"role":"tool"}]`)),
		contentRow(9, `"time_unix_nano":11,"role":"system","body":`+text(`[{"type":"text"}]`)),
		contentRow(10, `"time_unix_nano":12,"role":"","body":`+text(`"prompt"`)),
		contentRow(11, `"output":true,"body":"{}"`),      // the span has an output of its own
		contentRow(12, `"part_day":20719,"body":"late"`), // two days after
		contentRow(13, `"tenant":"other","body":"{}"`),
		contentRow(14, `"span_id":"00000000000000aa","body":"{}"`),
	)
	b.expect(t, `[{"role":"user","content":"first"},{"role":"tool","content":"second"},{"role":"system","content":"be brief"},{"role":"user","content":"last"},`+
		`{"role":"user"},{"role":"tool"},{"role":"system","parts":[{"type":"text"}]},{"content":"prompt"}]`+"\tsaid",
		"SELECT input, output FROM llm_calls WHERE tenant = 'acme' AND day = toDate(20717) AND trace_id = "+quote(id(1)))
	b.expect(t, "2\tasked\t\n3\t\t\n7\t\t\n9\t\t", "SELECT substring(trace_id, 32), input, output FROM llm_calls WHERE trace_id != "+quote(id(1))+" ORDER BY trace_id")
	b.expect(t, "4\tlookup\t1.5\n8\t\t0", "SELECT substring(trace_id, 32), tool_name, seconds FROM tool_calls ORDER BY trace_id")
	b.expect(t, "5\t2\n6\t\\N", "SELECT substring(trace_id, 32), documents FROM retrievals ORDER BY trace_id")
	b.expect(t, "7\tLLM\tE\twhy\tat\n8\tTOOL\tTimeout\tslow\t\n9\tLLM\t(not said)\t\t",
		"SELECT substring(trace_id, 32), kind, error, message, stacktrace FROM errors ORDER BY trace_id")

	for n := 1; n <= 9; n++ {
		b.rowsOf(t, "trace_deletions", fmt.Sprintf(`{"tenant":"acme","trace_id":%q,"received_at":%d,"part_day":20717,"retention_days":3650}`, id(n), day0+n-n%2))
	}
	for view, want := range map[string]string{"llm_calls": "1,3,7,9", "tool_calls": "", "retrievals": "5", "errors": "7,9"} {
		b.expect(t, want, "SELECT arrayStringConcat(arraySort(groupArray(substring(trace_id, 32))), ',') FROM "+view)
	}
	b.rowsOf(t, "trace_deletions", fmt.Sprintf(`{"tenant":"acme","trace_id":%q,"received_at":%d,"part_day":20717,"retention_days":3650}`, id(1), day0+9))
	b.rowsOf(t, "spans", piece(1, `"kind":"LLM","received_at":1790000099`))
	b.expect(t, `[{"content":"prompt"}]`, "SELECT input FROM llm_calls WHERE trace_id = "+quote(id(1))) // what came after the deletion
}

// Sizes of testViewsReadLittle: rows of each of its tenants and days, and of
// the part of them that a question by tenant and day may read.
const (
	viewDays, viewTenants = 5, 2
	viewRows              = 20_000
)

// testViewsReadLittle: a question by tenant and day reads a day of a tenant of
// spans and span_content, up to the granules at its ends, and for traces the
// days beside it.
func testViewsReadLittle(t *testing.T, b *bundle) {
	source := fmt.Sprintf(" FROM numbers(%d) AS n CROSS JOIN (SELECT number AS day FROM numbers(%d)) AS d CROSS JOIN (SELECT number AS who FROM numbers(%d)) AS w", viewRows, viewDays, viewTenants)
	common := "'t' || who AS tenant, lower(hex(sipHash128(number, day, who))) AS trace_id, toDate(20717 + day) AS part_day, 3650 AS retention_days, toDateTime64((20717 + day) * 86400, 3) AS received_at"
	for table, columns := range map[string]string{
		TableSpans: "trace_id AS span_id, if(number % 2 = 0, 'LLM', 'TOOL') AS kind, (20717 + day) * 86400000000000 + number * 1000000000 AS start_unix_nano, fromUnixTimestamp64Nano(toInt64(start_unix_nano)) AS start_time",
		TableTraceParts: "1 AS spans, true AS has_root, (20717 + day) * 86400000000000 + number * 1000000000 AS start_unix_nano, " +
			"start_unix_nano AS end_unix_nano, fromUnixTimestamp64Nano(toInt64(start_unix_nano)) AS start_time",
		TableSpanContent:    "trace_id AS span_id, '{}' AS body",
		TableTraceInfo:      "1 AS version, ((20717 + day) * 86400 + number) * 1000 AS request_ms",
		TableTraceTags:      "'k' AS key",
		TableBusinessEvents: "trace_id AS event_id, 'goal' AS name, toDateTime64((20717 + day) * 86400 + number, 9) AS time",
	} {
		b.query(t, "INSERT INTO "+table+" ("+names(common+", "+columns)+") SELECT "+common+", "+columns+source)
	}
	const where = " WHERE tenant = 't1' AND day = toDate(20719)"
	for _, c := range []struct {
		sql, want    string
		tables, days int // read: tables, and days of all of them together
	}{
		{"SELECT toUInt32(count()), toUInt32(countIf(input = '[{}]')) FROM llm_calls", "[10000 10000]", 2, 3},
		{"SELECT toUInt32(count()), sum(seconds) FROM tool_calls", "[10000 0]", 1, 1},
		{"SELECT toUInt32(count()), toUInt32(uniqExact(trace_id)) FROM errors", "[0 0]", 1, 1},
		{"SELECT toUInt32(count()), toUInt32(uniqExact(trace_id)) FROM traces", "[20000 20000]", 3, 9},
		{"SELECT toUInt32(count()), toUInt32(uniqExact(event_id)) FROM business_events_once", "[20000 20000]", 1, 1},
	} {
		const granule = 8192
		rows, most, all := b.readRows(t, c.sql+where, c.want), c.days*(viewRows+2*granule), c.tables*viewRows*viewDays*viewTenants
		if rows == 0 || rows > most || most > all*2/3 {
			t.Errorf("%s reads %d rows, at most %d of %d may be", c.sql, rows, most, all)
		}
		plan := b.query(t, "EXPLAIN indexes = 1 "+c.sql+where)
		for _, key := range []string{"PrimaryKey", "tenant in ['t1', 't1']", "part_day"} {
			if !strings.Contains(plan, key) {
				t.Errorf("%s: no %s in\n%s", c.sql, key, plan)
			}
		}
	}
	hour := " AND start_time BETWEEN toDateTime(20719 * 86400) AND toDateTime(20719 * 86400 + 3599)"
	b.expect(t, "1800", "SELECT count() FROM llm_calls"+where+hour)
	if plan := b.query(t, "EXPLAIN indexes = 1 SELECT count() FROM llm_calls"+where+hour); !strings.Contains(plan, "by_start_time") {
		t.Errorf("the hour is not looked up:\n%s", plan)
	}
}

// names are the names that a list of columns has.
func names(columns string) string {
	var out []string
	for column := range strings.SplitSeq(columns, " AS ") {
		name, _, _ := strings.Cut(column, ",")
		out = append(out, name)
	}
	return strings.Join(out[1:], ", ")
}

// readRows runs a statement and tells how many rows the server read for it.
func (b *bundle) readRows(t *testing.T, sql, want string) int {
	t.Helper()
	var out bytes.Buffer
	if err := b.Query(t.Context(), sql, "JSONCompact", &out); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	var answer struct {
		Data       []any `json:"data"`
		Statistics struct {
			Read int `json:"rows_read"`
		} `json:"statistics"`
	}
	if err := json.Unmarshal(out.Bytes(), &answer); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	if got := fmt.Sprint(answer.Data...); got != want {
		t.Errorf("%s: got %s, want %s", sql, got, want)
	}
	return answer.Statistics.Read
}
