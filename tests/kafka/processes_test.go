package kafka_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/spanmill/spanmill/internal/engine"
	"github.com/spanmill/spanmill/internal/engine/enginetest"
	"github.com/spanmill/spanmill/internal/testkit"
	"github.com/spanmill/spanmill/tests/kafka"
)

// spans of one run. More than ten thousand are written before a writer is
// killed, and more than that afterwards.
const spans = 50_000

// testProcesses runs the separate binaries against a Kafka with SASL and TLS,
// once in each group protocol: everything sent is in the tables once, though a
// writer was killed in the middle.
func testProcesses(t *testing.T, b *kafka.Broker, startBroker func()) {
	s := newSystem(t, b)
	// A gateway and a writer come up before there is a Kafka or a ClickHouse.
	gateway := s.gateway(t)
	writer := s.writer(t, "classic")
	gateway.awaitWaiting(t, "is Kafka running")
	writer.awaitWaiting(t, "is Kafka running")
	writer.awaitWaiting(t, "is ClickHouse running")
	if status := s.send(t, 1); status != http.StatusServiceUnavailable {
		t.Errorf("without Kafka a request is answered %d, want 503", status)
	}
	startBroker()
	s.startEngine(t)
	gateway.awaitReady(t)
	writer.awaitReady(t)
	t.Run("classic", func(t *testing.T) { s.deliver(t, "classic", writer) })
	t.Run("kafka-go", func(t *testing.T) { testForeignClient(t, s) })
	t.Run("away", func(t *testing.T) { s.goAway(t, gateway) })
	gateway.terminate(t)
	s.forget(t)
	gateway = s.gateway(t)
	gateway.awaitReady(t)
	t.Run("consumer", func(t *testing.T) {
		writer := s.writer(t, "consumer")
		writer.awaitReady(t)
		s.deliver(t, "consumer", writer)
	})
	gateway.terminate(t)
}

// system is what the processes are told: addresses, users, secrets.
type system struct {
	life     *testing.T // of all processes together
	broker   *kafka.Broker
	engine   engine.Config
	at       engine.Endpoint
	password string // file of ClickHouse's password
	otlp     string
	// stopEngine ends ClickHouse; startEngine brings it back.
	stopEngine func()
}

// newSystem settles the engine's address and password and stops it again.
func newSystem(t *testing.T, b *kafka.Broker) *system {
	t.Helper()
	s := &system{life: t, broker: b, engine: enginetest.Config(t, t.TempDir()), otlp: testkit.FreeAddr(t)}
	e, stop := enginetest.Run(t, s.engine, prometheus.NewRegistry())
	s.at = e.Endpoint()
	stop()
	s.engine.HTTPAddr, s.engine.TCPAddr = s.at.HTTPAddr, s.at.TCPAddr
	s.password = filepath.Join(s.engine.DataDir, "password")
	return s
}

func (s *system) startEngine(t *testing.T) {
	t.Helper()
	_, s.stopEngine = enginetest.Run(t, s.engine, prometheus.NewRegistry())
}

// goAway takes ClickHouse and Kafka away from running processes: they live, say
// that they are not ready and for lack of what, and are ready again afterwards.
func (s *system) goAway(t *testing.T, gateway *process) {
	writer := s.writer(t, "classic")
	writer.awaitReady(t)
	s.stopEngine()
	writer.awaitNotReady(t, "clickhouse: ")
	s.startEngine(s.life)
	writer.awaitReady(t)
	writer.terminate(t)
	s.broker.Pause(t)
	gateway.awaitNotReady(t, "kafka: ")
	s.broker.Resume(t)
	gateway.awaitReady(t)
}

// kafkaArgs log in by SCRAM, from the environment; the gateway by PLAIN, from a
// file.
func (s *system) kafkaArgs(mechanism string) []string {
	return []string{
		"--brokers", s.broker.SASL, "--kafka-tls", "--kafka-ca-file", s.broker.CAFile,
		"--kafka-sasl", mechanism, "--kafka-user", kafka.User, "--partitions", "8",
	}
}

func (s *system) gateway(t *testing.T) *process {
	t.Helper()
	return launch(t, "ingest-gateway", nil, append(s.kafkaArgs("plain"),
		"--kafka-password-file", s.broker.PasswordFile,
		"--otlp-http", s.otlp, "--otlp-grpc", "127.0.0.1:0")...)
}

func (s *system) writer(t *testing.T, protocol string) *process {
	t.Helper()
	return launch(t, "writer", []string{"SPANMILL_KAFKA_PASSWORD=" + kafka.Password, "SPANMILL_GROUP=" + protocol},
		append(s.kafkaArgs("scram-sha-512"),
			"--group-protocol", protocol, "--kafka-rack", "rack-1",
			// The first address leads nowhere: the second is tried.
			"--clickhouse", "http://"+testkit.FreeAddr(t)+",http://"+s.at.HTTPAddr,
			"--clickhouse-user", s.at.User, "--clickhouse-password-file", s.password)...)
}

// send posts a trace of one service and gives the status.
func (s *system) send(t *testing.T, n int) int {
	t.Helper()
	response, err := http.Post("http://"+s.otlp+"/v1/traces", "application/x-protobuf", strings.NewReader(string(traces(t, "by hand", n))))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}

func (s *system) sql(t *testing.T, query string) string {
	t.Helper()
	return strings.TrimSpace(run(t, "sql", "--clickhouse", "http://"+s.at.HTTPAddr, "--clickhouse-user", s.at.User,
		"--clickhouse-password-file", s.password, "--format", "TSV", query))
}

// deliver sends spans while one of two writers is killed and replaced, and
// compares the tables with the ledger, row by row.
func (s *system) deliver(t *testing.T, protocol string, first *process) {
	second := s.writer(t, protocol)
	second.awaitReady(t)
	ledger := filepath.Join(t.TempDir(), "ledger")
	sent := make(chan string, 1)
	go func() { // ends with the demo
		sent <- run(t, "demo", "--endpoint", "http://"+s.otlp+"/v1/traces", "--spans", strconv.Itoa(spans),
			"--rate", "0", "--ledger", ledger)
	}()
	testkit.Eventually(t, patience, func() error {
		if n, _ := strconv.Atoi(s.sql(t, "SELECT count() FROM spans")); n < spans/5 {
			return fmt.Errorf("%d rows", n)
		}
		return nil
	})
	first.kill()
	third := s.writer(t, protocol)
	t.Log(strings.TrimSpace(<-sent))
	report := run(t, "ledger", ledger, "--clickhouse", "http://"+s.at.HTTPAddr, "--clickhouse-user", s.at.User,
		"--clickhouse-password-file", s.password)
	t.Log(strings.TrimSpace(report))
	third.awaitReady(t)
	for _, p := range []*process{second, third} {
		p.terminate(t)
		if strings.Contains(p.log(), "halted") {
			t.Errorf("a partition was halted:\n%s", p.log())
		}
	}
}

// forget empties the topics and the tables for another run.
func (s *system) forget(t *testing.T) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.broker.Plain))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	topics, err := kadm.NewClient(cl).DeleteTopics(t.Context(), "spans")
	if err == nil {
		err = topics.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
	s.sql(t, "TRUNCATE TABLE spans")
	s.sql(t, "TRUNCATE TABLE trace_parts")
}
