package mlflow

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spanmill/spanmill/bench/machine"
	"github.com/spanmill/spanmill/internal/testkit"
	"github.com/spanmill/spanmill/tests/mlflowserver"
)

// side is a server under test.
type side interface {
	// url is the tracking URI.
	url() string
	// cpu is what each of its parts has used so far.
	cpu() (map[string]time.Duration, error)
	// drain returns when so many traces are in its tables and nothing is left to
	// do. It asks for next to nothing: what it asks is counted.
	drain(ctx context.Context, traces int) error
	// check makes sure that each of them is there.
	check(ctx context.Context, traces int) error
	stop()
}

// The parts of a side. Kafka's is told but not counted: it is there for all
// that we take in, and other programs read it.
const (
	partGateway    = "gateway"
	partWriter     = "writer"
	partClickHouse = "ClickHouse"
	partKafka      = "Kafka"
	partServer     = "mlflow server"
)

// pipeline is ours: the separate binaries on a real Kafka.
type pipeline struct {
	broker          *machine.Broker
	engine          *machine.Engine
	gateway, writer *machine.Process
	door            string
}

func startPipeline(ctx context.Context, o Options, dir string) (_ side, err error) {
	p := &pipeline{}
	defer func() {
		if err != nil {
			p.stop()
		}
	}()
	library, err := machine.FindEngine()
	if err != nil {
		return nil, err
	}
	if p.broker, err = machine.StartBroker(ctx, o.Root, dir); err != nil {
		return nil, err
	}
	if p.engine, err = machine.StartEngine(ctx, library, filepath.Join(dir, "clickhouse"), o.EngineMiB<<20); err != nil {
		return nil, err
	}
	var addrs [5]string
	for i := range addrs {
		if addrs[i], err = testkit.DrawAddr(ctx); err != nil {
			return nil, err
		}
	}
	p.door = addrs[0]
	partitions := fmt.Sprintf("--partitions=%d", o.Partitions)
	clickhouse := []string{"--clickhouse", "http://" + p.engine.HTTPAddr, "--clickhouse-user", p.engine.User}
	password := []string{"SPANMILL_CLICKHOUSE_PASSWORD=" + p.engine.Password}
	p.writer, err = machine.Start(ctx, machine.Command{
		Path: filepath.Join(o.Root, "bin", "writer"), Env: password,
		Args:  append([]string{"--brokers", p.broker.Addr, partitions, "--admin", addrs[1]}, clickhouse...),
		Ready: "http://" + addrs[1] + "/health",
	}, dir)
	if err != nil {
		return nil, err
	}
	p.gateway, err = machine.Start(ctx, machine.Command{
		Path:  filepath.Join(o.Root, "bin", "ingest-gateway"),
		Args:  []string{"--brokers", p.broker.Addr, partitions, "--mlflow-http", p.door, "--otlp-http", addrs[2], "--otlp-grpc", addrs[3], "--admin", addrs[4]},
		Ready: "http://" + addrs[4] + "/ready",
	}, dir)
	return p, err
}

func (p *pipeline) url() string { return "http://" + p.door }

func (p *pipeline) cpu() (map[string]time.Duration, error) {
	used := map[string]time.Duration{}
	for part, pid := range map[string]int{
		partGateway: p.gateway.PID(), partWriter: p.writer.PID(), partClickHouse: p.engine.PID(), partKafka: p.broker.PID(),
	} {
		var err error
		if used[part], err = machine.CPU(pid); err != nil {
			return nil, err
		}
	}
	return used, nil
}

const (
	countEvery = 500 * time.Millisecond
	// drainTimeout is for a machine that is busy.
	drainTimeout = 3 * time.Minute
)

func (p *pipeline) drain(ctx context.Context, traces int) error {
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	err := machine.Poll(ctx, countEvery, func(ctx context.Context) (bool, error) {
		if p.writer.Ended() {
			return false, fmt.Errorf("the writer ended; its last words:\n%s", p.writer.LastWords())
		}
		// Rows of a resend are not there (P3), so whole tables' counts will do, which
		// the server knows without reading.
		missing, err := p.engine.Count(ctx, fmt.Sprintf(
			"SELECT (SELECT count() FROM spanmill.spans) < %d OR (SELECT count() FROM spanmill.trace_info) < %d", traces*spansOfTrace, traces))
		return err == nil && missing == 0, nil // an error: the tables are not there yet
	})
	if err != nil {
		return fmt.Errorf("not all rows came: %w", err)
	}
	_, err = p.engine.Settle(ctx)
	return err
}

func (p *pipeline) check(ctx context.Context, traces int) error {
	for _, question := range []string{
		"SELECT uniqExact(trace_id) FROM spanmill.trace_info",
		"SELECT countIf(spans = %d) FROM (SELECT uniqExact(span_id) AS spans FROM spanmill.spans GROUP BY trace_id)",
	} {
		found, err := p.engine.Count(ctx, strings.ReplaceAll(question, "%d", strconv.Itoa(spansOfTrace)))
		if err != nil {
			return fmt.Errorf("count traces: %w", err)
		}
		if found != uint64(traces) {
			return fmt.Errorf("%d traces are whole of %d: %s", found, traces, question)
		}
	}
	return nil
}

func (p *pipeline) stop() {
	for _, process := range []*machine.Process{p.gateway, p.writer} {
		if process != nil {
			process.Stop()
		}
	}
	if p.engine != nil {
		p.engine.Stop()
	}
	if p.broker != nil {
		p.broker.Stop()
	}
}

// peer is a real server with its defaults: four workers, SQLite.
type peer struct{ *mlflowserver.Server }

func startPeer(ctx context.Context, o Options, dir string) (side, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(o.Root, "scripts", "python-env.sh"), "tests/compat/mlflow/python/requirements/full-3.17.2.txt")
	cmd.Dir, cmd.Stderr = o.Root, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("python-env.sh: %w", err)
	}
	server, err := mlflowserver.Start(ctx, mlflowserver.Options{Python: strings.TrimSpace(string(out)), Dir: dir, Workers: o.PeerWorkers})
	if err != nil {
		return nil, err
	}
	return peer{server}, nil
}

func (p peer) url() string { return p.URL }

func (p peer) cpu() (map[string]time.Duration, error) {
	pids, err := p.PIDs()
	if err != nil {
		return nil, err
	}
	used := map[string]time.Duration{}
	for _, pid := range pids {
		cpu, err := machine.CPU(pid)
		if err != nil {
			return nil, fmt.Errorf("process %s of mlflow server: %w", strconv.Itoa(pid), err)
		}
		used[partServer] += cpu
	}
	return used, nil
}

// drain has nothing to wait for: the server answers when its database has it.
func (p peer) drain(context.Context, int) error { return nil }

func (p peer) check(context.Context, int) error { return nil }

func (p peer) stop() { p.Stop() }
