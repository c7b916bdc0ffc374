package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spanmill/spanmill/pkg/pipeline"
)

// Names of the tables.
const (
	TableSpans      = "spans"
	TableTraceParts = "trace_parts"
	TableRollups    = "rollups"
)

// Table inserts blocks of type B into one table, and says what the table has.
type Table[B Block] struct {
	name  string
	store *Store
	// rangeSQL tells rows of exactly one batch range from others, given first
	// and last.
	rangeSQL string
	// rowSQL tells the rows of one range apart.
	rowSQL string
}

// rangeByOffset is rangeSQL of rows that come from one record each.
const rangeByOffset = "src_offset BETWEEN %d AND %d"

// Spans is table spans.
func (s *Store) Spans() *Table[*SpanBlock] {
	return &Table[*SpanBlock]{name: TableSpans, store: s, rangeSQL: rangeByOffset, rowSQL: "(src_offset, src_index, trace_id, span_id)"}
}

// TraceParts is table trace_parts.
func (s *Store) TraceParts() *Table[*TracePartBlock] {
	return &Table[*TracePartBlock]{name: TableTraceParts, store: s, rangeSQL: "src_first_offset = %d AND src_offset = %d", rowSQL: "(tenant, trace_id)"}
}

// Rollups is table rollups.
func (s *Store) Rollups() *Table[*RollupBlock] {
	return &Table[*RollupBlock]{name: TableRollups, store: s, rangeSQL: "src_offset BETWEEN %d AND %d", rowSQL: "(src_offset, src_index)"}
}

// Name is the table's name.
func (t *Table[B]) Name() string { return t.name }

// Insert stores the block: each day of it as a whole or not at all. The server
// drops what it has stored under the token already, and refuses the block when
// it has it complete only after the deadline (on our clock). Days in skip are
// left out. Errors are pipeline.ErrRejected, ErrDeadline or ErrFatal; any other
// means that the block may or may not have been stored, now or until the
// deadline.
func (t *Table[B]) Insert(ctx context.Context, block B, token string, deadline time.Time, skip []uint16) error {
	begin := time.Now()
	err := t.insert(ctx, block, order{token: token, deadline: deadline, condition: skipSQL(skip)})
	t.store.metrics.inserted(t.name, block, time.Since(begin), err)
	if err != nil {
		return fmt.Errorf("insert %d rows into %s: %w", block.Rows(), t.name, err)
	}
	return nil
}

// order is how a block is to be inserted.
type order struct {
	token    string
	deadline time.Time
	// condition leaves out the rows for which it does not hold; "": none.
	condition string
	// written, if not nil, is told how many rows the server wrote.
	written *int
}

func (t *Table[B]) insert(ctx context.Context, block B, o order) error {
	if block.Rows() == 0 {
		return nil
	}
	if o.token == "" {
		return errors.New("no token")
	}
	ctx, cancel := context.WithTimeoutCause(ctx, t.store.cfg.InsertTimeout, errInsertTimeout)
	defer cancel()
	at, err := t.store.clock.server(ctx, o.deadline)
	if err != nil {
		return err
	}
	s := insertSettings(block)
	s.Set("insert_deduplicate", "1")
	s.Set("insert_deduplication_token", o.token)
	block.until(at)
	err = t.send(ctx, request{sql: insertSQL(t.name, block, o.condition), settings: s, written: o.written}, block)
	if errors.Is(err, pipeline.ErrDeadline) {
		t.store.clock.distrust() // a clock that jumped looks like this
	}
	return err
}

var errInsertTimeout = fmt.Errorf("clickhouse took too long to store the block: %w", context.DeadlineExceeded)

// InsertScratch stores the block in a table of the same definition that
// vanishes afterwards, to learn whether the server takes the rows.
func (t *Table[B]) InsertScratch(ctx context.Context, block B) error {
	ctx, cancel := context.WithTimeoutCause(ctx, t.store.cfg.InsertTimeout, errInsertTimeout)
	defer cancel()
	err := t.scratch(ctx, block)
	if err != nil {
		t.store.metrics.failed(t.name, err)
		return fmt.Errorf("insert %d rows into a scratch copy of %s: %w", block.Rows(), t.name, err)
	}
	return nil
}

