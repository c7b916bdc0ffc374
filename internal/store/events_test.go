package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

// eventRow is a row of an event at an offset of partition 4.
func eventRow(e *schema.Event, offset int64) *schema.EventRow {
	return &schema.EventRow{
		Event: e, Tenant: "ten", ReceivedMilli: int64(testStart/1_000_000) + offset, PartDay: testDay, RetentionDays: 1000,
		Version: schema.VersionOf(2, offset, e.Index), Log: testLog, Partition: 4, Offset: offset,
	}
}

func (b *bundle) insertEvents(t *testing.T, token string, rows ...*schema.EventRow) {
	t.Helper()
	for _, kind := range schema.StoredKinds() {
		block := NewEventBlock(kind)
		for _, r := range rows {
			if r.Event.Kind == kind {
				block.Append(r)
			}
		}
		if err := b.Events(kind).Insert(t.Context(), block, token+eventTable(kind), soon(), nil); err != nil {
			t.Fatal(err)
		}
	}
}

func testEventsSurvive(t *testing.T, b *bundle) {
	info := &schema.Event{Kind: schema.EventTraceInfo, TraceID: "tr 'x", Index: 7, Info: &schema.TraceInfo{
		ExperimentID: "3", ClientRequestID: "req", RequestMilli: 1795305600123, DurationMilli: schema.Count{N: 5, Set: true}, State: "OK",
		RequestPreview: "in", ResponsePreview: "out", Metadata: map[string]string{"m": "1", "a": ""}, Tags: map[string]string{"t": "2"},
	}}
	tag := &schema.Event{Kind: schema.EventTag, TraceID: "t", Tag: &schema.Tag{Key: "k", Value: "v", Deleted: true}}
	judged := &schema.Event{Kind: schema.EventAssessment, TraceID: "t", Assessment: &schema.Assessment{
		ID: "a1", Mask: schema.AssessmentName | schema.AssessmentValid, Deleted: true, Name: "good", SourceType: "HUMAN", SourceID: "ann", CreateMilli: 11, UpdateMilli: 12,
		Type: "feedback", Value: "true", Serialized: true, Error: &schema.AssessmentError{Code: "C", Message: "M", Stack: "S"},
		Rationale: "why", Metadata: map[string]string{"k": "v"}, SpanID: "s", Overrides: "a0", Valid: true,
	}}
	gone := &schema.Event{Kind: schema.EventTraceDeleted, TraceID: "t"}
	said := &schema.Event{Kind: schema.EventContent, TraceID: "t", Content: &schema.Content{
		SpanID: "s", EventName: "gen_ai.choice", TimeNano: 1 << 63, Output: true, Index: -2, Role: "assistant", Body: `{"a":1}`,
		Attrs: map[string]string{"k": "v"}, SessionID: "ses",
	}}
	sold := &schema.Event{Kind: schema.EventBusiness, TraceID: "t", Business: &schema.Business{
		ID: "e1", Name: "goal", TimeNano: testStart + 5, SessionID: "ses", UserID: "ann", Value: schema.Amount{N: -7, Set: true}, Attrs: map[string]string{"goal": "buy"},
	}}
	plain := &schema.Event{Kind: schema.EventBusiness, Business: &schema.Business{ID: "e2", Name: "x", TimeNano: 1 << 63}}
	last := eventRow(gone, 1<<40)
	last.Origin = "events/4/3/0"
	b.insertEvents(t, "t", eventRow(info, 0), eventRow(tag, 1), eventRow(judged, 2), last, eventRow(said, 3), eventRow(sold, 4), eventRow(plain, 5))
	common := func(offset, index int64, origin string) string {
		return strings.Join([]string{
			b.query(t, fmt.Sprintf("SELECT bitShiftLeft(toUInt128(2), 96) + bitShiftLeft(toUInt128(%d), 32) + %d", offset, index)),
			b.query(t, fmt.Sprintf("SELECT fromUnixTimestamp64Milli(%d, 'UTC')", int64(testStart/1_000_000)+offset)),
			"2026-11-22", "1000", testLog, "4", fmt.Sprint(offset), fmt.Sprint(index), origin,
		}, "\t")
	}
	b.expect(t, "ten\ttr 'x\t3\treq\t1795305600123\t5\tOK\tin\tout\t{'a':'','m':'1'}\t{'t':'2'}\t"+common(0, 7, ""),
		"SELECT tenant, trace_id, * EXCEPT (tenant, trace_id, insert_by) FROM trace_info")
	b.expect(t, "ten\tt\tk\tv\ttrue\t"+common(1, 0, ""), "SELECT * EXCEPT insert_by FROM trace_tags")
	b.expect(t, "ten\tt\ta1\t129\ttrue\tgood\tHUMAN\tann\t11\t12\tfeedback\ttrue\ttrue\ttrue\tC\tM\tS\twhy\t{'k':'v'}\ts\ta0\ttrue\t"+common(2, 0, ""), "SELECT * EXCEPT insert_by FROM assessments")
	b.expect(t, "ten\tt\ts\tgen_ai.choice\t9223372036854775808\ttrue\t-2\tassistant\t{\"a\":1}\t{'k':'v'}\tses\t"+common(3, 0, ""), "SELECT * EXCEPT insert_by FROM span_content")
	b.expect(t, "ten\tt\t"+common(1<<40, 0, "events/4/3/0"), "SELECT * EXCEPT insert_by FROM trace_deletions")
	b.expect(t, "ten\tt\te1\tgoal\t2026-11-22 00:00:00.000000005\tses\tann\t-7\t{'goal':'buy'}\t"+common(4, 0, ""), "SELECT * EXCEPT insert_by FROM business_events WHERE event_id = 'e1'")
	b.expect(t, "2262-04-11 23:47:16.854775807\t\\N\t{}", "SELECT time, value, attrs FROM business_events WHERE event_id = 'e2'")

	var got []schema.StoredEvent
	err := b.StoredEvents(t.Context(), schema.EventTraceInfo, Region{TopicID: strings.Split(testLog, "/")[0], Partition: 4, Range: pipeline.Range{Last: 9}}, func(e *schema.StoredEvent) error {
		got = append(got, *e)
		return nil
	})
	want := []schema.StoredEvent{{Log: testLog, Offset: 0, Index: 7, Tenant: "ten", TraceID: "tr 'x"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func testExperimentSurvives(t *testing.T, b *bundle) {
	block := NewExperimentBlock()
	for offset := range int64(2) {
		block.Append(&schema.ExperimentRow{
			Experiment: &schema.Experiment{ID: "7", Name: fmt.Sprint("name", offset), ArtifactLocation: "at", Stage: "active", CreateMilli: 1, UpdateMilli: 2, Tags: map[string]string{"k": "v"}},
			Tenant:     "ten", ReceivedMilli: int64(testStart / 1_000_000), Version: schema.VersionOf(0, offset, 0), Log: testLog, Offset: offset,
		})
	}
	if err := b.Experiments().Insert(t.Context(), block, "t", soon(), nil); err != nil {
		t.Fatal(err)
	}
	b.expect(t, "ten\t7\tname1\tat\tactive\t1\t2\t{'k':'v'}\t4294967296\t2026-11-22 00:00:00.000\t"+testLog+"\t0\t1", "SELECT * EXCEPT insert_by FROM experiments FINAL")
}

// testDeletions: what a deletion hides is deleted, to the row, and nothing else.
func testDeletions(t *testing.T, b *bundle) {
	at := int64(testStart) / 1_000_000
	ids := func(i byte) schema.TraceID { return schema.TraceID{i} }
	spans, parts := NewSpanBlock(), NewTracePartBlock()
	var rows []*schema.EventRow
	for i := range byte(3) { // traces 0, 1, 2, each with rows before, at and after
		for n, received := range []int64{at + 99, at + 100, at + 101} {
			r := fullRow()
			r.Tenant, r.Offset, r.ReceivedMilli, r.RetentionDays, r.Span.TraceID = "ten", int64(i)*10+int64(n), received, 1000, ids(i)
			spans.one(r)
			parts.Append(&schema.TracePart{Tenant: "ten", TraceID: ids(i), ReceivedMilli: received, PartDay: testDay, RetentionDays: 1000, Log: testLog, LastOffset: r.Offset})
			row := eventRow(&schema.Event{Kind: schema.EventTag, TraceID: ids(i).String(), Tag: &schema.Tag{Key: "k"}}, r.Offset)
			content := eventRow(&schema.Event{Kind: schema.EventContent, TraceID: row.Event.TraceID, Content: &schema.Content{Body: "1"}}, r.Offset)
			row.ReceivedMilli, content.ReceivedMilli = received, received
			rows = append(rows, row, content)
		}
	}
	b.insert(t, spans, "s")
	if err := b.TraceParts().Insert(t.Context(), parts, "p", soon(), nil); err != nil {
		t.Fatal(err)
	}
	for i, tenant := range []string{"ten", "other", "ten"} { // of traces 0, 1, 2: the second is another tenant's
		row := eventRow(&schema.Event{Kind: schema.EventTraceDeleted, TraceID: ids(byte(i)).String()}, int64(i))
		row.Tenant, row.ReceivedMilli, row.Partition = tenant, at+100, int32(i)
		rows = append(rows, row)
	}
	b.insertEvents(t, "e", rows...)

	// The rule of the table's comment.
	visible := "SELECT countIf(received_at > deleted_at), count() FROM %s LEFT ANY JOIN (SELECT trace_id, max(received_at) AS deleted_at" +
		" FROM trace_deletions WHERE tenant = 'ten' GROUP BY trace_id) AS d USING trace_id WHERE tenant = 'ten'"
	tables := []string{TableSpans, TableTraceParts, TableTraceTags, TableSpanContent}
	for _, table := range tables {
		b.expect(t, "5\t9", fmt.Sprintf(visible, table))
	}

	now := time.UnixMilli(at + 100).Add(10 * time.Minute)
	ask := func(q DeletionsQuery, want ...string) []schema.Deletion {
		t.Helper()
		q.Now, q.Base = now, time.Minute
		if q.Limit == 0 {
			q.Limit = 1000
		}
		got, err := b.DueDeletions(t.Context(), q)
		var names []string
		for _, d := range got {
			names = append(names, d.Tenant+d.TraceID[:2])
		}
		if err != nil || !slices.Equal(names, want) {
			t.Errorf("%+v: got %v, %v; want %v", q, names, err, want)
		}
		return got
	}
	all := ask(DeletionsQuery{Shares: 1}, "other01", "ten00", "ten02")
	ask(DeletionsQuery{Shares: 2, Share: 1}, "other01")
	ask(DeletionsQuery{Shares: 1, After: all[1]}, "ten02")
	ask(DeletionsQuery{Shares: 1, Limit: 1}, "other01")
	ask(DeletionsQuery{Shares: 1, Before: now.Add(-time.Second)})
	ask(DeletionsQuery{Shares: 1, Before: now.Add(-3 * time.Minute)}, "other01", "ten00", "ten02") // from 7 to 10 minutes: past 8
	for i := range 2 {
		rows, err := b.DeleteTraces(t.Context(), all)
		if want := []int64{4 * 2 * 2, 0}[i]; err != nil || rows != want {
			t.Errorf("time %d: %d rows deleted, %v; want %d", i, rows, err, want)
		}
	}
	for _, table := range tables {
		b.expect(t, "5\t5", fmt.Sprintf(visible, table))
	}
	seen := 0
	if err := b.Deletions(t.Context(), func(d schema.Deletion) error { seen++; return nil }); err != nil || seen != 3 {
		t.Errorf("%d deletions, %v", seen, err)
	}
}
