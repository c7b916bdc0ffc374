package kafka_test

import (
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spanmill/spanmill/internal/testkit"
	"github.com/spanmill/spanmill/tests/e2e/harness"
	"github.com/spanmill/spanmill/tests/kafka"
)

// spans of one run. More than ten thousand are written before a writer is
// killed, and more than that afterwards.
const spans = 50_000

// partitions of topic spans here.
const partitions = 8

// testProcesses runs the separate binaries against a Kafka with SASL and TLS,
// once in each group protocol: everything sent is in the tables once, though a
// writer was killed in the middle.
func testProcesses(t *testing.T, site *kafka.Site, begin func()) {
	t.Run("classic", func(t *testing.T) {
		s := newSystem(t, site, "classic")
		// A gateway and a writer come up before there is a Kafka or a ClickHouse.
		gateway, writer := s.gateway(t), s.writer(t)
		gateway.AwaitWaiting(t, "is Kafka running")
		writer.AwaitWaiting(t, "is Kafka running")
		writer.AwaitWaiting(t, "is ClickHouse running")
		if status := s.send(t, 1); status != http.StatusServiceUnavailable {
			t.Errorf("without Kafka a request is answered %d, want 503", status)
		}
		begin()
		gateway.AwaitReady(t)
		writer.AwaitReady(t)
		t.Run("deliver", func(t *testing.T) { s.deliver(t, writer) })
		t.Run("kafka-go", func(t *testing.T) { testForeignClient(t, s) })
		t.Run("away", func(t *testing.T) { s.goAway(t, gateway) })
		terminate(t, gateway)
	})
	t.Run("consumer", func(t *testing.T) {
		s := newSystem(t, site, "consumer")
		gateway, writer := s.gateway(t), s.writer(t)
		gateway.AwaitReady(t)
		writer.AwaitReady(t)
		s.deliver(t, writer)
		terminate(t, gateway)
	})
}

// system is a plant of several writers, the first address of whose ClickHouse
// leads nowhere: the second is tried.
type system struct {
	*kafka.Plant

	options harness.Options
	target  []string
}

func newSystem(t *testing.T, site *kafka.Site, protocol string) *system {
	t.Helper()
	p := site.Plant(t, protocol)
	return &system{Plant: p, target: p.Target(), options: harness.Options{Env: []string{
		"SPANMILL_PARTITIONS=" + strconv.Itoa(partitions),
		"SPANMILL_CLICKHOUSE=http://" + testkit.FreeAddr(t) + "," + p.ClickHouse.URL(),
	}}}
}

func (s *system) gateway(t *testing.T) *harness.Process {
	t.Helper()
	return s.Gateway(t, s.options)
}

func (s *system) writer(t *testing.T) *harness.Process {
	t.Helper()
	return s.Writer(t, s.options)
}

// terminate wants an orderly end, and says how large the process became.
func terminate(t *testing.T, p *harness.Process) {
	t.Helper()
	t.Logf("%s: peak RSS %d MiB", p.Name, p.PeakKiB(t)>>10)
	p.Terminate(t)
}

// goAway takes ClickHouse and Kafka away from running processes: they live, say
// that they are not ready and for lack of what, and are ready again afterwards.
func (s *system) goAway(t *testing.T, gateway *harness.Process) {
	writer := s.writer(t)
	writer.AwaitReady(t)
	s.ClickHouse.Stop()
	writer.AwaitNotReady(t, "clickhouse: ")
	s.ClickHouse.Restart(t)
	writer.AwaitReady(t)
	terminate(t, writer)
	s.Broker.Pause(t)
	gateway.AwaitNotReady(t, "kafka: ")
	s.Broker.Resume(t)
	gateway.AwaitReady(t)
}

// send posts a trace of one service and gives the status.
func (s *system) send(t *testing.T, n int) int {
	t.Helper()
	response, err := http.Post("http://"+s.OTLPHTTP+"/v1/traces", "application/x-protobuf", strings.NewReader(string(traces(t, "by hand", n))))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}

func (s *system) sql(t *testing.T, query string) string {
	t.Helper()
	answer, err := s.Addresses().Query(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// deliver sends spans while one of two writers is killed and replaced, and
// compares the tables with the ledger, row by row.
func (s *system) deliver(t *testing.T, first *harness.Process) {
	second := s.writer(t)
	second.AwaitReady(t)
	hook := harness.NewHook(t)
	aggregator := s.Aggregator(t, testkit.FreeAddr(t), harness.Options{Env: append(slices.Clip(s.options.Env), "SPANMILL_ALERTS_FILE="+hook.Alerts(t, watched))})
	ledger := filepath.Join(t.TempDir(), "ledger")
	sent := make(chan string, 1)
	go func() { // ends with the demo
		sent <- run(t, "demo", "--endpoint", "http://"+s.OTLPHTTP+"/v1/traces", "--spans", strconv.Itoa(spans),
			"--rate", "0", "--ledger", ledger)
	}()
	harness.Eventually(t, func() error {
		if n, _ := strconv.Atoi(s.sql(t, "SELECT count() FROM spans")); n < spans/5 {
			return fmt.Errorf("%d rows", n)
		}
		return nil
	})
	first.Kill()
	third := s.writer(t)
	t.Log(<-sent)
	t.Log(run(t, append([]string{"ledger", ledger}, s.target...)...))
	third.AwaitReady(t)
	counted(t, aggregator, hook)
	for _, p := range []*harness.Process{second, third, aggregator} {
		terminate(t, p)
		if strings.Contains(p.Log(), "halted") {
			t.Errorf("a partition was halted:\n%s", p.Log())
		}
	}
	t.Log(run(t, append([]string{
		"verify", "--brokers", s.Broker.SASL, "--kafka-tls", "--kafka-ca-file", s.Broker.CAFile, "--kafka-sasl", "plain", "--kafka-user", kafka.User,
		"--kafka-password-file", s.Broker.PasswordFile, "--group", s.Group,
	}, s.target...)...))
}

// watched fires once there are spans.
const watched = "rules: [{name: spans_come, kind: threshold, of: tenant.spans, stat: count, above: 0, window: 1h}]"

// counted waits until an aggregator has counted all spans, and an alert was told.
func counted(t *testing.T, aggregator *harness.Process, hook *harness.Hook) {
	t.Helper()
	line := fmt.Sprintf("\nspanmill_aggregator_spans_total %d\n", spans)
	harness.Eventually(t, func() error {
		if !strings.Contains(aggregator.Metrics(t), line) {
			return fmt.Errorf("the aggregator does not say %s", line)
		}
		if told := strings.Join(hook.Told(), ""); !strings.Contains(told, `"rule":"spans_come"`) {
			return fmt.Errorf("told: %q", told)
		}
		return nil
	})
}

// run runs `spanmill …` to its end and gives what it printed.
func run(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), harness.Build(t, ""), args...)
	var progress strings.Builder
	cmd.Stderr = &progress
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("spanmill %s: %v\n%s%s", strings.Join(args, " "), err, progress.String(), out)
	}
	return strings.TrimSpace(string(out))
}
