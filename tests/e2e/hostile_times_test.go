package e2e_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/spanmill/spanmill/tests/e2e/harness"
)

const day = 24 * time.Hour

// timeFlags as column time_flags documents them.
const (
	dayReceived = 1 << iota
	dayOverflow
	startClamped
	endClamped
	reversed
	missing
)

// merged merges everything, which also deletes what retention lets go of.
func merged(t *testing.T, up *harness.Instance) {
	t.Helper()
	for _, table := range []string{"spans", "trace_parts"} {
		up.SQL(t, "OPTIMIZE TABLE "+table+" FINAL")
	}
}

// oddTime is a span's times as sent, and what the table makes of them. Texts
// are left out where the time can be stored as sent.
type oddTime struct {
	name               string
	start, end         uint64
	flags              int
	startText, endText string
	duration           uint64
}

func oddTimes() []oddTime {
	now := uint64(time.Now().UnixNano())
	ago := func(d time.Duration) uint64 { return now - uint64(d) }
	year2262 := uint64(time.Date(2262, time.June, 1, 0, 0, 0, 0, time.UTC).Unix()) * 1_000_000_000
	const (
		first = "1970-01-01 00:00:00.000000000"
		tick  = "1970-01-01 00:00:00.000000001"
		last  = "2262-04-11 23:47:16.854775807"
	)
	return []oddTime{
		{"as they should be", ago(time.Second), now, 0, "", "", uint64(time.Second)},
		{"start 0", 0, now, missing | dayReceived, first, "", 0},
		{"end 0", now, 0, missing | reversed, "", first, 0},
		{"both 0", 0, 0, missing | dayReceived, first, first, 0},
		{"start 1", 1, now, dayReceived, tick, "", now - 1},
		{"end before start", now, ago(time.Hour), reversed, "", "", 0},
		{"year 2262", year2262, year2262 + 5, dayReceived | startClamped | endClamped, last, last, 5},
		{"last of int64", math.MaxInt64, math.MaxInt64, dayReceived, last, last, 0},
		{"uint64 max", math.MaxUint64, math.MaxUint64, dayReceived | startClamped | endClamped, last, last, 0},
		{"to uint64 max", now, math.MaxUint64, endClamped, "", last, math.MaxUint64 - now},
		{"from uint64 max", math.MaxUint64, 1, dayReceived | startClamped | reversed, last, tick, 0},
		{"a month and a day ago", ago(31 * day), ago(31*day) + 9, dayReceived, "", "", 9},
		{"two days ahead", now + uint64(2*day), now + uint64(2*day) + 9, dayReceived, "", "", 9},
	}
}

// testHostileTimes: timestamps lie. The row is there after a merge, the sent
// times are exact, and the flags say what was done.
func testHostileTimes(t *testing.T, p harness.Plant) {
	up := harness.Start(t, p, harness.Options{})
	odd := oddTimes()
	for i, c := range odd {
		for j, d := range doors() {
			span := oddSpan(fmt.Sprintf("time-%d-%d", i, j), func(s *tracepb.Span) { s.StartTimeUnixNano, s.EndTimeUnixNano = c.start, c.end })
			sameAnswer(t, d.export(t, up, requestOf("times", span)), d.ok())
		}
	}
	fence(t, up)
	merged(t, up)
	for i, c := range odd {
		t.Run(c.name, func(t *testing.T) {
			filedUnder := "toDate(start_time)"
			if c.flags&dayReceived != 0 {
				filedUnder = "toDate(received_at)"
			}
			text := func(sent uint64, text string) string {
				return firstOf(text, time.Unix(0, int64(sent)).UTC().Format("2006-01-02 15:04:05.000000000"))
			}
			sameSQL(t, up, fmt.Sprintf(`SELECT start_unix_nano, end_unix_nano, start_time, end_time, time_flags, duration_ns, part_day = %s, count()
				FROM spans WHERE name LIKE 'time-%d-%%' GROUP BY ALL`, filedUnder, i),
				fmt.Sprintf("%d\t%d\t%s\t%s\t%d\t%d\t1\t%d",
					c.start, c.end, text(c.start, c.startText), text(c.end, c.endText), c.flags, c.duration, len(doors())))
		})
	}
	sameSQL(t, up, "SELECT count() FROM spans WHERE service_name = 'times'", fmt.Sprint(len(odd)*len(doors())))
	sameSQL(t, up, "SELECT sum(spans) FROM trace_parts WHERE service_name = 'times'", fmt.Sprint(len(odd)*len(doors())))
}

const importDays = 400

// importedSpans are a span a day, from now to 400 days back, an hour later in
// the day each than a whole number of days ago, or earlier in a day's last hour.
func importedSpans(change func(*tracepb.Span)) []*tracepb.Span {
	now := time.Now().UTC()
	shift := time.Hour
	if now.Add(shift).Day() != now.Day() {
		shift = -shift
	}
	spans := make([]*tracepb.Span, importDays)
	for i := range spans {
		start := now.Add(-time.Duration(i) * day)
		if i > 0 {
			start = start.Add(shift)
		}
		spans[i] = oddSpan(fmt.Sprintf("day %d", i), change)
		spans[i].StartTimeUnixNano = uint64(start.UnixNano())
		spans[i].EndTimeUnixNano = spans[i].StartTimeUnixNano + 1000
	}
	return spans
}

