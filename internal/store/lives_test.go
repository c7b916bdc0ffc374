package store

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"github.com/spanmill/spanmill/pkg/schema"
)

func testLives(t *testing.T, b *bundle) {
	block := NewSpanBlock()
	rows := make(map[string]Life)
	add := func(name string, offset int64, index uint32, origin string) {
		r := fullRow()
		r.Tenant, r.Offset, r.Partition, r.Origin, r.RetentionDays = "acme", offset, 4, origin, 1000
		r.Span.Index, r.Span.SpanID = index, schema.SpanID{byte(len(rows) + 1)}
		block.one(r)
		rows[name] = Life{r.Span.TraceID, r.Span.SpanID, index}
	}
	add("first life", 7, 0, "")
	add("second life", 20, 3, "spans/4/7/2")
	add("second life of another record", 21, 0, "spans/4/71/0")
	add("of the open batch", 30, 0, "spans/4/7/5")
	add("other record", 8, 0, "")
	b.insert(t, block, "t")
	second := rows["second life"]
	second.Index = 2
	rows["second life"] = second
	open := rows["of the open batch"]
	open.Index = 5

	ask := func(q LivesQuery, want ...Life) {
		t.Helper()
		q.Origin = schema.Origin{Topic: "spans", Partition: 4, Offset: 7, Index: -1}
		for _, l := range rows {
			q.Spans = append(q.Spans, l)
		}
		got, err := b.Lives(t.Context(), q)
		slices.SortFunc(got, func(a, b Life) int { return cmp.Compare(a.Index, b.Index) })
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%+v: got %v, %v; want %v", q, got, err, want)
		}
	}
	ask(LivesQuery{Tenant: "acme", Log: testLog, Before: 30}, rows["first life"], second)
	ask(LivesQuery{Tenant: "acme", Log: testLog, Before: 31}, rows["first life"], second, open)
	ask(LivesQuery{Tenant: "acme", Log: testLog, Before: 20}, rows["first life"])
	ask(LivesQuery{Tenant: "acme", Log: "another/0", Before: 0}, rows["first life"], second, open)
	ask(LivesQuery{Tenant: "o'ther", Log: testLog, Before: 30})

	// More than one question's worth, and ids that no row has.
	many := LivesQuery{Tenant: "acme", Log: testLog, Before: 30, Origin: schema.Origin{Topic: "spans", Partition: 4, Offset: 7}}
	for i := range livesAtOnce {
		many.Spans = append(many.Spans, Life{TraceID: schema.TraceID{9, byte(i >> 8), byte(i)}, SpanID: schema.SpanID{9}})
	}
	many.Spans = append(many.Spans, rows["first life"])
	if got, err := b.Lives(t.Context(), many); err != nil || !slices.Equal(got, []Life{rows["first life"]}) {
		t.Errorf("many: %v, %v", got, err)
	}
}

func testOtherLog(t *testing.T, b *bundle) {
	b.insert(t, days(testDay), "t") // of testLog, partition 4
	topic, _, _ := strings.Cut(testLog, "/")
	for log, want := range map[string]string{testLog: "", topic + "/77": testLog, "another/0": testLog} {
		if other, err := b.Spans().OtherLog(t.Context(), log, 4); other != want || err != nil {
			t.Errorf("other than %s: %q, %v", log, other, err)
		}
	}
	if other, err := b.Spans().OtherLog(t.Context(), "another/0", 5); other != "" || err != nil {
		t.Errorf("of another partition: %q, %v", other, err)
	}
}
