package mlflow_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/tests/e2e/harness"
	"github.com/spanmill/spanmill/tests/mlflowserver"
)

func TestMain(m *testing.M) { harness.Main(m) }

// The packages that applications install, and the requirements files that have
// them. mlflow-tracing is among the clients of tests/compat; with the clients that
// it logs by itself it is another environment.
const (
	tracing     = "tracing-3.17.2"
	tracingMore = "tracing-3.17.2 and more"
	full        = "full-3.17.2"
	fullNext    = "full-3.18.0"
)

var requirements = map[string]string{
	tracing:     "tests/compat/python/requirements.txt",
	tracingMore: "tests/compat/mlflow/python/requirements/tracing-3.17.2.txt",
	full:        "tests/compat/mlflow/python/requirements/full-3.17.2.txt",
	fullNext:    "tests/compat/mlflow/python/requirements/full-3.18.0.txt",
}

// fixture is what the tests share: a real server and ours, each started once.
type fixture struct {
	*harness.Instance

	plant harness.Plant
	// theirs is nil where no real server runs: what it did is in testdata.
	theirs *mlflowserver.Server
	judge  *judge
	kafka  *kadm.Client
}

// whole tells that a real server and all packages are wanted (make mlflow); else
// these tests compare with what was recorded, and run mlflow-tracing alone.
func whole() bool { return os.Getenv("SPANMILL_MLFLOW") != "" }

// TestMLflow compares ours with the real server.
func TestMLflow(t *testing.T) {
	f := start(t)
	if !whole() {
		t.Run("corpus", func(t *testing.T) { testCorpus(t, f) })
		t.Run("clients", func(t *testing.T) { testClients(t, f) })
		t.Run("production", func(t *testing.T) { testProduction(t, f) })
		return
	}
	realServer := startReal(t)
	t.Run("corpus", func(t *testing.T) { testCorpus(t, f) })
	f.theirs = realServer()
	f.lengthenIDs(t)
	t.Run("clients", func(t *testing.T) { testClients(t, f) })
	f.run(t, "SPANMILL_READ_WAIT=30s") // some read at once
	t.Run("production", func(t *testing.T) { testProduction(t, f) })
	t.Run("load", func(t *testing.T) { testLoad(t, f, 2, 150) })
	t.Run("scenarios", func(t *testing.T) { testScenarios(t, f) })
	t.Run("list", func(t *testing.T) { f.judge.finish(t) })
}

// TestTenants and TestGatewayKilled have a spanmill of their own each.
func TestTenants(t *testing.T) { testTenants(t) }

func TestGatewayKilled(t *testing.T) {
	if !whole() {
		t.Skip("make mlflow runs this")
	}
	testKill(t, 2, 100, 1)
}

// start runs ours. The tests wait for what they read: there is no need that the
// server does, and many ask for what is not there. A batch is cut at once, since
// they wait for it many times.
func start(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{plant: harness.NewUp(t), judge: &judge{used: map[int]bool{}}}
	f.run(t, "SPANMILL_MAX_AGE=20ms", "SPANMILL_READ_WAIT=100ms")
	return f
}

// run begins a life of ours, with the data of the one before. A later setting
// overrides an earlier one.
func (f *fixture) run(t *testing.T, env ...string) {
	t.Helper()
	if f.Instance != nil {
		f.Kill()
	}
	f.connect(t, harness.Start(t, f.plant, harness.Options{Env: append([]string{"SPANMILL_MAX_AGE=200ms"}, env...)}))
}

func (f *fixture) connect(t *testing.T, in *harness.Instance) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(in.Kafka))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	f.Instance, f.kafka = in, kadm.NewClient(client)
}

