package containers_test

import (
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/bus/embedded"
	"github.com/spanmill/spanmill/internal/engine/enginetest"
	"github.com/spanmill/spanmill/internal/testkit"
)

// patience bounds a test that hangs; it is not felt otherwise.
const patience = 2 * time.Minute

// spans of a run: each partition gets several batches.
const spans = 8_000

// outside is where Kafka and ClickHouse are.
type outside struct {
	brokers, clickhouse string
	user, passwordFile  string
}

// TestPipelineOnTheEmbeddedParts is what the containers get too.
func TestPipelineOnTheEmbeddedParts(t *testing.T) {
	t.Parallel()
	e := enginetest.Start(t)
	cfg := embedded.Default()
	cfg.Dir, cfg.Listen = t.TempDir(), "127.0.0.1:0"
	bus, err := embedded.Open(t.Context(), cfg, embedded.Deps{Log: slog.New(slog.DiscardHandler), Reg: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	defer bus.Close()
	o := outside{brokers: bus.Addr(), clickhouse: "http://" + e.Endpoint().HTTPAddr, user: e.Endpoint().User}
	o.passwordFile = filepath.Join(t.TempDir(), "password")
	write(t, o.passwordFile, e.Endpoint().Password)
	pipeline(t, o)
}

// pipeline runs the processes of the compose file on what is outside: a gateway
// and two writers, one of which is killed while it writes. Then the tables are
// what the ledger of what was acked says, row by row.
func pipeline(t *testing.T, o outside) {
	t.Helper()
	doors, admin := testkit.FreeAddr(t), testkit.FreeAddr(t)
	kafka := "--brokers=" + o.brokers
	run(t, "ingest-gateway", kafka, "--replication=1", "--partitions=6",
		"--otlp-http="+doors, "--otlp-grpc="+testkit.FreeAddr(t), "--admin="+admin)
	ready(t, admin)
	var writers []*exec.Cmd
	for range 2 {
		admin := testkit.FreeAddr(t)
		writers = append(writers, run(t, "writer", kafka, "--replication=1", "--partitions=6", "--admin="+admin,
			"--clickhouse="+o.clickhouse, "--clickhouse-user="+o.user, "--clickhouse-password-file="+o.passwordFile))
		ready(t, admin)
	}
	ledger := filepath.Join(t.TempDir(), "ledger")
	send := func() {
		command(t, "demo", "--endpoint=http://"+doors+"/v1/traces", fmt.Sprint("--spans=", spans/2), "--rate=0", "--ledger="+ledger)
	}
	send()
	if err := writers[0].Process.Kill(); err != nil {
		t.Error(err)
	}
	send()
	command(t, "ledger", ledger, "--wait="+patience.String(), "--clickhouse="+o.clickhouse, "--clickhouse-user="+o.user, "--clickhouse-password-file="+o.passwordFile)
}

// run starts a binary of ours until the test ends. Its log is the test's.
func run(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(binary(t, name), args...)
	cmd.Env = []string{}
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have been killed
		var exit *exec.ExitError
		if err := cmd.Wait(); errors.As(err, &exit) && exit.Exited() {
			t.Errorf("%s did not stop cleanly: %v", name, err)
		}
	})
	return cmd
}

// ready asks as the compose file does.
func ready(t *testing.T, admin string) {
	t.Helper()
	testkit.Eventually(t, patience, func() error {
		out, err := exec.CommandContext(t.Context(), binary(t, "spanmill"), "health", "--admin", admin).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
}

// command runs spanmill to its end.
func command(t *testing.T, args ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), binary(t, "spanmill"), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("spanmill %s: %v\n%s", args[0], err, out)
	}
}
