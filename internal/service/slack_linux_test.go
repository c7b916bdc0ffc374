package service

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

const relaxed = "SPANMILL_TEST_RELAXED"

// TestRelaxTimers: a program that asks for it runs with the slack, as the process
// it was, with the arguments it had; and asks once.
func TestRelaxTimers(t *testing.T) {
	if os.Getenv(relaxed) != "" {
		RelaxTimers()
		if got := slack(); got != int64(timerSlack) {
			t.Errorf("a slack of %d ns, want %d", got, int64(timerSlack))
		}
		return
	}
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-test.run=^TestRelaxTimers$", "-test.v")
	cmd.Env = append(os.Environ(), relaxed+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Count(string(out), "=== RUN   TestRelaxTimers") != 2 || strings.Count(string(out), "--- PASS: TestRelaxTimers") != 1 {
		t.Errorf("%v: want two runs begun, of which the second passes:\n%s", err, out)
	}
}