// startReal runs the real server, which takes its time; the result waits for it.
func startReal(t *testing.T) func() *mlflowserver.Server {
	t.Helper()
	type started struct {
		server *mlflowserver.Server
		err    error
	}
	o := mlflowserver.Options{Python: python(t, full), Dir: t.TempDir(), Workers: 1}
	ready := make(chan started, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { // ends when the server answers, or with the test
		server, err := mlflowserver.Start(ctx, o)
		ready <- started{server, err}
	}()
	var s *started
	wait := func() started {
		if s == nil {
			s = new(<-ready)
		}
		return *s
	}
	t.Cleanup(func() {
		cancel()
		if server := wait().server; server != nil {
			server.Stop()
		}
	})
	return func() *mlflowserver.Server {
		t.Helper()
		s := wait()
		if s.err != nil {
			t.Fatal(s.err)
		}
		return s.server
	}
}

// lengthenIDs makes the real server's next experiments have ids as long as ours:
// SDKs send an id with each span, and tell the spans' sizes. One in ten of ours is
// shorter: the programs' names for experiments have none of those.
func (f *fixture) lengthenIDs(t *testing.T) {
	t.Helper()
	makeExperiment(t, f.theirs.URL, "the last short one")
	const program = `
import sqlite3, sys
with sqlite3.connect(sys.argv[1], timeout=60) as db:
    db.execute("UPDATE experiments SET experiment_id = 1000000000000000 WHERE name = 'the last short one'")
`
	run(t, exec.CommandContext(t.Context(), python(t, full), "-c", program, f.theirs.Database))
}

// makeExperiments makes an experiment whose ids are as long as each other, and
// gives its name, which begins as asked.
func (f *fixture) makeExperiments(t *testing.T, name string) string {
	t.Helper()
	theirs := makeExperiment(t, f.theirs.URL, name)
	for len(makeExperiment(t, f.mlflowURL(), name)) != len(theirs) {
		name += "'"
		theirs = makeExperiment(t, f.theirs.URL, name)
	}
	return name
}

// makeExperiment gives the id of a new experiment.
func makeExperiment(t *testing.T, url, name string) string {
	t.Helper()
	var made struct {
		ID string `json:"experiment_id"`
	}
	call(t, url, "", http.MethodPost, "/api/2.0/mlflow/experiments/create", map[string]any{"name": name}, &made)
	return made.ID
}

// mlflowURL is our tracking URI.
func (f *fixture) mlflowURL() string { return "http://" + f.MLflow }

// writers is the consumer group that fills the tables.
const writers = "spanmill-writer"

// settle returns when all that was acknowledged before can be read: ours answers
// a write when Kafka has it, and the tables have it a moment later. Others may
// write meanwhile.
func (f *fixture) settle(t *testing.T) {
	t.Helper()
	ends, err := f.kafka.ListEndOffsets(t.Context(), schema.TopicSpans, schema.TopicEvents)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, func() error { return f.behind(t.Context(), ends) })
}

// behind tells of a partition that is not in the tables up to its end.
func (f *fixture) behind(ctx context.Context, ends kadm.ListedOffsets) error {
	stored, err := f.kafka.FetchOffsets(ctx, writers)
	if err == nil {
		err = stored.Error()
	}
	if err != nil {
		return err
	}
	ends.Each(func(end kadm.ListedOffset) {
		at, known := stored.Lookup(end.Topic, end.Partition)
		if err == nil && end.Offset > 0 && (!known || at.At < end.Offset) {
			err = fmt.Errorf("%s/%d is stored up to %d, not yet to %d", end.Topic, end.Partition, at.At, end.Offset)
		}
	})
	return err
}

// python is the interpreter of an environment that has the packages; it is made
// on first use.
func python(t *testing.T, packages string) string {
	t.Helper()
	root := harness.Root(t)
	cmd := exec.CommandContext(t.Context(), filepath.Join(root, "scripts", "python-env.sh"), requirements[packages])
	cmd.Dir = root
	return strings.TrimSpace(run(t, cmd))
}

// run gives what a command printed; its complaints are shown if it fails.
func run(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(cmd.Args, " "), err, out, complaints.String())
	}
	return string(out)
}
