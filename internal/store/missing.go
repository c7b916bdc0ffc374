package store

import (
	"context"
	"fmt"
	"time"
)

// InsertMissing is Insert for a block that may be there in part, row by row: it
// stores those of its rows that the table has not. The server looks as it
// inserts; nobody else may be inserting rows of the region, not even late.
// Rows that are there are known by their place in the log and the ids of their
// span, so that those of an earlier incarnation are not taken for them. The
// answer is how many rows were written.
func (t *Table[B]) InsertMissing(ctx context.Context, block B, token string, deadline time.Time, r Region) (written int, err error) {
	begin := time.Now()
	err = t.insert(ctx, block, order{token, deadline, t.missingSQL(r), &written})
	t.store.metrics.inserted(t.name, block, time.Since(begin), err)
	if err != nil {
		return 0, fmt.Errorf("insert what is missing of %d rows into %s: %w", block.Rows(), t.name, err)
	}
	return written, nil
}

func (t *Table[B]) missingSQL(r Region) string {
	return fmt.Sprintf("%s NOT IN (SELECT %[1]s FROM %s WHERE %s AND "+t.rangeSQL+")", t.rowSQL, t.name, r.sql(), r.First, r.Last)
}
