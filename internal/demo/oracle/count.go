package oracle

import (
	"context"
	"fmt"

	"github.com/spanmill/spanmill/internal/demo/ledger"
)

// Counts is what a Count found.
type Counts struct {
	Acked, Doubt uint64 // spans in the ledger
	// Rows of the tenant, and the sum of its trace_parts.spans.
	Rows, InParts uint64
}

// Count compares numbers only, which the engine has at hand: a writer that is
// being waited for hardly notices.
func Count(ctx context.Context, l *ledger.Ledger, rows Rows, database string) (*Counts, error) {
	c := new(Counts)
	for _, e := range l.Entries() {
		switch e.Outcome {
		case ledger.Acked, ledger.Partial:
			c.Acked += uint64(e.Spans - e.Rejected)
		case ledger.Doubt:
			c.Doubt += uint64(e.Spans)
		case ledger.Refused:
		}
	}
	q := queries{database: database, tenant: l.Options().Tenant}
	j := &judge{}
	err := j.read(ctx, rows, q.counts(), func(r *rowReader) { c.Rows, c.InParts = r.u64(), r.u64() })
	if err != nil {
		return nil, fmt.Errorf("count: %w", err)
	}
	return c, nil
}

// OK reports whether the numbers fit together.
func (c *Counts) OK() bool {
	return c.Acked <= c.Rows && c.Rows <= c.Acked+c.Doubt && c.InParts == c.Rows
}

func (c *Counts) String() string {
	return fmt.Sprintf("%d spans acked, %d in doubt; %d rows, %d in trace_parts", c.Acked, c.Doubt, c.Rows, c.InParts)
}
