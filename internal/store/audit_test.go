package store

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

const testTopic = "000102030405060708090a0b0c0d0e0f"

// place is a row of the given place in the log, of a span made of it.
func placed(offset int64, index uint32) *schema.SpanRow {
	r := fullRow()
	r.Log, r.Offset, r.Span.Index = testLog, offset, index
	r.Span.TraceID, r.Span.SpanID = schema.TraceID{1, 15: byte(offset)}, schema.SpanID{2, 7: byte(index)}
	r.PartDay, r.RetentionDays = testDay+uint16(offset%2), 1000
	return r
}

func region(first, last int64) Region {
	return Region{TopicID: testTopic, Partition: placed(0, 0).Partition, Range: pipeline.Range{First: first, Last: last}}
}

func testStoredRowsAreReadBack(t *testing.T, b *bundle) {
	block := NewSpanBlock()
	for _, offset := range []int64{3, 1, 2} {
		for _, index := range []uint32{1, 0} {
			block.one(placed(offset, index))
		}
	}
	earlier := placed(2, 0)
	earlier.Log = testTopic + "/9"
	block.one(earlier)
	other := placed(2, 0)
	other.Log = "ff" + testLog[2:]
	block.one(other)
	b.insert(t, block, "t")
	var got []string
	if err := b.StoredSpans(t.Context(), region(2, 3), func(s *schema.StoredSpan) error {
		got = append(got, fmt.Sprintf("%s %d/%d %s %s", s.Log[len(s.Log)-1:], s.Offset, s.Index, s.Trace, s.Span))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(got) // rows of one place come in any order
	want := []string{
		"0 2/0 01000000000000000000000000000002 0200000000000000", "0 2/1 01000000000000000000000000000002 0200000000000001",
		"0 3/0 01000000000000000000000000000003 0200000000000000", "0 3/1 01000000000000000000000000000003 0200000000000001",
		"9 2/0 01000000000000000000000000000002 0200000000000000",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	least, err := b.LeastRetention(t.Context())
	if diff := cmp.Diff(map[string]uint16{fullRow().Tenant: 1000}, least); diff != "" || err != nil {
		t.Errorf("retention, %v (-want +got):\n%s", err, diff)
	}
}

func testStoredPartsAreReadBack(t *testing.T, b *bundle) {
	block := NewTracePartBlock()
	for _, r := range []pipeline.Range{{First: 10, Last: 19}, {First: 0, Last: 9}, {First: 20, Last: 29}} {
		for trace := range byte(2) {
			block.Append(&schema.TracePart{
				Tenant: "tab\there", TraceID: schema.TraceID{trace, 15: 1}, Spans: 5, PartDay: testDay, RetentionDays: 1000,
				Log: testLog, Partition: region(0, 0).Partition, FirstOffset: r.First, LastOffset: r.Last,
			})
		}
	}
	if err := b.TraceParts().Insert(t.Context(), block, "t", soon(), nil); err != nil {
		t.Fatal(err)
	}
	var got []schema.StoredPart
	if err := b.StoredParts(t.Context(), region(15, 20), func(p *schema.StoredPart) error {
		got = append(got, *p)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(got) != 4 || got[0] != (schema.StoredPart{Log: testLog, First: 10, Last: 19, Tenant: "tab\there", Trace: schema.TraceID{0, 15: 1}, Spans: 5}) {
		t.Errorf("parts: %+v", got)
	}
	ranges, err := b.Batches(t.Context(), region(5, 1000), 2)
	if diff := cmp.Diff([]pipeline.Range{{First: 0, Last: 9}, {First: 10, Last: 19}}, ranges); diff != "" || err != nil {
		t.Errorf("batches, %v (-want +got):\n%s", err, diff)
	}
}

// testOnlyMissingRowsAreInserted: by row, not by day, and whatever token they
// first came under.
func testOnlyMissingRowsAreInserted(t *testing.T, b *bundle) {
	block := NewSpanBlock()
	for offset := range int64(4) {
		block.one(placed(offset, 0))
	}
	b.insert(t, block, "first")
	if err := b.exec(t.Context(), "ALTER TABLE spans DELETE WHERE src_offset IN (1, 2) SETTINGS mutations_sync = 1"); err != nil {
		t.Fatal(err)
	}
	b.insert(t, block, "first") // what a token cannot do: it is still remembered
	b.expect(t, "2", "SELECT count() FROM spans")
	for i, want := range []int{2, 0} {
		written, err := b.Spans().InsertMissing(t.Context(), block, fmt.Sprint("replay", i), soon(), region(0, 3))
		if err != nil || written != want {
			t.Errorf("round %d: wrote %d rows, %v; want %d", i, written, err, want)
		}
		b.expect(t, "0\n1\n2\n3", "SELECT src_offset FROM spans ORDER BY src_offset")
	}
}
