package e2e_test

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/spanmill/spanmill/tests/e2e/harness"
)

// TestContractForScripts is README's contract, line by line.
func TestContractForScripts(t *testing.T) {
	up := harness.NewUp(t)
	first := harness.Start(t, up, harness.Options{})
	for name, addr := range map[string]string{
		"otlp_http": first.OTLPHTTP, "otlp_grpc": first.OTLPGRPC, "kafka": first.Kafka,
		"clickhouse_http": first.ClickHouseHTTP, "clickhouse_native": first.ClickHouseNative, "admin": first.Admin,
		"mlflow": first.MLflow, "api": first.API,
	} {
		var dialer net.Dialer
		conn, err := dialer.DialContext(t.Context(), "tcp", addr)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		conn.Close()
	}
	if first.PIDs.Spanmill == 0 || first.PIDs.Engine == 0 || first.PIDs.Spanmill == first.PIDs.Engine {
		t.Errorf("pids: %+v", first.PIDs)
	}
	send(t, first, newTrace("contract", 3))
	awaitCount(t, first, "contract", 3)
	if got := command(t, first.Door().Path, "sql", "--addresses", up.AddressesFile(), "--format", "TSV",
		"SELECT count(), uniqExact(trace_id) FROM spans WHERE service_name = 'contract'"); got != "3\t1" {
		t.Errorf("spanmill sql answered %q", got)
	}
	harness.Eventually(t, func() error { // what a person who watches is shown
		if !strings.Contains(first.Log(), "first trace: ") {
			return errors.New("up does not show the first trace")
		}
		return nil
	})
	for _, line := range []string{"MLFLOW_TRACKING_URI=http://" + first.MLflow, "mlflow.set_experiment("} {
		if !strings.Contains(first.Log(), line) {
			t.Errorf("up does not show %q", line)
		}
	}
	metricsOfCalls(t, first)
	first.Terminate(t)

	second := harness.Start(t, up, harness.Options{})
	awaitAnswer(t, second, "metrics", "trace_latency", "count", 2) // the last day's are there
	if got := second.SQL(t, "SELECT count() FROM spans WHERE service_name = 'contract'"); got != "3" {
		t.Errorf("after a restart the table has %s rows, want 3", got)
	}
	second.Terminate(t)
}

// TestRefusesToListenWithoutKeys: an open door to the network must be asked for.
func TestRefusesToListenWithoutKeys(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), harness.Build(t, ""), "up", "--data-dir", t.TempDir(), "--otlp-http", "0.0.0.0:0")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "--insecure-no-auth") {
		t.Errorf("started, or did not name the way on: %v\n%s", err, out)
	}
}

// TestLimitsPageSaysWhatIsInForce compares the column of up in docs/limits.md
// with the binary.
func TestLimitsPageSaysWhatIsInForce(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(harness.Root(t), "docs", "limits.md"))
	if err != nil {
		t.Fatal(err)
	}
	documented := make(map[string]string)
	for _, row := range regexp.MustCompile("(?m)^\\| `--([a-z-]+)` \\| ([^ |]+) \\|").FindAllStringSubmatch(string(page), -1) {
		if row[2] != "–" {
			documented[row[1]] = row[2]
		}
	}
	number := regexp.MustCompile(`^\d+$|^(\d+[hms]+)+$`)
	for line := range strings.Lines(command(t, harness.Build(t, ""), "up", "--check")) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		want, ok := documented[name]
		delete(documented, name)
		switch {
		case ok && want != value:
			t.Errorf("docs/limits.md says --%s is %s, the binary %s", name, want, value)
		case !ok && number.MatchString(value):
			t.Errorf("docs/limits.md does not name --%s (%s)", name, value)
		}
	}
	for name := range documented {
		t.Errorf("docs/limits.md names --%s, the binary does not know it", name)
	}
}

// command gives what the binary printed, without the last newline.
func command(t *testing.T, binary string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), binary, args...).Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSuffix(string(out), "\n")
}

// awaitCount waits until a service has exactly n rows, each of another span.
func awaitCount(t *testing.T, up *harness.Instance, service string, n int) {
	t.Helper()
	want := strconv.Itoa(n) + "\t" + strconv.Itoa(n)
	harness.Eventually(t, func() error {
		got, err := up.TrySQL(t, "SELECT count(), uniqExact(trace_id, span_id) FROM spans WHERE service_name = '"+service+"'")
		if err == nil && got != want {
			err = &countError{got, want}
		}
		return err
	})
}

type countError struct{ got, want string }

func (e *countError) Error() string { return "rows and spans: " + e.got + ", want " + e.want }
