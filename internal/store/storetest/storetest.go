// Package storetest is what the writer expects of a ClickHouse, as tests that
// run on any: the embedded engine, a server of one's own, one in a container.
// Each test's rows are of a log and a tenant of its own, so one database serves
// them all, and a user who may do in it what a writer does is enough.
package storetest

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/store"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

// Run tests the server that cfg names, and makes the tables if need be.
func Run(t *testing.T, cfg store.Config) {
	t.Helper()
	for i := range 2 { // the second time there is nothing to do
		if err := open(t, cfg).Migrate(t.Context()); err != nil {
			t.Fatalf("migrate, time %d: %v", i+1, err)
		}
	}
	for name, test := range map[string]func(*bench){
		"a token drops a resend":                             tokenDropsResend,
		"a block is one part":                                blockIsOnePart,
		"a block of several days is completed, not doubled":  severalDaysAreCompleted,
		"a late block is refused and its token is free":      lateBlockIsRefused,
		"a body that ends too late is refused":               lateBodyIsRefused,
		"a cut body stores nothing":                          cutBodyStoresNothing,
		"a range that is there is found, day by day":         presentIsFound,
		"the last offset is found":                           lastOffsetIsFound,
		"too many days are our own fault":                    tooManyDaysAreFatal,
		"a scratch insert leaves nothing":                    scratchLeavesNothing,
		"another retention reaches old rows":                 retentionReachesOldRows,
		"a wrong password is told from a server that is off": wrongPasswordIsTold,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(newBench(t, cfg))
		})
	}
}

// today is the day number of rows that retention leaves alone.
var today = uint16(time.Now().Unix() / 86_400)

// bench is one test's store, log and tenant.
type bench struct {
	*testing.T
	*store.Store
	cfg         store.Config
	log, tenant string
}

func newBench(t *testing.T, cfg store.Config) *bench {
	t.Helper()
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails
	log := hex.EncodeToString(id) + "/0"
	return &bench{T: t, Store: open(t, cfg), cfg: cfg, log: log, tenant: "storetest-" + log[:8]}
}

// open gives a store that the test's end closes.
func open(t *testing.T, cfg store.Config) *store.Store {
	t.Helper()
	s := store.New(cfg, slog.New(slog.NewTextHandler(t.Output(), nil)), prometheus.NewRegistry())
	t.Cleanup(s.Close)
	return s
}

// block has a row for each of the days, with offsets from 0.
func (b *bench) block(days ...uint16) *store.SpanBlock {
	out := store.NewSpanBlock()
	for i, day := range days {
		span := &schema.Span{Resource: new(schema.Resource), Scope: new(schema.Scope), SpanID: schema.SpanID{1}, Name: "chat"}
		_, _ = rand.Read(span.TraceID[:]) // never fails
		out.Append([]schema.SpanRow{{
			Span: span, GenAI: new(schema.GenAI), Tenant: b.tenant, ExperimentID: "0",
			PartDay: day, RetentionDays: 1000, Log: b.log, Partition: 4, Offset: int64(i),
		}})
	}
	return out
}

func soon() time.Time { return time.Now().Add(time.Minute) }

// insert stores a block under a token of this test.
func (b *bench) insert(block *store.SpanBlock, token string) {
	b.Helper()
	if err := b.Spans().Insert(b.Context(), block, b.log+token, soon(), nil); err != nil {
		b.Fatal(err)
	}
}

// expect compares an answer in TSV. In the statement, ROWS stands for this
// test's part of table spans.
func (b *bench) expect(want, sql string) {
	b.Helper()
	var out bytes.Buffer
	sql = strings.ReplaceAll(sql, "ROWS", "spans WHERE src_log = '"+b.log+"'")
	if err := b.Query(b.Context(), sql, "TSVRaw", &out); err != nil {
		b.Fatalf("%s: %v", sql, err)
	}
	if got := strings.TrimSuffix(out.String(), "\n"); got != want {
		b.Errorf("%s\n got %q\nwant %q", sql, got, want)
	}
}