// sendImports sends 400 days a day at a time, as one request of many traces,
// and as one request of one trace.
func sendImports(t *testing.T, up *harness.Instance) {
	t.Helper()
	for _, s := range importedSpans(nil) {
		send(t, up, requestOf("daily", s))
	}
	send(t, up, requestOf("at-once", importedSpans(nil)...))
	trace := randomID(16)
	send(t, up, requestOf("one-trace", importedSpans(func(s *tracepb.Span) { s.TraceId = trace })...))
	fence(t, up)
	// An insert becomes visible day by day, and the fence's is one of many days.
	harness.Eventually(t, func() error {
		got, err := up.TrySQL(t, "SELECT sum(spans) = (SELECT count() FROM spans) FROM trace_parts")
		if err == nil && got != "1" {
			err = &countError{got, "1"}
		}
		return err
	})
}

// boundedInserts: no insert touched more days than it may. A batch's range
// stands in trace_parts; a record that has more days makes a batch of its own,
// which may touch the day of receipt beyond the bound.
func boundedInserts(t *testing.T, up *harness.Instance) {
	t.Helper()
	sameSQL(t, up, `SELECT max(days) <= 51, maxIf(days, records > 1) <= 50, sum(rows) = (SELECT count() FROM spans) FROM (
		SELECT uniqExact(s.part_day) AS days, uniqExact(s.src_offset) AS records, count() AS rows
		FROM spans AS s
		INNER JOIN (SELECT DISTINCT src_log, src_partition, src_first_offset AS first, src_offset AS last FROM trace_parts) AS b
			ON s.src_log = b.src_log AND s.src_partition = b.src_partition
		WHERE s.src_offset BETWEEN b.first AND b.last
		GROUP BY b.src_log, b.src_partition, b.first)`, "1\t1\t1")
	sameSQL(t, up, "SELECT uniqExact(part_day) <= 401 FROM spans", "1")
	sameSQL(t, up, "SELECT uniqExact(partition) <= 401 FROM system.parts WHERE active AND database = 'spanmill' AND table = 'spans'", "1")
	sameSQL(t, up, "SELECT sum(value) FROM system.errors WHERE name IN ('TOO_MANY_PARTS', 'TOO_MANY_PARTITIONS')", "0")
}

// testHostileImport: history of 400 days that is to be kept.
func testHostileImport(t *testing.T, p harness.Plant) {
	up := harness.Start(t, p, harness.Options{Env: []string{"SPANMILL_RETENTION_DAYS=500"}})
	sendImports(t, up)
	check := func() {
		t.Helper()
		boundedInserts(t, up)
		sameSQL(t, up, `SELECT count(), uniqExact(part_day), countIf(part_day != toDate(start_time)), groupUniqArray(time_flags), groupUniqArray(retention_days)
			FROM spans WHERE service_name = 'daily'`, "400\t400\t0\t[0]\t[500]")
		// The first 50 days of a record in its order, the rest as received today.
		sameSQL(t, up, `SELECT sum(n), countIf(wrong > 0), max(days) <= 51 FROM (
			SELECT count() AS n, uniqExact(part_day) AS days, countIf(
				time_flags != if(nth <= 50, 0, 2) OR part_day != if(nth <= 50, toDate(start_time), toDate(received_at))) AS wrong
			FROM (SELECT *, row_number() OVER (PARTITION BY src_partition, src_offset ORDER BY src_index) AS nth FROM spans WHERE service_name = 'at-once')
			GROUP BY src_partition, src_offset)`, "400\t0\t1")
		sameSQL(t, up, "SELECT count(), countIf(time_flags = 0), countIf(time_flags = 2), uniqExact(src_offset) FROM spans WHERE service_name = 'one-trace'",
			"400\t50\t350\t1")
		sameSQL(t, up, "SELECT sum(spans) FROM trace_parts WHERE service_name != ''", fmt.Sprint(3*importDays+64))
	}
	check()
	merged(t, up)
	check()
}

// testHostileImportBeyondRetention: history that is older than the default
// retention is stored under today, flagged, and does not vanish.
func testHostileImportBeyondRetention(t *testing.T, p harness.Plant) {
	up := harness.Start(t, p, harness.Options{})
	sendImports(t, up)
	merged(t, up)
	boundedInserts(t, up)
	sameSQL(t, up, `SELECT service_name, count(), countIf(time_flags NOT IN (0, 1)),
			countIf((time_flags = 1) != (toDate(start_time) + 30 <= toDate(received_at))),
			countIf(part_day != if(time_flags = 1, toDate(received_at), toDate(start_time)))
		FROM spans WHERE name LIKE 'day%' GROUP BY service_name ORDER BY service_name`,
		"at-once\t400\t0\t0\t0\ndaily\t400\t0\t0\t0\none-trace\t400\t0\t0\t0")
	sameSQL(t, up, "SELECT sum(spans) FROM trace_parts WHERE service_name != ''", fmt.Sprint(3*importDays+64))
}
