package oracle

import (
	"testing"

	"github.com/spanmill/spanmill/internal/demo/ledger"
)

// TestIDsOfAnyTable: a table that is not ours, of which only ids are known.
func TestIDsOfAnyTable(t *testing.T) {
	t.Parallel()
	l, b := setup(t, ledger.Acked, ledger.Acked, ledger.Refused, ledger.Doubt, ledger.Acked)
	b.names = nil // rows are their ids
	r, err := CheckIDs(t.Context(), l, b, "SELECT TraceId, SpanId FROM otel_traces")
	if err != nil || !r.OK() || r.Acked == 0 || r.Rows != uint64(len(b.spans)) {
		t.Fatalf("a faithful table: %v, %v", r, err)
	}
	b.spans = append(b.spans[:70], b.spans[72:]...)           // two acked rows lost
	b.spans = append(b.spans, b.spans[17], place{1 << 30, 0}) // one doubled, one of nobody
	b.addPiece(2)                                             // refused, and there
	r, err = CheckIDs(t.Context(), l, b, "SELECT TraceId, SpanId FROM otel_traces")
	if err != nil || r.Missing != 2 || r.Doubled != 1 || r.Strange != 1 || r.Unexpected == 0 {
		t.Errorf("planted differences: %v, %v", r, err)
	}
}
