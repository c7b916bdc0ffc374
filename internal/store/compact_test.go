package store

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// metricsSQL is all that the views tell of the tenant, by the minute and hour.
const metricsSQL = "SELECT '1m', labels, time, count, sum, mean, p50, p95, p99, round(distinct_values, 6), weight, estimated, min, max, day FROM metrics_1m WHERE tenant = 'old'" +
	" UNION ALL SELECT '1h', labels, time, count, sum, mean, p50, p95, p99, round(distinct_values, 6), weight, estimated, min, max, day FROM metrics_1h WHERE tenant = 'old' ORDER BY ALL"

// addOld stores partials of a day for tenant old.
func addOld(t *testing.T, b *bundle, daysAgo, from, n int) {
	t.Helper()
	today := time.Now().Unix() / 86400
	day := today - int64(daysAgo)
	block := NewRollupBlock()
	for i := from; i < from+n; i++ {
		s := rollup.Series{Tenant: "old", View: "service", Labels: []rollup.Label{{Name: "service", Value: fmt.Sprint("s", i%2)}}}
		var m rollup.Metric
		m.Name = "trace_latency"
		for v := range int64(1 + i%5) {
			m.Measure(rollup.Of(1e6*(v+int64(i)), rollup.Once))
			m.Distinct.Add(rollup.RegisterOf(strconv.Itoa(i % 7)))
		}
		block.Append(&rollup.Row{
			Series: &s, Start: day*86400 + int64(i%1000)*10, Metric: &m, PartDay: uint16(day), RetentionDays: 3650, ReceivedMilli: 1795305600123,
			Log: testLog, Partition: 7, Offset: int64(1000*daysAgo + i),
		})
	}
	if err := b.Rollups().Insert(t.Context(), block, fmt.Sprint("old/", daysAgo, "/", from), soon(), nil); err != nil {
		t.Fatal(err)
	}
}

// testCompaction: the views say the same before and after days are added up, when
// something came late, and when the rows as they came are gone.
func testCompaction(t *testing.T, b *bundle) {
	c := Compaction{AfterDays: 35, MinuteDays: 400, HourDays: 1095}
	compact := func(want int) {
		t.Helper()
		if days, err := b.CompactRollups(t.Context(), c); err != nil || days != want {
			t.Fatalf("%d days were added up, %v; want %d", days, err, want)
		}
	}
	for _, daysAgo := range []int{1, 36, 37} {
		addOld(t, b, daysAgo, 0, 60)
	}
	before := b.query(t, metricsSQL)
	if lines := strings.Count(before, "\n") + 1; lines != 3*2*(10+1) {
		t.Errorf("%d minutes and hours, want %d:\n%s", lines, 3*2*(10+1), before)
	}
	compact(2 * 2)
	b.expect(t, before, metricsSQL)
	b.expect(t, "4\t400\t240", "SELECT uniqExact(part_day, labels), any(retention_days), sum(source_rows) * 2 FROM rollups_1m WHERE tenant = 'old'")
	b.expect(t, "1095\t120", "SELECT any(retention_days), sum(source_rows) FROM rollups_1h WHERE tenant = 'old'")
	compact(0)
	addOld(t, b, 36, 60, 5)
	compact(2)
	after := b.query(t, metricsSQL)
	b.expect(t, fmt.Sprint(3*60+5), "SELECT uniqExact(src_offset) FROM rollups WHERE tenant = 'old'")
	if after == before {
		t.Error("what came late is not in the views")
	}
	for _, daysAgo := range []int{36, 37} {
		if err := b.exec(t.Context(), fmt.Sprintf("ALTER TABLE rollups DROP PARTITION '%s'", time.Now().UTC().AddDate(0, 0, -daysAgo).Format(time.DateOnly))); err != nil {
			t.Fatal(err)
		}
	}
	b.expect(t, after, metricsSQL)
	compact(0)
	b.expect(t, "", "SELECT name FROM system.tables WHERE database = "+quote(b.cfg.Database)+" AND match(name, '^rollups_1[mh]_')")
}
