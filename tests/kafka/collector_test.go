//go:build soak

package kafka_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/spanmill/spanmill/bench/load"
	"github.com/spanmill/spanmill/bench/machine"
	"github.com/spanmill/spanmill/internal/demo"
	"github.com/spanmill/spanmill/internal/demo/ledger"
	"github.com/spanmill/spanmill/internal/demo/oracle"
	"github.com/spanmill/spanmill/internal/engine/enginetest"
	"github.com/spanmill/spanmill/internal/testkit"
	"github.com/spanmill/spanmill/tests/e2e/harness"
	"github.com/spanmill/spanmill/tests/kafka"
)

const (
	// eachWay is how many spans go into the topic by each of three ways.
	eachWay = 5000
	// crossingPatience is only felt by a test that fails anyway.
	crossingPatience = 2 * time.Minute
)

// TestSoakCollectorSharesOurTopic: an OpenTelemetry Collector writes to topic
// spans beside our gateway, once with traces kept together and once not, and
// another one reads it all. Its spans land in our tables, with all that they
// hold, as tenant default; and it finds every span of ours.
func TestSoakCollectorSharesOurTopic(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), filepath.Join(harness.Root(t), "scripts", "collector.sh")).Output()
	if err != nil {
		t.Fatalf("collector.sh: %v", err)
	}
	c := &crossing{binary: strings.TrimSpace(string(out)), broker: kafka.New(t)}
	c.broker.Start(t)
	clickhouse := enginetest.Start(t).Endpoint()
	writer := c.ours(t, "writer", "SPANMILL_CLICKHOUSE_PASSWORD="+clickhouse.Password)(
		"--clickhouse", "http://"+clickhouse.HTTPAddr, "--clickhouse-user", clickhouse.User)
	c.begin(t)
	c.send(t, c.gateway(t))
	c.send(t, c.collector(t, true))
	c.send(t, c.collector(t, false))

	want := c.ids()
	seen, relay := c.relay(t)
	testkit.Eventually(t, crossingPatience, func() error {
		if n := len(seen.ids()); n < len(want) {
			return fmt.Errorf("the Collector has read %d of %d spans; it says: %s", n, len(want), relay.LastWords())
		}
		return nil
	})
	if got := seen.ids(); !maps.Equal(got, want) {
		t.Errorf("the Collector has read %d different spans that are not the %d sent, or not once", len(got), len(want))
	}
	rows := &oracle.ClickHouse{URL: "http://" + clickhouse.HTTPAddr, User: clickhouse.User, Password: clickhouse.Password}
	testkit.Eventually(t, crossingPatience, func() error {
		counts, err := oracle.Count(t.Context(), c.book, rows, clickhouse.Database)
		if err == nil && !counts.OK() {
			err = fmt.Errorf("%v; the writer says: %s", counts, writer.LastWords())
		}
		return err
	})
	report, err := oracle.Check(t.Context(), c.book, rows, clickhouse.Database)
	if err != nil || !report.OK() || report.Acked != 3*eachWay {
		t.Errorf("%v, %v", report, err)
	}
	http.DefaultClient.CloseIdleConnections()
}

// crossing is what the processes share.
type crossing struct {
	binary string // of the Collector
	broker *kafka.Broker
	book   *ledger.Ledger
	gen    *demo.Generator
}

// begin makes the generator of what is sent, and its ledger.
func (c *crossing) begin(t *testing.T) {
	t.Helper()
	options := demo.DefaultOptions(11, time.Now())
	gen, err := demo.NewGenerator(options)
	if err != nil {
		t.Fatal(err)
	}
	c.gen, c.book = gen, ledger.New(options)
}

// start runs a program until the test ends.
func (c *crossing) start(t *testing.T, command machine.Command) *machine.Process {
	t.Helper()
	p, err := machine.Start(t.Context(), command, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p
}

// ours starts one of our programs with what all of them need.
func (c *crossing) ours(t *testing.T, program string, env ...string) func(args ...string) *machine.Process {
	t.Helper()
	return func(args ...string) *machine.Process {
		admin := testkit.FreeAddr(t)
		return c.start(t, machine.Command{
			Path: harness.BuildProgram(t, program, ""), Env: env, Ready: "http://" + admin + "/ready",
			Args: append(args, "--brokers", c.broker.Plain, "--admin", admin),
		})
	}
}

// gateway starts ours and gives its address.
func (c *crossing) gateway(t *testing.T) string {
	t.Helper()
	addr := testkit.FreeAddr(t)
	c.ours(t, "ingest-gateway")("--otlp-http", addr, "--otlp-grpc", "127.0.0.1:0")
	return addr
}

// collector starts one that writes to our topic and gives its address.
func (c *crossing) collector(t *testing.T, byTrace bool) string {
	t.Helper()
	addr, health := testkit.FreeAddr(t), testkit.FreeAddr(t)
	c.start(t, machine.Command{
		Path: c.binary, Args: []string{"--config", filepath.Join(harness.Root(t), "bench", "collector", "gateway.yaml")},
		Env: []string{
			"BROKERS=" + c.broker.Plain, "TOPIC=spans", "HEALTH=" + health, "OTLP_HTTP=" + addr, "OTLP_GRPC=" + testkit.FreeAddr(t),
			"CODEC=zstd", "BY_TRACE=" + strconv.FormatBool(byTrace),
		},
		Ready: "http://" + health,
	})
	return addr
}

// send sends the next spans.
func (c *crossing) send(t *testing.T, addr string) {
	t.Helper()
	client := load.NewHTTP("http://"+addr+"/v1/traces", 2)
	defer client.Close()
	cfg := load.DefaultConfig()
	cfg.Ledger = c.book
	bodies := load.Make(c.gen, c.gen.NewCursor(c.book.End(), eachWay), 200)
	if _, err := load.Send(t.Context(), bodies, client, cfg); err != nil {
		t.Fatal(err)
	}
}

// ids are those of all spans that were sent, each once.
func (c *crossing) ids() map[[24]byte]int {
	ids, maker := map[[24]byte]int{}, c.gen.NewMaker()
	for _, e := range c.book.Entries() {
		e.Each(c.gen, func(i uint64, from, to uint32) {
			for s := from; s < to; s++ {
				span := maker.Span(i, s)
				ids[[24]byte(append(span.TraceID[:], span.SpanID[:]...))]++
			}
		})
	}
	return ids
}

// receiver is an OTLP/HTTP server that remembers ids.
type receiver struct {
	mu   sync.Mutex
	seen map[[24]byte]int
}

func (r *receiver) ids() map[[24]byte]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.seen)
}

// relay starts a Collector that reads our topic and sends it to a receiver.
func (c *crossing) relay(t *testing.T) (*receiver, *machine.Process) {
	t.Helper()
	r := &receiver{seen: map[[24]byte]int{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		decoded := ptraceotlp.NewExportRequest()
		if err == nil {
			err = decoded.UnmarshalProto(body)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		count(decoded.Traces(), r.seen)
	}))
	t.Cleanup(server.Close)
	return r, c.start(t, machine.Command{
		Path: c.binary, Args: []string{"--config", filepath.Join(harness.Root(t), "bench", "collector", "relay.yaml")},
		Env: []string{"BROKERS=" + c.broker.Plain, "TOPIC=spans", "GROUP=collector", "TARGET=" + server.URL},
	})
}
