package oracle

import (
	"context"
	"fmt"

	"github.com/spanmill/spanmill/internal/demo"
	"github.com/spanmill/spanmill/internal/demo/ledger"
)

// CheckIDs compares the ids of spans with a ledger, wherever they are kept: sql
// gives a row for each span, trace id and span id in lower-case hexadecimal. Of
// the report, Acked, Doubt, Refused, Rows, Missing, Doubled, Unexpected and
// Strange are counted; nothing is said of what else the rows hold.
func CheckIDs(ctx context.Context, l *ledger.Ledger, rows Rows, sql string) (*Report, error) {
	gen, err := demo.NewGenerator(l.Options())
	if err != nil {
		return nil, fmt.Errorf("check ids: %w", err)
	}
	entries := l.Entries()
	j := &judge{report: new(Report), gen: gen, maker: gen.NewMaker(), tally: newTally(gen, entries)}
	if err := j.read(ctx, rows, sql, j.row); err != nil {
		return nil, fmt.Errorf("check ids: %w", err)
	}
	j.settle(entries)
	return j.report, nil
}
