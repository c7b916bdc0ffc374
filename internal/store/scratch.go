package store

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"
)

// scratchSeconds is how long the server keeps a scratch session that was not
// ended.
const scratchSeconds = "60"

// scratch inserts into a temporary table: it belongs to a session of its own,
// so that partitions bisecting at once do not meet, and nothing stays behind.
// It is a real MergeTree, which checks what the table checks; a Null table
// would not look at partitions.
func (t *Table[B]) scratch(ctx context.Context, block B) error {
	name := t.name + "_scratch"
	session := insertSettings(block)
	session.Set("session_id", rand.Text())
	session.Set("session_timeout", scratchSeconds)
	create := fmt.Sprintf("CREATE TEMPORARY TABLE %s AS %s.%s ENGINE = MergeTree PARTITION BY part_day ORDER BY tuple()", name, t.store.cfg.Database, t.name)
	if err := t.store.client.exec(ctx, request{sql: create, settings: session}); err != nil {
		return err
	}
	block.until(time.Time{})
	err := t.send(ctx, request{sql: insertSQL(name, block, ""), settings: session}, block)
	if dropErr := t.store.client.exec(ctx, request{sql: "DROP TEMPORARY TABLE " + name, settings: session}); err == nil {
		err = dropErr
	}
	return err
}
