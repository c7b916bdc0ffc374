package engine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/spanmill/spanmill/internal/engine"
	"github.com/spanmill/spanmill/internal/engine/enginetest"
)

// nativeBlock is one Native block (day UInt16, text String, insert_by DateTime64)
// of rows that spread over days.
func nativeBlock(t *testing.T, rows, days, textBytes int) []byte {
	t.Helper()
	return nativeBlockBy(t, time.Now().Add(time.Minute), rows, days, textBytes)
}

// nativeBlockBy is nativeBlock for a block that is to be refused after a moment.
func nativeBlockBy(t *testing.T, by time.Time, rows, days, textBytes int) []byte {
	t.Helper()
	var day proto.ColUInt16
	var text proto.ColStr
	var insertBy proto.ColDateTime64
	insertBy.WithPrecision(proto.PrecisionMilli)
	for i := range rows {
		day.Append(uint16(i % days))
		text.Append(fmt.Sprintf("%0*d", textBytes, i))
		insertBy.Append(by)
	}
	input := proto.Input{{Name: "day", Data: day}, {Name: "text", Data: &text}, {Name: "insert_by", Data: &insertBy}}
	block := proto.Block{Rows: rows, Columns: len(input)}
	var buf proto.Buffer
	if err := block.EncodeRawBlock(&buf, 0, input); err != nil {
		t.Fatal(err)
	}
	return buf.Buf
}

// insertSQL is the statement every batch goes in by: the table refuses what is
// later than the batch's deadline, by the server's clock.
const insertSQL = "INSERT INTO rows (day, text, insert_by) FORMAT Native"

func createRows(t *testing.T, at engine.Endpoint) {
	t.Helper()
	query(t, at, "CREATE TABLE rows (day UInt16, text String, insert_by DateTime64(3, 'UTC'), CONSTRAINT in_time CHECK nowInBlock64(3) <= insert_by) "+
		"ENGINE MergeTree PARTITION BY day ORDER BY text SETTINGS non_replicated_deduplication_window = 1000")
	query(t, at, "SYSTEM STOP MERGES rows")
}

// One block must make one part per partition: a token covers a part, so a
// block in pieces could land in pieces.
func TestOneBlockStaysOne(t *testing.T) {
	at := enginetest.Start(t).Endpoint()
	createRows(t, at)
	for _, shape := range []struct{ rows, days, textBytes int }{
		{100_000, 1, 20},
		{100_000, 1, 650}, // 64 MiB
		{100_000, 5, 200},
		{1, 1, 4 << 20},
	} {
		query(t, at, "TRUNCATE TABLE rows")
		block := nativeBlock(t, shape.rows, shape.days, shape.textBytes)
		if _, err := do(t, at, call{query: insertSQL, body: block}); err != nil {
			t.Fatal(err)
		}
		want(t, at, "SELECT sum(rows), count(), uniqExact(partition) FROM system.parts WHERE table = 'rows' AND active",
			fmt.Sprintf("%d\t%d\t%d", shape.rows, shape.days, shape.days))
	}
}

func TestTokenLandsOnce(t *testing.T) {
	at := enginetest.Start(t).Endpoint()
	createRows(t, at)
	for _, insert := range []struct {
		token string
		rows  int
	}{
		{"a", 100}, {"a", 100}, {"a", 50}, // the token decides, not the data
		{"b", 10},
	} {
		c := call{
			query: insertSQL, body: nativeBlock(t, insert.rows, 2, 20),
			params: map[string]string{"insert_deduplication_token": insert.token},
		}
		if _, err := do(t, at, c); err != nil {
			t.Fatal(err)
		}
	}
	want(t, at, "SELECT count() FROM rows", "110")
}

func TestLateBlockIsRefused(t *testing.T) {
	at := enginetest.Start(t).Endpoint()
	createRows(t, at)
	const violatedConstraint = 469
	_, err := do(t, at, call{query: insertSQL, body: nativeBlockBy(t, time.Now().Add(-time.Second), 1000, 3, 20)})
	wantCode(t, err, violatedConstraint)
	want(t, at, "SELECT count() FROM rows", "0")
}

// A query that wants more than there is fails alone, and the child stays
// within its limit as the system counts it.
func TestMemoryIsBounded(t *testing.T) {
	cfg := enginetest.Config(t, t.TempDir())
	cfg.MaxMemoryBytes = 1 << 30
	e, _ := enginetest.Run(t, cfg, nil)
	at := e.Endpoint()
	const memoryLimitExceeded = 241
	_, err := do(t, at, call{query: "SELECT length(groupArray(repeat(toString(number), 100))) FROM numbers(100000000)"})
	wantCode(t, err, memoryLimitExceeded)
	createRows(t, at)
	for range 3 {
		if _, err := do(t, at, call{query: insertSQL, body: nativeBlock(t, 100_000, 1, 650)}); err != nil {
			t.Fatal(err)
		}
	}
	if peak := memory(t, e.PID(), "VmHWM"); peak > cfg.MaxMemoryBytes {
		t.Errorf("peak resident memory %d MiB, limit %d MiB", peak>>20, cfg.MaxMemoryBytes>>20)
	}
}
