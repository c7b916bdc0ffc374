package harness

import (
	"strings"
	"testing"
	"time"
)

// Plant is where a pipeline lives. What one start writes the next one finds.
type Plant interface {
	// Launch starts a life and returns at once.
	Launch(t testing.TB, o Options) *Instance
}

// Options of one start. The zero value is an ordinary one.
type Options struct {
	// Tags are build tags of the binaries: "faults" builds in the fault points.
	Tags string
	// Env is added to the environment of every process: it sets flags of
	// whichever programs have them.
	Env []string
	// StartTimeout replaces the default; a recovery may take longer.
	StartTimeout time.Duration
}

// Addresses say where everything is: the JSON that `spanmill up --addresses
// FILE` writes when all is ready.
type Addresses struct {
	OTLPHTTP string `json:"otlp_http"`
	OTLPGRPC string `json:"otlp_grpc"`
	// MLflow is the tracking URI of MLflow's clients, without its scheme.
	MLflow string `json:"mlflow"`
	// API has the live metrics.
	API string `json:"api"`
	// Kafka is a listener that takes anybody.
	Kafka              string `json:"kafka"`
	ClickHouseHTTP     string `json:"clickhouse_http"`
	ClickHouseNative   string `json:"clickhouse_native"`
	Admin              string `json:"admin"`
	ClickHouseUser     string `json:"clickhouse_user"`
	ClickHousePassword string `json:"clickhouse_password"`
	PIDs               struct {
		Spanmill int `json:"spanmill"`
		Engine   int `json:"engine"`
	} `json:"pids"`
}

// Instance is one life of a plant.
type Instance struct {
	Addresses

	// Processes are ours. The first one has the doors.
	Processes []*Process
	// Target are the arguments by which the commands of spanmill find the
	// tables: `spanmill sql TARGET… QUERY`.
	Target []string
	// Await returns when everything is ready and Addresses is filled in.
	Await func(t testing.TB, timeout time.Duration)
	// KillEngine ends ClickHouse with SIGKILL; it is started again by whoever
	// runs it.
	KillEngine func(t testing.TB)
}

// Start starts a life of the plant and returns when it is ready. The test's end
// kills it; a failed test prints the ends of its logs.
func Start(t testing.TB, p Plant, o Options) *Instance {
	t.Helper()
	in := p.Launch(t, o)
	in.WaitReady(t, o.StartTimeout)
	return in
}

// WaitReady waits until everything is ready; 0 means the default time-out.
func (in *Instance) WaitReady(t testing.TB, timeout time.Duration) {
	t.Helper()
	if timeout == 0 {
		timeout = startTimeout
	}
	in.Await(t, timeout)
}

// Door is the process that has the doors.
func (in *Instance) Door() *Process { return in.Processes[0] }

// Kill ends our processes with SIGKILL and waits until they are gone.
func (in *Instance) Kill() {
	for _, p := range in.Processes {
		_ = p.cmd.Process.Kill() // all at once; already gone is as good
	}
	for _, p := range in.Processes {
		p.Kill()
	}
}

// Terminate stops our processes, the doors first, and expects exit codes 0.
func (in *Instance) Terminate(t testing.TB) {
	t.Helper()
	for _, p := range in.Processes {
		p.Terminate(t)
	}
}

// Log is all that our processes printed so far.
func (in *Instance) Log() string {
	var all strings.Builder
	for _, p := range in.Processes {
		all.WriteString(p.Log())
	}
	return all.String()
}

// Metrics are the metrics pages of our processes, one after the other.
func (in *Instance) Metrics(t testing.TB) string {
	t.Helper()
	var all strings.Builder
	for _, p := range in.Processes {
		all.WriteString(p.Metrics(t))
	}
	return all.String()
}

// ResetPeak is Process.ResetPeak for each of ours.
func (in *Instance) ResetPeak(t testing.TB) {
	t.Helper()
	for _, p := range in.Processes {
		p.ResetPeak(t)
	}
}
