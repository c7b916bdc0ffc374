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

// The Python packages that applications install: requirements files in
// python/requirements.
const (
	tracing  = "tracing-3.17.2"
	full     = "full-3.17.2"
	fullNext = "full-3.18.0"
)

// fixture is what the tests share: a real server and ours, each started once.
type fixture struct {
	*harness.Instance

	theirs *mlflowserver.Server
	judge  *judge
	kafka  *kadm.Client
}

// TestMLflow compares ours with the real server.
func TestMLflow(t *testing.T) {
	awaitDoor(t)
	f := start(t)
	realServer := startReal(t)
	t.Run("corpus", func(t *testing.T) { testCorpus(t, f) })
	f.theirs = realServer()
	f.lengthenIDs(t)
	t.Run("clients", func(t *testing.T) { testClients(t, f) })
	t.Run("scenarios", func(t *testing.T) { testScenarios(t, f) })
	t.Run("production", func(t *testing.T) { testProduction(t, f) })
	t.Run("load", func(t *testing.T) { testLoad(t, f, 2, 150) })
	t.Run("list", func(t *testing.T) { f.judge.finish(t) })
}

// TestTenants and TestGatewayKilled have a spanmill of their own each.
func TestTenants(t *testing.T) {
	awaitDoor(t)
	testTenants(t)
}

func TestGatewayKilled(t *testing.T) {
	awaitDoor(t)
	testKill(t, 2, 100, 1)
}

// awaitDoor: these run once the door has all its routes and the tables are
// read through them; SPANMILL_MLFLOW=1 runs them before.
func awaitDoor(t *testing.T) {
	t.Helper()
	if os.Getenv("SPANMILL_MLFLOW") == "" {
		t.Skip("SPANMILL_MLFLOW is not set")
	}
}

// start runs ours.
func start(t *testing.T) *fixture {
	t.Helper()
	// A batch is cut soon: the comparisons wait for it many times.
	return connect(t, harness.Start(t, harness.NewUp(t), harness.Options{Env: []string{"SPANMILL_MAX_AGE=100ms", "SPANMILL_READ_WAIT=30s"}}))
}

func connect(t *testing.T, in *harness.Instance) *fixture {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(in.Kafka))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &fixture{Instance: in, judge: &judge{used: map[int]bool{}}, kafka: kadm.NewClient(client)}
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
// SDKs send an id with each span, and tell the spans' sizes.
func (f *fixture) lengthenIDs(t *testing.T) {
	t.Helper()
	call(t, f.theirs.URL, "", http.MethodPost, "/api/2.0/mlflow/experiments/create", map[string]any{"name": "the last short one"}, nil)
	const program = `
import sqlite3, sys
with sqlite3.connect(sys.argv[1], timeout=60) as db:
    db.execute("UPDATE experiments SET experiment_id = 1000000000000000 WHERE name = 'the last short one'")
`
	run(t, exec.CommandContext(t.Context(), python(t, full), "-c", program, f.theirs.Database))
}

// mlflowURL is our tracking URI.
func (f *fixture) mlflowURL() string { return "http://" + f.MLflow }

// settle returns when all that was acknowledged before can be read: ours answers
// a write when Kafka has it, and the tables have it a moment later. Others may
// write meanwhile. Rollups are nothing that MLflow's clients read, and the end of
// their topic is the mark of a transaction, which nobody reads.
func (f *fixture) settle(t *testing.T) {
	t.Helper()
	ends, err := f.kafka.ListEndOffsets(t.Context())
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, func() error { return f.behind(t.Context(), ends) })
}

// behind tells which consumer group has not read up to ends yet.
func (f *fixture) behind(ctx context.Context, ends kadm.ListedOffsets) error {
	groups, err := f.kafka.Lag(ctx)
	if err != nil {
		return err
	}
	if len(groups) == 0 {
		return fmt.Errorf("no consumer group reads the topics")
	}
	for _, group := range groups {
		if err := group.Error(); err != nil {
			return err
		}
		for _, lag := range group.Lag.Sorted() {
			end, ok := ends.Lookup(lag.Topic, lag.Partition)
			if ok && lag.Topic != schema.TopicRollups && lag.Lag > 0 && lag.Commit.At < end.Offset {
				return fmt.Errorf("group %s is %d records behind in %s/%d", group.Group, lag.Lag, lag.Topic, lag.Partition)
			}
		}
	}
	return nil
}

// python is the interpreter of an environment that has a requirements file's
// packages; it is made on first use.
func python(t *testing.T, requirements string) string {
	t.Helper()
	root := harness.Root(t)
	cmd := exec.CommandContext(t.Context(), filepath.Join(root, "scripts", "python-env.sh"),
		"tests/compat/mlflow/python/requirements/"+requirements+".txt")
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