// send runs the statement with the block for its data.
func (t *Table[B]) send(ctx context.Context, r request, block B) error {
	data, err := block.encode()
	if err != nil {
		return err
	}
	loan := &body{data: data}
	defer loan.release()
	r.data = loan
	return t.store.client.exec(ctx, r)
}

// Present tells which of days hold rows of the range [first, last] of a log's
// partition (W8). A part of a range's rows is never there without the others of
// its day, so one row is proof.
func (t *Table[B]) Present(ctx context.Context, log string, partition int32, first, last int64, days []uint16) ([]uint16, error) {
	if len(days) == 0 {
		return nil, nil
	}
	sql := fmt.Sprintf("SELECT DISTINCT toUInt16(part_day) FROM %s WHERE part_day IN (%s) AND src_log = %s AND src_partition = %d AND "+t.rangeSQL,
		t.name, dayList(days), quote(log), partition, first, last)
	text, err := t.store.search(ctx, sql)
	if err == nil {
		var present []uint16
		if present, err = parseDays(text); err == nil {
			return present, nil
		}
	}
	t.store.metrics.failed(t.name, err)
	return nil, fmt.Errorf("ask %s for %d–%d: %w", t.name, first, last, err)
}

// LastOffset is the greatest offset of a log's partition that any row came
// from (W6, W14). log is a pipeline.Log's ID, or a topic id for all of the
// topic's incarnations.
func (t *Table[B]) LastOffset(ctx context.Context, log string, partition int32) (offset int64, found bool, err error) {
	// The server goes through this order by the minmax index of src_offset and
	// leaves out what cannot be greater; max would read the whole column.
	sql := fmt.Sprintf("SELECT src_offset FROM %s WHERE (src_log = %s OR startsWith(src_log, %s)) AND src_partition = %d ORDER BY src_offset DESC LIMIT 1",
		t.name, quote(log), quote(log+"/"), partition)
	text, err := t.store.search(ctx, sql)
	if err == nil && text == "" {
		return 0, false, nil
	}
	if err == nil {
		if offset, err = strconv.ParseInt(text, 10, 64); err == nil {
			return offset, true, nil
		}
	}
	t.store.metrics.failed(t.name, err)
	return 0, false, fmt.Errorf("ask %s for its last offset: %w", t.name, err)
}

// Filled names those of the tables that have, or may have, rows.
func (s *Store) Filled(ctx context.Context, tables ...string) (map[string]bool, error) {
	text, err := s.search(ctx, "SELECT name FROM system.tables WHERE database = currentDatabase() AND name IN ("+strings.Join(quoteAll(tables), ", ")+
		") AND ifNull(total_rows, 1) > 0")
	if err != nil {
		return nil, fmt.Errorf("ask which of %d tables have rows: %w", len(tables), err)
	}
	filled := make(map[string]bool)
	for table := range strings.FieldsSeq(text) {
		filled[table] = true
	}
	return filled, nil
}

// OtherLog names a log (a pipeline.Log's ID) other than the given one that rows
// of the partition came from, preferably one of the same topic; "": none.
func (t *Table[B]) OtherLog(ctx context.Context, log string, partition int32) (string, error) {
	topic, _, _ := strings.Cut(log, "/")
	other, err := t.store.search(ctx, fmt.Sprintf("SELECT src_log FROM %s WHERE src_log != %s AND src_partition = %d GROUP BY src_log ORDER BY startsWith(src_log, %s) DESC LIMIT 1",
		t.name, quote(log), partition, quote(topic+"/")))
	if err != nil {
		t.store.metrics.failed(t.name, err)
		return "", fmt.Errorf("ask %s for other logs: %w", t.name, err)
	}
	return other, nil
}

func parseDays(text string) ([]uint16, error) {
	var days []uint16
	for field := range strings.FieldsSeq(text) {
		d, err := strconv.ParseUint(field, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("read days: %w", err)
		}
		days = append(days, uint16(d))
	}
	return days, nil
}
