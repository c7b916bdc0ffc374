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
// packages they run with.
var programs = []struct {
	name     string
	packages []string
	env      []string
}{
	{name: "basic.py", packages: []string{tracing, full, fullNext}},
	{name: "spans.py", packages: []string{tracing, fullNext}},
	{name: "assessments.py", packages: []string{tracing, full}},
	{name: "large.py", packages: []string{tracing}},
	{name: "search.py", packages: []string{tracing, full}},
}

// testClients runs each program against both servers. Logging is synchronous, so
// that the requests come in one order; state_test.go has the other modes.
func testClients(t *testing.T, f *fixture) {
	for _, p := range programs {
		for _, packages := range p.packages {
			t.Run(strings.TrimSuffix(p.name, ".py")+"/"+packages, func(t *testing.T) {
				began := time.Now()
				c := client{packages: packages, program: p.name, began: began}
				c.env = append([]string{"MLFLOW_ENABLE_ASYNC_TRACE_LOGGING=false"}, p.env...)
				theirs, ours := f.both(t, c)
				if diff := cmp.Diff(setsInOrder(theirs.printed), setsInOrder(ours.printed)); diff != "" {
					t.Errorf("the program printed other things (-theirs +ours):\n%s", diff)
				}
				f.judge.checkConversations(t, began, theirs.proxy.exchanges(), ours.proxy.exchanges())
			})
		}
	}
}

// client is a program to run.
type client struct {
	packages, program string
	args, env         []string
	began             time.Time
}

// outcome is what one run of a program gave.
type outcome struct {
	printed string
	proxy   *proxy
}

// both runs a program against the real server and ours, at the same time.
func (f *fixture) both(t *testing.T, c client) (theirs, ours outcome) {
	t.Helper()
	theirs.proxy, ours.proxy = startProxy(t, f.theirs.URL, func() {}), f.proxy(t)
	c.runAll(t, &theirs, &ours)
	return theirs, ours
}

// alone runs a program against ours.
func (f *fixture) alone(t *testing.T, c client) (ours outcome) {
	t.Helper()
	ours.proxy = f.proxy(t)
	c.runAll(t, &ours)
	return ours
}

func (f *fixture) proxy(t *testing.T) *proxy {
	t.Helper()
	return startProxy(t, f.mlflowURL(), func() { f.settle(t) })
}

func (c client) runAll(t *testing.T, outcomes ...*outcome) {
	t.Helper()
	interpreter := python(t, c.packages)
	var all sync.WaitGroup
	errs := make([]error, len(outcomes))
	for i, o := range outcomes {
		all.Go(func() { o.printed, errs[i] = c.run(t.Context(), interpreter, o.proxy.URL) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// run runs the program with a tracking URI and gives what it printed. Its clock
// begins two hours before began: what is later than began is the server's time.
func (c client) run(ctx context.Context, interpreter, uri string) (string, error) {
	program := c.program
	if !filepath.IsAbs(program) {
		program = filepath.Join("python", program)
	}
	cmd := exec.CommandContext(ctx, interpreter, append([]string{"python/steady.py", program}, c.args...)...)
	cmd.Env = append(os.Environ(),
		"MLFLOW_TRACKING_URI="+uri, "MLFLOW_DISABLE_TELEMETRY=true", "DO_NOT_TRACK=true", "GIT_PYTHON_REFRESH=quiet",
		// A server that fails is to fail the test, not to be asked for minutes.
		"MLFLOW_HTTP_REQUEST_MAX_RETRIES=0",
		"STEADY_SEED="+filepath.Base(c.program)+c.packages+strings.Join(c.args, ","),
		"STEADY_CLOCK="+strconv.FormatInt(c.began.Add(-ago).Truncate(time.Second).UnixNano(), 10))
	cmd.Env = append(cmd.Env, c.env...)
	out, err := cmd.Output()
	if exit, ok := err.(*exec.ExitError); ok { //nolint:errorlint // Output gives it as it is
		err = fmt.Errorf("%s %v: %w\n%s%s", c.program, c.args, err, out, exit.Stderr)
	}
	return string(out), err
}

// checkConversations holds two conversations of one program against each other.
func (j *judge) checkConversations(t *testing.T, began time.Time, theirs, ours []*exchange) {
	t.Helper()
	theirNames, ourNames := newSymbols(began), newSymbols(began)
	for i := range max(len(theirs), len(ours)) {
		if i >= len(theirs) || i >= len(ours) {
			t.Fatalf("%d requests to the real server, %d to ours:\n%s\n%s", len(theirs), len(ours), routes(theirs), routes(ours))
		}
		a, b := theirNames.see(theirs[i]), ourNames.see(ours[i])
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

func routes(exchanges []*exchange) string {
	var text strings.Builder
	for _, e := range exchanges {
		fmt.Fprintf(&text, "%s %s %d; ", e.Method, route(e.Path), e.Status)
	}
	return text.String()
}
