package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spanmill/spanmill/tests/e2e/harness"
)

// commandTimeout only bounds a command that hangs.
const commandTimeout = 2 * time.Minute

// run runs another command of the same binary against the instance.
func run(t *testing.T, up *harness.Instance, args ...string) (code int, out string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), commandTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, up.Door().Path, append(args, up.Target...)...)
	text, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Errorf("%v: %v\n%s", args, err, text)
	}
	return cmd.ProcessState.ExitCode(), string(text)
}

// verify expects an exit code and, of what it prints, all of want.
func verify(t *testing.T, up *harness.Instance, code int, want ...string) {
	t.Helper()
	got, out := run(t, up, "verify")
	if got != code {
		t.Errorf("verify: exit %d, want %d\n%s", got, code, out)
	}
	for _, w := range want {
		if !strings.Contains(out, w) {
			t.Errorf("verify does not say %q:\n%s", w, out)
		}
	}
}

// replay expects it to find so many rows missing.
func replay(t *testing.T, up *harness.Instance, spans, parts int, args ...string) {
	t.Helper()
	code, out := run(t, up, append([]string{"replay", "--from", "0"}, args...)...)
	if want := fmt.Sprintf("%d rows of spans and %d of trace_parts were missing\n", spans, parts); code != 0 || !strings.Contains(out, want) {
		t.Errorf("replay: exit %d, want %q:\n%s", code, want, out)
	}
}

// TestVerifyTellsAndReplayMends: rows that an operator deleted, doubled or
// truncated, under tokens that are still remembered.
func TestVerifyTellsAndReplayMends(t *testing.T) {
	up := harness.Start(t, harness.NewUp(t), harness.Options{Env: []string{"SPANMILL_DEADLINE=2s", "SPANMILL_MAX_AGE=200ms"}})
	const traces, spans = 40, 5
	for i := range traces {
		trace := newTrace("audited", spans)
		send(t, up, trace)
		if i%4 == 0 {
			send(t, up, trace) // a resend
		}
	}
	awaitCount(t, up, "audited", traces*spans)
	awaitVerified(t, up, "exact: 200 rows of spans and 40 of trace_parts")

	t.Setenv("SPANMILL_CLICKHOUSE_PASSWORD", up.ClickHousePassword)
	cmd := exec.CommandContext(t.Context(), up.Door().Path, "verify", "--clickhouse", "http://"+up.ClickHouseHTTP, "--clickhouse-user", up.ClickHouseUser,
		"--brokers", up.Kafka, "--dedup-spans", "250000", "--from", "2020-01-01T00:00:00Z")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "exact: 200 rows of spans and 40 of trace_parts") {
		t.Errorf("verify of a Kafka and a ClickHouse by their addresses: %v\n%s", err, out)
	}

	up.SQL(t, "ALTER TABLE spans DELETE WHERE name = 'step 3' SETTINGS mutations_sync = 1")
	up.SQL(t, "ALTER TABLE trace_parts DELETE WHERE cityHash64(trace_id) % 2 = 0 SETTINGS mutations_sync = 1")
	gone := traces - number(t, up.SQL(t, "SELECT count() FROM trace_parts"))
	verify(t, up, 1, fmt.Sprintf("differs: spans 40 missing, trace_parts %d missing", gone), "spans: missing spans/")
	replay(t, up, 40, gone)
	verify(t, up, 0)
	replay(t, up, 0, 0)
	verify(t, up, 0)

	up.SQL(t, "INSERT INTO spans (* EXCEPT insert_by) SELECT * EXCEPT insert_by FROM spans WHERE name = 'step 2' LIMIT 7")
	verify(t, up, 1, "differs: spans 7 doubled", "is there 2 times")
	up.SQL(t, "TRUNCATE TABLE spans")
	up.SQL(t, "TRUNCATE TABLE trace_parts")
	verify(t, up, 1, "differs: spans 200 missing, trace_parts")
	replay(t, up, 0, 0, "--tenant", "nobody")
	replay(t, up, 200, traces)
	verify(t, up, 0)

	up.SQL(t, "INSERT INTO spans (src_log, src_partition, src_offset, trace_id, part_day, retention_days) SELECT src_log, src_partition, src_offset, 'x', part_day, 30 FROM spans LIMIT 1")
	verify(t, up, 1, "differs: spans 1 extra")
	up.Terminate(t)
	verify(t, up, 2, "could not be checked")
}

// TestReplayKilledInTheMiddle: what it had stored is not stored again, even
// when two begin at once afterwards.
func TestReplayKilledInTheMiddle(t *testing.T) {
	up := harness.Start(t, harness.NewUp(t), harness.Options{Tags: "faults", Env: []string{"SPANMILL_DEADLINE=2s", "SPANMILL_MAX_AGE=100ms"}})
	const traces, spans = 30, 5
	for range traces {
		send(t, up, newTrace("killed replay", spans))
	}
	awaitCount(t, up, "killed replay", traces*spans)
	awaitVerified(t, up, "exact: 150 rows of spans")
	up.SQL(t, "TRUNCATE TABLE spans")
	up.SQL(t, "TRUNCATE TABLE trace_parts")

	reached := t.TempDir() + "/reached"
	ctx, kill := context.WithCancel(t.Context())
	defer kill()
	first := exec.CommandContext(ctx, up.Door().Path, append([]string{"replay", "--from", "0"}, up.Target...)...)
	first.Env = append(os.Environ(), "SPANMILL_FAULT=replay_after_table", "SPANMILL_FAULT_FILE="+reached)
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, func() error {
		_, err := os.Stat(reached)
		return err
	})
	kill()
	_ = first.Wait() // it was killed
	if spans, parts := number(t, up.SQL(t, "SELECT count() FROM spans")), number(t, up.SQL(t, "SELECT count() FROM trace_parts")); spans == 0 || parts == traces {
		t.Fatalf("%d spans and %d traces when it was killed: that is not in the middle", spans, parts)
	}
	type end struct {
		code int
		out  string
	}
	ends := make(chan end, 2)
	for range 2 {
		go func() { // ends with the command
			code, out := run(t, up, "replay", "--from", "0")
			ends <- end{code, out}
		}()
	}
	done := 0
	for range 2 {
		switch e := <-ends; {
		case e.code == 0:
			done++
		case !strings.Contains(e.out, "another replay is running"):
			t.Errorf("replay: exit %d: %s", e.code, e.out)
		}
	}
	if done == 0 {
		t.Error("both replays gave way")
	}
	verify(t, up, 0, "exact: 150 rows of spans")
	up.Terminate(t)
}

// awaitVerified waits until all is committed: what is in hand is not verified.
func awaitVerified(t *testing.T, up *harness.Instance, want string) {
	t.Helper()
	harness.Eventually(t, func() error {
		if code, out := run(t, up, "verify"); code != 0 || !strings.Contains(out, want) {
			return fmt.Errorf("exit %d, want %q: %s", code, want, out)
		}
		return nil
	})
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
