//go:build soak

package scheduled

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spanmill/spanmill/internal/demo/population"
	"github.com/spanmill/spanmill/internal/engine"
	"github.com/spanmill/spanmill/internal/engine/enginetest"
	"github.com/spanmill/spanmill/internal/store"
)

// What a scheduled run may cost in ClickHouse, and what it is measured at: so many
// sessions a day, of three traces each, and so many new ones in each run.
const (
	mostCPU       = 2.0 // seconds
	soakADay      = 33_334
	soakTraces    = 3
	soakNew       = 100
	soakRuns      = 8
	soakShortDays = 30
	soakLongDays  = 90
)

// TestSoakRunDoesNotGrowWithHistory: a run costs at most two CPU-seconds of
// ClickHouse after a million sessions, and the same within 20 % after three.
func TestSoakRunDoesNotGrowWithHistory(t *testing.T) {
	brief, long := soakCost(t, soakShortDays), soakCost(t, soakLongDays)
	t.Logf("a run after %d sessions: %.2f CPU-s; after %d: %.2f CPU-s", soakShortDays*soakADay, brief, soakLongDays*soakADay, long)
	if brief > mostCPU || long > brief*1.2 {
		t.Errorf("want at most %.1f CPU-s, and at most a fifth more after three times the history", mostCPU)
	}
}

// soakCost gives the CPU-seconds of a run after so many days.
func soakCost(t *testing.T, days int) float64 {
	t.Helper()
	e := enginetest.Start(t)
	b := setup(t, e)
	runner := b.runner(t, population.Assumptions("default", "Europe/Berlin", population.Usual), tables{store.Scheduled{Store: b.Store}})
	now := time.Now().UTC()
	offset := 0
	for day := days - 1; day >= 0; day-- {
		offset = b.history(t, now.AddDate(0, 0, -day), soakADay, offset)
	}
	b.query(t, "OPTIMIZE TABLE trace_parts")
	began := time.Now()
	if err := runner.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d days of %d sessions were made in %s", days, soakADay, time.Since(began).Round(time.Second))
	for range 2 { // what is cached is what is usual
		offset = b.history(t, time.Now().UTC(), soakNew, offset)
		if err := runner.Once(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	before := cpuSeconds(t, e)
	for range soakRuns {
		offset = b.history(t, time.Now().UTC(), soakNew, offset)
		if err := runner.Once(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return (cpuSeconds(t, e) - before) / soakRuns
}

// history inserts sessions that ended in the last hours before an instant, and
// gives the next offset.
func (b *bench) history(t testing.TB, until time.Time, sessions, offset int) int {
	t.Helper()
	rows := sessions * soakTraces
	b.query(t, fmt.Sprintf("INSERT INTO trace_parts (tenant, trace_id, session_id, user_id, experiment_id, service_name, has_root, root_status, input_preview, output_preview,"+
		" start_time, end_time, start_unix_nano, end_unix_nano, spans, llm_calls, cost, received_at, part_day, retention_days, src_log, src_partition, src_offset)"+
		" SELECT 'default', lower(hex(sipHash128(n))), 's' || toString(intDiv(n, %[1]d)), 'u' || toString(sipHash64(intDiv(n, %[1]d)) %% 60000), '0', 'shop', true, if(n %% 11 = 0, 'ERROR', 'OK'), 'q', 'a',"+
		" at, at + INTERVAL 3 SECOND, toUnixTimestamp64Nano(at), toUnixTimestamp64Nano(at + INTERVAL 3 SECOND), 4, 2, 0.001, at, toDate(at), 400, 'spans/0', n %% 4, n"+
		" FROM (SELECT number + %[2]d AS n, toDateTime64('%[3]s', 9, 'UTC') - toIntervalSecond(intDiv(%[4]d - number, %[1]d) %% 70000 + 5 * (2 - number %% %[1]d)) AS at FROM numbers(%[4]d))",
		soakTraces, offset, until.Format("2006-01-02 15:04:05"), rows))
	return offset + rows
}

// cpuSeconds is what the engine has used.
func cpuSeconds(t testing.TB, e *engine.Engine) float64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", e.PID()))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	user, err1 := strconv.ParseFloat(fields[11], 64)
	system, err2 := strconv.ParseFloat(fields[12], 64)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	return (user + system) / 100
}
