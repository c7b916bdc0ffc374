package store

import (
	"testing"
	"time"
)

func TestSmoke(t *testing.T) {
	b := setup(t)
	if err := b.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	block := newCorpus(1).block(1000)
	for range 2 {
		err := b.Spans().Insert(t.Context(), block, "T1", time.Now().Add(10*time.Second), nil)
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Log(b.query(t, "SELECT count(), min(src_offset), max(src_offset), uniq(trace_id) FROM spans"))
	t.Log(b.query(t, "SELECT * FROM spans LIMIT 2 FORMAT Vertical"))
	t.Log(b.query(t, "SHOW CREATE TABLE spans"))
	t.Log(b.query(t, "SELECT * from schema_versions"))
	t.Log(b.Spans().Present(t.Context(), testLog, 3, 0, 5, []uint16{testDay, testDay + 1}))
	t.Log(b.Spans().LastOffset(t.Context(), testLog, 3))
	t.Log(b.Spans().LastOffset(t.Context(), testLog[:32], 3))
	t.Log(b.Spans().InsertScratch(t.Context(), block))
	t.Log(b.Version(t.Context()))
}