// many are n times the same day.
func many(n int) []uint16 { return slices.Repeat([]uint16{today}, n) }

func tokenDropsResend(b *bench) {
	block := b.block(many(1000)...)
	for range 3 {
		b.insert(block, "same")
	}
	b.expect("1000", "SELECT count() FROM ROWS")
	b.insert(block, "other")
	b.expect("2000", "SELECT count() FROM ROWS")
	b.insert(b.block(many(10)...), "same") // W10: other rows under a used token are dropped too
	b.expect("2000", "SELECT count() FROM ROWS")
}

func blockIsOnePart(b *bench) {
	b.insert(b.block(many(30_000)...), "t")
	b.expect("30000\t1", "SELECT count(), uniqExact(_part) FROM ROWS")
}

func severalDaysAreCompleted(b *bench) {
	b.insert(b.block(today), "t")
	b.insert(b.block(today, today-1, today-2), "t")
	b.expect("1\n1\n1", "SELECT count() FROM ROWS GROUP BY part_day")
	// Tokens may be evicted: what is known to be there is left out.
	err := b.Spans().Insert(b.Context(), b.block(today, today-1, today-3), b.log+"u", soon(), []uint16{today, today - 1})
	if err != nil {
		b.Fatal(err)
	}
	b.expect("1\n1\n1\n1", "SELECT count() FROM ROWS GROUP BY part_day")
}

func lateBlockIsRefused(b *bench) {
	block := b.block(today)
	err := b.Spans().Insert(b.Context(), block, b.log+"t", time.Now().Add(-time.Second), nil)
	b.isDeadline(err)
	b.expect("0", "SELECT count() FROM ROWS")
	b.insert(block, "t")
	b.expect("1", "SELECT count() FROM ROWS")
}

func (b *bench) isDeadline(err error) {
	b.Helper()
	if !errors.Is(err, pipeline.ErrDeadline) || errors.Is(err, pipeline.ErrRejected) {
		b.Errorf("late: %v", err)
	}
}

func presentIsFound(b *bench) {
	b.insert(b.block(today, today-1, today-2), "t") // offsets 0, 1, 2 of partition 4
	b.insertParts()
	all := []uint16{today, today - 1, today - 2, today - 3}
	check := func(name string, got []uint16, err error, want ...uint16) {
		b.Helper()
		slices.Sort(got)
		if err != nil || !slices.Equal(got, want) {
			b.Errorf("%s: got %v, %v; want %v", name, got, err, want)
		}
	}
	ctx, spans, traces := b.Context(), b.Spans(), b.TraceParts()
	got, err := spans.Present(ctx, b.log, 4, 0, 2, all)
	check("whole range", got, err, today-2, today-1, today)
	got, err = spans.Present(ctx, b.log, 4, 2, 9, all)
	check("end of it", got, err, today-2)
	got, err = spans.Present(ctx, b.log, 4, 0, 2, all[:1])
	check("one day asked", got, err, today)
	got, err = spans.Present(ctx, b.log, 5, 0, 2, all)
	check("other partition", got, err)
	got, err = spans.Present(ctx, b.log+"1", 4, 0, 2, all)
	check("other incarnation", got, err)
	got, err = traces.Present(ctx, b.log, 4, 10, 19, all)
	check("parts", got, err, today-2, today)
	got, err = traces.Present(ctx, b.log, 4, 10, 18, all)
	check("parts of another range", got, err)
}

// insertParts puts two days of a range into trace_parts.
func (b *bench) insertParts() {
	b.Helper()
	parts := store.NewTracePartBlock()
	for _, day := range []uint16{today, today - 2} {
		parts.Append(&schema.TracePart{
			Tenant: b.tenant, PartDay: day, RetentionDays: 1000, Log: b.log, Partition: 4, FirstOffset: 10, LastOffset: 19,
		})
	}
	if err := b.TraceParts().Insert(b.Context(), parts, b.log+"t", soon(), nil); err != nil {
		b.Fatal(err)
	}
}

