package store

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spanmill/spanmill/internal/engine/enginetest"
	"github.com/spanmill/spanmill/pkg/schema"
)

// BenchmarkAppend is what the writer's CPU pays for a span's columns.
func BenchmarkAppend(b *testing.B) {
	c := newCorpus(1)
	rows := make([]*schema.SpanRow, 20_000)
	for i := range rows {
		rows[i] = c.row()
	}
	block := NewSpanBlock()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if block.Rows() == len(rows) {
			block.Reset()
		}
		block.one(rows[i%len(rows)])
	}
}

// BenchmarkEncode is what it pays to hand a block to the connection.
func BenchmarkEncode(b *testing.B) {
	block := newCorpus(1).block(20_000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := block.encode(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/20_000, "ns/row")
}

// BenchmarkInsert reports the engine's CPU for a million rows, with the merges
// of the next seconds, and what a row takes on disk.
func BenchmarkInsert(b *testing.B) {
	const rows = 50_000
	s := setup(b, enginetest.Start(b))
	c := newCorpus(1)
	blocks := make([]*SpanBlock, 4)
	for i := range blocks {
		blocks[i] = c.block(rows)
	}
	before := cpuSeconds(b, s.engine.PID())
	n := 0
	for ; b.Loop(); n++ {
		// The same rows again under another token: the engine does the same work.
		err := s.Spans().Insert(b.Context(), blocks[n%len(blocks)], fmt.Sprint("t", n), time.Now().Add(time.Minute), nil)
		if err != nil {
			b.Fatal(err)
		}
	}
	took := b.Elapsed()
	inserted := cpuSeconds(b, s.engine.PID())
	idle(b, s)
	merged := cpuSeconds(b, s.engine.PID())
	million := float64(n*rows) / 1e6
	b.ReportMetric(float64(n*rows)/took.Seconds(), "rows/s")
	b.ReportMetric((inserted-before)/million, "cpu-s/Mrows")
	b.ReportMetric((merged-before)/million, "cpu-s/Mrows-merged")
	disk, err := strconv.ParseFloat(s.query(b, "SELECT sum(bytes_on_disk)/sum(rows) FROM system.parts WHERE active AND table = 'spans'"), 64)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(disk, "B/row")
	if os.Getenv("SPANMILL_BENCH_COLUMNS") != "" {
		b.Log("\n" + s.query(b, "SELECT column, sum(column_data_compressed_bytes) c, sum(column_data_uncompressed_bytes) FROM system.parts_columns WHERE active AND table = 'spans' GROUP BY column ORDER BY c DESC LIMIT 30"))
		b.Log("\n" + s.query(b, "SELECT count(), sum(rows), any(part_type) FROM system.parts WHERE active AND table = 'spans'"))
	}
}

// idle waits until no merge has run for a second.
func idle(b *testing.B, s *bundle) {
	b.Helper()
	quiet := 0
	for tick := time.NewTicker(200 * time.Millisecond); quiet < 5; <-tick.C {
		quiet++
		if s.query(b, "SELECT count() FROM system.merges") != "0" {
			quiet = 0
		}
	}
}

// cpuSeconds is the CPU time a process has used.
func cpuSeconds(b *testing.B, pid int) float64 {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+2:]))
	const userTime, systemTime, ticksPerSecond = 11, 12, 100
	user, _ := strconv.ParseFloat(fields[userTime], 64)
	system, _ := strconv.ParseFloat(fields[systemTime], 64)
	return (user + system) / ticksPerSecond
}
