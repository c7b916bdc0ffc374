package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spanmill/spanmill/internal/store/sql"
	"github.com/spanmill/spanmill/internal/testkit"
	"github.com/spanmill/spanmill/pkg/schema"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func testBlocksMatchTheirTables(t *testing.T, b *bundle) {
	blocks := map[string]Block{TableSpans: NewSpanBlock(), TableTraceParts: NewTracePartBlock(), TableExperiments: NewExperimentBlock(), TableRollups: NewRollupBlock()}
	for _, kind := range schema.StoredKinds() {
		blocks[eventTable(kind)] = NewEventBlock(kind)
	}
	for table, block := range blocks {
		// In whatever order: columns that a migration added are the table's last.
		got := strings.Split(b.query(t, "SELECT concat(name, ' ', type) AS c FROM system.columns WHERE database = currentDatabase() AND table = '"+table+"' ORDER BY c FORMAT TSVRaw"), "\n")
		want := block.(interface{ definitions() []string }).definitions() //nolint:forcetypeassert // every block has columns
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-block +table):\n%s", table, diff)
		}
		b.expect(t, "0", "SELECT count() FROM system.columns WHERE database = currentDatabase() AND comment = '' AND table = '"+table+"'")
	}
}

// definitions are the block's columns in the order of their names.
func (c *columns) definitions() (out []string) {
	for _, column := range c.list {
		out = append(out, column.name+" "+string(column.Type()))
	}
	out = append(out, columnInsertBy+" "+string(typeMilli)) // of every block that has a deadline
	slices.Sort(out)
	return out
}