func lastOffsetIsFound(b *bench) {
	if _, found, err := b.Spans().LastOffset(b.Context(), b.log, 4); found || err != nil {
		b.Fatal(found, err)
	}
	b.insert(b.block(today, today-1, today-2), "t")
	b.insertParts()
	if filled, err := b.Filled(b.Context(), store.TableSpans, store.TableTraceParts, "nothing"); err != nil || len(filled) != 2 {
		b.Error("of three tables two have rows:", filled, err)
	}
	topic, _, _ := strings.Cut(b.log, "/")
	for _, log := range []string{b.log, topic} {
		if last, found, err := b.Spans().LastOffset(b.Context(), log, 4); last != 2 || !found || err != nil {
			b.Error(log, last, found, err)
		}
		if last, found, err := b.TraceParts().LastOffset(b.Context(), log, 4); last != 19 || !found || err != nil {
			b.Error(log, last, found, err)
		}
	}
}

func tooManyDaysAreFatal(b *bench) {
	var list []uint16
	for d := range uint16(110) {
		list = append(list, today-d)
	}
	if err := b.Spans().Insert(b.Context(), b.block(list...), b.log+"t", soon(), nil); !errors.Is(err, pipeline.ErrFatal) {
		b.Errorf("110 days: %v", err)
	}
	b.insert(b.block(list[:51]...), "u") // the cutter's 50 and the day of receipt
	if err := b.Spans().InsertScratch(b.Context(), b.block(list...)); !errors.Is(err, pipeline.ErrFatal) {
		b.Errorf("110 days in scratch: %v", err)
	}
}

func scratchLeavesNothing(b *bench) {
	done := make(chan error)
	for range 3 { // partitions bisect at once
		go func() { done <- b.Spans().InsertScratch(b.Context(), b.block(today)) }()
	}
	for range 3 {
		if err := <-done; err != nil {
			b.Error(err)
		}
	}
	b.expect("0", "SELECT count() FROM ROWS")
}

func retentionReachesOldRows(b *bench) {
	other := *b
	other.tenant += "-other"
	b.insert(b.block(today, today-10), "t")
	b.insert(other.block(today-10), "other")
	var reports []store.RetentionProgress
	if err := b.SetRetention(b.Context(), b.tenant, 5, func(p store.RetentionProgress) { reports = append(reports, p) }); err != nil {
		b.Fatal(err)
	}
	if len(reports) < 2 || reports[len(reports)-1].Parts != 0 {
		b.Errorf("reports %+v", reports)
	}
	b.expect("0", "SELECT countIf(retention_days != if(tenant = '"+b.tenant+"', 5, 1000)) FROM ROWS")
	var out bytes.Buffer
	if err := b.Query(b.Context(), "OPTIMIZE TABLE spans FINAL", "", &out); err != nil {
		b.Fatal(err)
	}
	b.expect(fmt.Sprintf("%s\t1\n%s\t1", b.tenant, other.tenant), "SELECT tenant, count() FROM ROWS GROUP BY tenant ORDER BY tenant")
	if err := b.SetRetention(b.Context(), b.tenant, 0, nil); err == nil {
		b.Error("0 days were taken")
	}
}

func wrongPasswordIsTold(b *bench) {
	cfg := b.cfg
	cfg.Password += "-wrong"
	if err := open(b.T, cfg).Ping(b.Context()); store.CodeOf(err) != 516 {
		b.Errorf("wrong password: %v", err)
	}
	cfg.URL, cfg.Others = "http://127.0.0.1:1", nil
	if err := open(b.T, cfg).Ping(b.Context()); err == nil || store.CodeOf(err) != 0 {
		b.Errorf("nothing listens: %v", err)
	}
}
