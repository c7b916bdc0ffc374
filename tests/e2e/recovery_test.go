package e2e_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/spanmill/spanmill/tests/e2e/harness"
)

// testKilledAtNamedPoints kills our processes exactly between two steps of the
// protocol, several times over the same data, while a client sends on. In the
// end the table holds each acked span once.
func testKilledAtNamedPoints(t *testing.T, p harness.Plant) {
	const service = "killed"
	acked, recovered := 0, 0
	for i, point := range []string{"after_intent", "after_table_1", "after_insert", "after_intent:2"} {
		reached := filepath.Join(t.TempDir(), "reached")
		up := harness.Start(t, p, harness.Options{
			Tags: "faults", Env: []string{"SPANMILL_FAULT=" + point, "SPANMILL_FAULT_FILE=" + reached},
		})
		harness.Eventually(t, func() error {
			trace := newTrace(service, 5)
			send(t, up, trace)
			acked += 5
			if _, err := os.Stat(reached); errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("start %d never came to %s", i, point)
			}
			return nil
		})
		recovered += recoveredIntents(t, up)
		up.Kill()
	}
	last := harness.Start(t, p, harness.Options{})
	awaitCount(t, last, service, acked)
	if recovered += recoveredIntents(t, last); recovered < 3 {
		t.Errorf("%d intents were recovered, want at least 3: the kills missed", recovered)
	}
	for _, table := range []string{"spans", "trace_parts"} {
		key := map[string]string{
			"spans":       "src_log, src_partition, src_offset, src_index",
			"trace_parts": "src_log, src_partition, src_offset, trace_id",
		}[table]
		if got := last.SQL(t, "SELECT count() - uniqExact("+key+") FROM "+table); got != "0" {
			t.Errorf("%s rows of %s are there twice", got, table)
		}
	}
	last.Terminate(t)
}

// testEngineKilled: while ClickHouse is away the log grows and nobody is
// refused; when it is back everything lands once.
func testEngineKilled(t *testing.T, p harness.Plant) {
	up := harness.Start(t, p, harness.Options{})
	spans := 0
	for range 2 {
		up.KillEngine(t)
		for range 20 {
			send(t, up, newTrace("engine", 5)) // fails the test when refused
			spans += 5
		}
		awaitCount(t, up, "engine", spans)
	}
	up.Terminate(t)
}

// recoveredIntents sums the counter over the states.
func recoveredIntents(t *testing.T, up *harness.Instance) int {
	t.Helper()
	sum := 0
	for _, n := range recoveredByState(t, up) {
		sum += n
	}
	return sum
}

var recoveredLine = regexp.MustCompile(`state="(\w+)"\} (\d+)$`)

// recoveredByState reads how many open intents were adopted, by what was found
// of their batch.
func recoveredByState(t *testing.T, up *harness.Instance) map[string]int {
	t.Helper()
	states := map[string]int{}
	for _, line := range metricLines(t, up, "spanmill_writer_recovered_intents_total") {
		m := recoveredLine.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("unexpected metric line %q", line)
		}
		n, err := strconv.Atoi(m[2])
		if err != nil {
			t.Fatal(err)
		}
		states[m[1]] = n
	}
	return states
}

// metricLines gives the lines of one metric, as the admin pages have them.
func metricLines(t *testing.T, up *harness.Instance, name string) []string {
	t.Helper()
	var lines []string
	for line := range strings.Lines(up.Metrics(t)) {
		if strings.HasPrefix(line, name+"{") || strings.HasPrefix(line, name+" ") {
			lines = append(lines, strings.TrimSuffix(line, "\n"))
		}
	}
	return lines
}
