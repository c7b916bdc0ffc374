package mlflow_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// programs are the client programs whose every exchange is compared, and the
// packages they run with; the accounts of those that are kept are.
var programs = []struct {
	name     string
	packages []string
	kept     bool
}{
	{name: "basic.py", packages: []string{tracing, full, fullNext}, kept: true},
	{name: "spans.py", packages: []string{tracing, fullNext}},
	{name: "assessments.py", packages: []string{tracing, full}, kept: true},
	{name: "large.py", packages: []string{tracing}},
	{name: "search.py", packages: []string{tracing, full}, kept: true},
}

// testClients runs each program against both servers. Logging is synchronous, so
// that the requests come in one order; state_test.go has the other modes.
func testClients(t *testing.T, f *fixture) {
	for _, p := range programs {
		for _, packages := range p.packages {
			c := client{
				packages: packages, program: p.name, args: []string{"compat-" + strings.TrimSuffix(p.name, ".py") + " " + packages}, kept: p.kept && packages == tracing, wire: true,
				env: []string{"MLFLOW_ENABLE_ASYNC_TRACE_LOGGING=false", "MLFLOW_SEARCH_TRACES_MAX_THREADS=1"},
			}
			if f.theirs == nil && !c.kept {
				continue
			}
			t.Run(strings.TrimSuffix(p.name, ".py")+"/"+packages, func(t *testing.T) {
				c.began = time.Now()
				theirs, ours := f.both(t, c)
				if diff := cmp.Diff(theirs.printed, ours.printed); diff != "" {
					t.Errorf("the program printed other things (-theirs +ours):\n%s", diff)
				}
				f.judge.checkConversations(t, theirs.exchanges, ours.exchanges)
			})
		}
	}
}

// client is a program to run.
type client struct {
	packages, program string
	args, env         []string
	began             time.Time
	// wire: its account has the exchanges, which come in one order.
	wire bool
	// kept: its account at a real server is in testdata/accounts, for where none
	// runs.
	kept bool
}

// both runs a program against the real server and ours, at the same time.
func (f *fixture) both(t *testing.T, c client) (theirs, ours account) {
	t.Helper()
	if f.theirs == nil {
		if c.kept {
			theirs = c.readAccount(t)
		}
		return theirs, f.alone(t, c)
	}
	peer, mine := startProxy(t, f.theirs.URL, func() {}), f.proxy(t)
	printed := c.runAll(t, peer, mine)
	theirs, ours = c.account(printed[0], peer), c.account(printed[1], mine)
	if c.kept && *record {
		c.writeAccount(t, theirs)
	}
	return theirs, ours
}

// alone runs a program against ours.
func (f *fixture) alone(t *testing.T, c client) account {
	t.Helper()
	mine := f.proxy(t)
	return c.account(c.runAll(t, mine)[0], mine)
}

func (f *fixture) proxy(t *testing.T) *proxy {
	t.Helper()
	return startProxy(t, f.mlflowURL(), func() { f.settle(t) })
}

// runAll runs the program once for each tracking URI and gives what it printed.
func (c client) runAll(t *testing.T, uris ...*proxy) []string {
	t.Helper()
	interpreter := python(t, c.packages)
	var all sync.WaitGroup
	printed, errs := make([]string, len(uris)), make([]error, len(uris))
	for i, uri := range uris {
		all.Go(func() { printed[i], errs[i] = c.run(t.Context(), interpreter, uri.URL) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	return printed
}

// run runs the program with a tracking URI and gives what it printed. Its clock
// begins two hours before began: what is later than began is the server's time.
func (c client) run(ctx context.Context, interpreter, uri string) (string, error) {
	steady, err := filepath.Abs("python/steady.py")
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, interpreter, append([]string{steady, filepath.Base(c.program)}, c.args...)...)
	// Where a program is goes into its traces: it is started beside its file.
	if cmd.Dir = filepath.Dir(steady); filepath.IsAbs(c.program) {
		cmd.Dir = filepath.Dir(c.program)
	}
	cmd.Env = append(os.Environ(),
		"MLFLOW_TRACKING_URI="+uri, "MLFLOW_DISABLE_TELEMETRY=true", "DO_NOT_TRACK=true", "GIT_PYTHON_REFRESH=quiet",
		"LOGNAME=somebody", // a trace's info has it
		// A server that fails is to fail the test, not to be asked for minutes.
		"MLFLOW_HTTP_REQUEST_MAX_RETRIES=0",
		"STEADY_SEED="+c.name(),
		"STEADY_CLOCK="+strconv.FormatInt(c.began.Add(-ago).Truncate(time.Second).UnixNano(), 10))
	cmd.Env = append(cmd.Env, c.env...)
	out, err := cmd.Output()
	if exit, ok := err.(*exec.ExitError); ok { //nolint:errorlint // Output gives it as it is
		err = fmt.Errorf("%s %v: %w\n%s%s", c.program, c.args, err, out, exit.Stderr)
	}
	return string(out), err
}

// name is another one for each run that is to have ids of its own.
func (c client) name() string {
	return strings.Join(append([]string{strings.TrimSuffix(filepath.Base(c.program), ".py"), c.packages}, c.args...), " ")
}

// checkConversations holds two conversations of one program against each other.
func (j *judge) checkConversations(t *testing.T, theirs, ours []seen) {
	t.Helper()
	for i := range max(len(theirs), len(ours)) {
		if i >= len(theirs) || i >= len(ours) {
			t.Fatalf("%d requests to the real server, %d to ours:\n%s\n%s", len(theirs), len(ours), routes(theirs), routes(ours))
		}
		a, b := theirs[i], ours[i]
		what := fmt.Sprintf("exchange %d", i+1)
		if a.Method+a.Path != b.Method+b.Path {
			t.Fatalf("%s: the client asks the real server %s %s, ours %s %s", what, a.Method, a.Path, b.Method, b.Path)
		}
		if diff := cmp.Diff(a.Request, b.Request); diff != "" {
			t.Errorf("%s: %s %s: the client sends something else (-theirs +ours):\n%s", what, a.Method, a.Path, diff)
		}
		j.check(t, what, untold(differ(a, b), a.Request))
	}
}

// untold makes one difference of those in tags that a trace's info brings: ours
// answers with them, the real server leaves them out if the spans came first.
func untold(found []difference, request any) []difference {
	const (
		infos  = "/api/3.0/mlflow/traces"
		answer = "trace.trace_info.tags"
	)
	sent := request
	for name := range strings.SplitSeq(answer, ".") {
		object, _ := sent.(map[string]any)
		sent = object[name]
	}
	tags, _ := sent.(map[string]any)
	var rest []difference
	left := false
	for _, d := range found {
		tag, ours := tags[strings.TrimPrefix(d.field, answer+".")].(string)
		value, isText := d.ours.(string)
		if d.route == infos && d.theirs == (missing{}) && ours && isText && value != "" && strings.HasPrefix(tag, value) {
			left = true
			continue
		}
		rest = append(rest, d)
	}
	if left {
		rest = append(rest, difference{http.MethodPost, infos, answer, "without the request's", "with the request's"})
	}
	return rest
}

func routes(exchanges []seen) string {
	var text strings.Builder
	for _, e := range exchanges {
		fmt.Fprintf(&text, "%s %s %d; ", e.Method, route(e.Path), e.Status)
	}
	return text.String()
}
