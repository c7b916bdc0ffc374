//go:build faults

package pipeline

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
)

var faultHits atomic.Int64

// faultPoint stops the process at a named point so that a test can SIGKILL it
// exactly there. SPANMILL_FAULT is "point" or "point:n" for the n-th passage;
// SPANMILL_FAULT_FILE is created once the point is reached. The goroutine then
// never returns: the test must kill the process.
func faultPoint(name string) {
	want, nth, _ := strings.Cut(os.Getenv("SPANMILL_FAULT"), ":")
	if want != name {
		return
	}
	n, err := strconv.ParseInt(nth, 10, 64)
	if err != nil {
		n = 1
	}
	if faultHits.Add(1) != n {
		return
	}
	path := os.Getenv("SPANMILL_FAULT_FILE")
	if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
		fmt.Fprintf(os.Stderr, "fault point %s: write %q: %v\n", name, path, err)
	}
	select {}
}