func testMigrateAgainAndAltered(t *testing.T, b *bundle) {
	b.insert(t, days(testDay), "t")
	b.cfg.DedupWindow = 20_000
	for range 2 {
		if err := b.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, table := range append(rowTables(), TableExperiments, TableRollups) {
		b.expect(t, "1", "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = '"+table+"' AND engine_full LIKE '%non_replicated_deduplication_window = 20000%'")
	}
	// A migration that was cut off is repeated.
	if err := b.exec(t.Context(), "TRUNCATE TABLE schema_versions"); err != nil {
		t.Fatal(err)
	}
	if err := b.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.insert(t, days(testDay), "t")
	b.expect(t, "1", "SELECT count() FROM spans")
}

func TestDDL(t *testing.T) {
	t.Parallel()
	statements, err := sql.Render(sql.Params{Database: "spanmill", DedupWindow: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, s := range statements {
		fmt.Fprintf(&all, "-- %s\n%s\n", s.Name, s.SQL)
	}
	testkit.Golden(t, "ddl.sql", []byte(all.String()))
}

func testTracePartSurvives(t *testing.T, b *bundle) {
	block := NewTracePartBlock()
	block.Append(&schema.TracePart{
		Tenant: "ten", ExperimentID: "exp", TraceID: schema.TraceID{1}, PartDay: testDay, RetentionDays: 31, ReceivedMilli: 1795305600123,
		Eval: true, HasRoot: true, RootSpanID: schema.SpanID{2}, RootName: "root", ServiceName: "svc", RootStatus: 1,
		RootStart: testStart + 1, RootEnd: testStart + 2, MinStart: testStart, MaxEnd: testStart + 3,
		Spans: 4, Errors: 5, LLMCalls: 6, InputTokens: 7, OutputTokens: 8, CostNano: 2, CostInputNano: 1, SessionID: "sess", UserID: "user",
		Resources: []string{`{"service.name":"svc"}`, "{}"}, Tells: schema.TellsUsage | schema.TellsPrice,
		InputPreview: "in", OutputPreview: "out", Log: testLog, Partition: 9, FirstOffset: 10, LastOffset: 11,
	})
	if err := b.TraceParts().Insert(t.Context(), block, "t", soon(), nil); err != nil {
		t.Fatal(err)
	}
	want := strings.Join([]string{
		"ten", "exp", "svc", "01000000000000000000000000000000", "true", "true", "0200000000000000", "root", "OK", "1795305600000000001", "1795305600000000002",
		"2026-11-22 00:00:00.000000000", "2026-11-22 00:00:00.000000003", "1795305600000000000", "1795305600000000003", "4", "5", "6", "7", "8", "0.000000002", "0.000000001",
		"sess", "user", `['{"service.name":"svc"}','{}']`, "129", "in", "out", "2026-11-22 00:00:00.123", "2026-11-22", "31", testLog, "9", "10", "11",
	}, "\t")
	b.expect(t, want, "SELECT * EXCEPT insert_by FROM trace_parts")
}

func testQueryErrorsAreClean(t *testing.T, b *bundle) {
	var out bytes.Buffer
	err := b.Query(t.Context(), "SELECT nothing", "TSV", &out)
	if CodeOf(err) != 47 || out.Len() > 0 || strings.Contains(err.Error(), "version") {
		t.Errorf("%v, %q", err, out.String())
	}
	// An error after the first rows.
	err = b.Query(t.Context(), "SELECT number, throwIf(number = 300000, 'late') FROM numbers(1000000) SETTINGS max_block_size = 1000", "TSV", &out)
	if CodeOf(err) != 395 || !strings.HasPrefix(out.String(), "0\t0\n1\t0\n") || strings.Contains(out.String(), "exception") {
		t.Errorf("%v, …%q", err, out.Bytes()[max(0, out.Len()-100):])
	}
	out.Reset()
	if err := b.Query(t.Context(), "SELECT 1 AS a, 'x\r\n__exception__' AS b", "TSVRaw", &out); err != nil || out.String() != "1\tx\r\n__exception__\n" {
		t.Errorf("%v, %q", err, out.String())
	}
}

func TestExceptionFilterAtEveryCut(t *testing.T) {
	t.Parallel()
	const body = "a\r\nb\r\n__exception__\r\nTAG\r\nCode: 7. DB::Exception: what\r\nhappened. (NAME) (version 1)\n57 TAG\r\n__exception__\r\n"
	for size := 1; size <= len(body); size++ {
		var out bytes.Buffer
		resp := &http.Response{
			StatusCode: http.StatusOK, Header: http.Header{"X-Clickhouse-Exception-Tag": {"TAG"}},
			Body: io.NopCloser(&chunks{strings.NewReader(body), size}),
		}
		err := copyResult(&out, resp)
		var e *ServerError
		if !errors.As(err, &e) || e.Code != 7 || e.Message != "what\r\nhappened. (NAME)" || out.String() != "a\r\nb" {
			t.Fatalf("chunks of %d: %q, %v", size, out.String(), err)
		}
	}
	resp := &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"X-Clickhouse-Exception-Tag": {"TAG"}},
		Body: io.NopCloser(io.MultiReader(strings.NewReader("rows\r\n__exc"), iotest.ErrReader(io.ErrUnexpectedEOF))),
	}
	if err := copyResult(io.Discard, resp); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
}

// chunks reads size bytes at a time.
type chunks struct {
	r    io.Reader
	size int
}

func (c *chunks) Read(p []byte) (int, error) { return c.r.Read(p[:min(len(p), c.size)]) }

func TestConfig(t *testing.T) {
	t.Parallel()
	if err := Default().Validate(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*Config){
		"scheme":   func(c *Config) { c.URL = "tcp://h:1" },
		"password": func(c *Config) { c.URL = "http://u:p@h:1" },
		"database": func(c *Config) { c.Database = "a; DROP" },
		"user":     func(c *Config) { c.User = "" },
		"conns":    func(c *Config) { c.MaxConns = 1 },
		"times":    func(c *Config) { c.AskTimeout = 0 },
		"window":   func(c *Config) { c.DedupWindow = 0 },
	} {
		c := Default()
		change(&c)
		if c.Validate() == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// TestAppendAllocatesNothing: the budget of the writer's hottest function.
func TestAppendAllocatesNothing(t *testing.T) {
	c := newCorpus(5)
	var rows []*schema.SpanRow
	for range 500 {
		rows = append(rows, c.row())
	}
	rows = append(rows, fullRow())
	block := NewSpanBlock()
	fill := func() {
		block.Reset()
		for _, r := range rows {
			block.one(r)
		}
	}
	fill()
	if n := testing.AllocsPerRun(20, fill); n > 0 {
		t.Errorf("%v allocations for %d rows", n, len(rows))
	}
}

func TestResetLetsGoOfAGiant(t *testing.T) {
	t.Parallel()
	block := NewSpanBlock()
	giant := fullRow()
	giant.GenAI.Input = strings.Repeat("x", 8<<20)
	block.one(giant)
	if block.Bytes() < 8<<20 {
		t.Errorf("%d bytes", block.Bytes())
	}
	for range 2 {
		block.Reset()
		block.one(fullRow())
	}
	if n := cap(block.genAI.input.buf); n > 1<<20 {
		t.Errorf("%d bytes kept", n)
	}
}

func testMetrics(t *testing.T, b *bundle) {
	b.insert(t, days(testDay), "t")
	if err := b.Spans().Insert(t.Context(), days(testDay), "t", time.Unix(0, 0), nil); err == nil {
		t.Fatal("taken")
	}
	families, err := b.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if c := m.GetCounter(); c != nil && !strings.Contains(f.GetName(), "bytes") {
				got = append(got, fmt.Sprint(f.GetName(), m.GetLabel(), c.GetValue()))
			}
		}
	}
	want := []string{
		`spanmill_store_errors_total[name:"code" value:"469" name:"table" value:"spans"] 1`,
		`spanmill_store_insert_rows_total[name:"table" value:"spans"] 1`,
	}
	if text := strings.ReplaceAll(strings.Join(got, "\n"), "  ", " "); text != strings.Join(want, "\n") {
		t.Errorf("got %s", text)
	}
}
