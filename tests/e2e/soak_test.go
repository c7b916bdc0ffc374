//go:build soak

package e2e_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spanmill/spanmill/internal/testkit"
	"github.com/spanmill/spanmill/tests/e2e/harness"
)

// demoRun is `spanmill demo` sending in a process of its own.
type demoRun struct {
	binary, ledger string
	cmd            *exec.Cmd
	out            *bytes.Buffer
	exited         chan error
}

// startDemo sends to addr, as fast as it is taken unless args say otherwise.
func startDemo(t *testing.T, addr string, args ...string) *demoRun {
	t.Helper()
	d := &demoRun{
		binary: harness.Build(t, ""), ledger: filepath.Join(t.TempDir(), "ledger"),
		out: new(bytes.Buffer), exited: make(chan error, 1),
	}
	args = append([]string{"demo", "--endpoint", "http://" + addr + "/v1/traces", "--rate", "0", "--ledger", d.ledger}, args...)
	d.cmd = exec.Command(d.binary, args...)
	d.cmd.Stdout, d.cmd.Stderr = d.out, d.out
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { d.exited <- d.cmd.Wait() }() // ends with the process
	return d
}

// wait waits until all is sent.
func (d *demoRun) wait(t *testing.T) {
	t.Helper()
	if err := <-d.exited; err != nil {
		t.Fatalf("demo: %v\n%s", err, d.out)
	}
	t.Log(lastLine(d.out.String()))
}

// stop ends sending as Ctrl-C does.
func (d *demoRun) stop(t *testing.T) {
	t.Helper()
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	d.wait(t)
}

// check compares the tables with the ledger, row by row.
func (d *demoRun) check(t *testing.T, up *harness.Instance) {
	t.Helper()
	args := append([]string{"ledger", d.ledger, "--wait", "10m"}, up.Target...)
	cmd := exec.CommandContext(t.Context(), d.binary, args...)
	out, err := cmd.Output()
	t.Logf("%s", out)
	if err != nil {
		t.Fatalf("ledger: %v", err)
	}
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}

// TestSoakMillionSpans: table = ledger, row by row, exactly a million rows.
func TestSoakMillionSpans(t *testing.T) {
	up := harness.Start(t, harness.NewUp(t), harness.Options{})
	d := startDemo(t, up.OTLPHTTP, "--spans", "1000000")
	d.wait(t)
	d.check(t, up)
	if got := up.SQL(t, "SELECT count() FROM spans"); got != "1000000" {
		t.Errorf("%s rows, want exactly 1000000", got)
	}
	up.Terminate(t)
}

// fixedPorts lets every life of an instance be found at the same addresses.
func fixedPorts(t *testing.T) []string {
	args := []string{"--ports", "default"}
	for _, flag := range []string{"--otlp-http", "--otlp-grpc", "--kafka", "--engine-http", "--engine-native", "--admin"} {
		args = append(args, flag, testkit.FreeAddr(t))
	}
	return args
}

// TestSoakUpKilledTenTimes: half of the kills are aimed at named points of the
// protocol, the others hit anywhere. Afterwards the table holds each acked span
// once, and enough of the kills have hit an open intent in both states.
func TestSoakUpKilledTenTimes(t *testing.T) {
	const least = 3
	ports := fixedPorts(t)
	plant := harness.NewUp(t)
	plant.Args = ports
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	recovered := map[string]int{}
	start := func(point, reached string) *harness.Instance {
		return harness.Start(t, plant, harness.Options{
			Tags: "faults", StartTimeout: 3 * time.Minute,
			Env: []string{"SPANMILL_FAULT=" + point, "SPANMILL_FAULT_FILE=" + reached},
		})
	}
	var d *demoRun
	kills := 0
	for ; kills < 10 || recovered["open"] < least || recovered["inserted"] < least; kills++ {
		if kills == 30 {
			t.Fatalf("the kills do not hit: recovered %v", recovered)
		}
		point, reached := "", filepath.Join(t.TempDir(), "reached")
		if kills%2 == 0 {
			// Beyond the fourth passage it is a new batch: the first ones of a life
			// may be those that it adopts, one for each partition.
			name := []string{"after_intent", "after_insert", "after_intent", "after_insert", "after_table_1"}[kills/2%5]
			point = fmt.Sprintf("%s:%d", name, 5+rng.IntN(8))
		}
		up := start(point, reached)
		if d == nil {
			d = startDemo(t, up.OTLPHTTP, "--rate", "6000")
		}
		if point == "" { // the life before ended with an open intent: let it be adopted
			testkit.Eventually(t, time.Minute, func() error {
				if recoveredIntents(t, up) == 0 {
					return errors.New("no intent was recovered yet")
				}
				return nil
			})
		}
		wait := time.Duration(1000+rng.IntN(4000)) * time.Millisecond
		untilReached(t, reached, point != "", wait)
		for state, n := range recoveredByState(t, up) {
			recovered[state] += n
		}
		up.Kill()
		t.Logf("kill %d at %q, recovered so far %v", kills+1, point, recovered)
	}
	up := start("", "")
	for state, n := range recoveredByState(t, up) {
		recovered[state] += n
	}
	t.Logf("%d kills, recovered intents by state: %v", kills, recovered)
	d.stop(t)
	d.check(t, up)
	up.Terminate(t)
}

// untilReached waits for the fault point, or for a while when there is none.
func untilReached(t *testing.T, reached string, aimed bool, wait time.Duration) {
	t.Helper()
	if !aimed {
		<-time.After(wait)
		return
	}
	testkit.Eventually(t, 3*time.Minute, func() error {
		_, err := os.Stat(reached)
		return err
	})
}

// TestSoakEngineKilledTenTimes: ClickHouse dies again and again; the gateway
// refuses nothing because of it, and everything lands once.
func TestSoakEngineKilledTenTimes(t *testing.T) {
	up := harness.Start(t, harness.NewUp(t), harness.Options{})
	d := startDemo(t, up.OTLPHTTP, "--rate", "6000")
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	for kill := range 10 {
		<-time.After(time.Duration(500+rng.IntN(3000)) * time.Millisecond)
		up.KillEngine(t)
		testkit.Eventually(t, 2*time.Minute, func() error {
			_, err := up.TrySQL(t, "SELECT 1")
			return err
		})
		t.Logf("engine kill %d", kill+1)
	}
	d.stop(t)
	if refused := metricLines(t, up, "spanmill_gateway_requests_refused_total"); len(refused) > 0 {
		t.Errorf("the gateway refused requests: %v", refused)
	}
	d.check(t, up)
	up.Terminate(t)
}

// TestSoakMemory: five minutes at full speed stay within the memory promised.
func TestSoakMemory(t *testing.T) {
	const limit, engineLimit = 300 << 10, 1536 << 10 // KiB
	up := harness.Start(t, harness.NewUp(t), harness.Options{})
	d := startDemo(t, up.OTLPHTTP)
	<-time.After(5 * time.Minute)
	d.stop(t)
	ours, engine := up.Door().PeakKiB(t), harness.PeakKiB(t, up.PIDs.Engine)
	t.Logf("peak resident memory: spanmill %d MiB, engine %d MiB", ours>>10, engine>>10)
	if ours > limit || engine > engineLimit {
		t.Errorf("peak resident memory is above %d and %d MiB", limit>>10, engineLimit>>10)
	}
	d.check(t, up)
	up.Terminate(t)
}
