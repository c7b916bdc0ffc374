package faults_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/spanmill/spanmill/tests/e2e/harness"
)

// pointOf is where a process is killed for its batch to be found in a state.
var pointOf = map[string]string{
	"open":     "after_intent",
	"partial":  "after_table_1",
	"inserted": "after_insert",
}

// partitions of topic spans, on Kafka and in spanmill up.
const partitions = 4

// recoveries count open intents that were adopted, by the state their batch was
// found in, over the lives of all processes.
type recoveries map[string]int

var recoveredLine = regexp.MustCompile(`(?m)^spanmill_writer_recovered_intents_total\{state="(\w+)"\} (\d+)$`)

// add takes what a life counted. It is for its last moment.
func (r recoveries) add(t *testing.T, p *harness.Process) {
	t.Helper()
	for _, m := range recoveredLine.FindAllStringSubmatch(p.Metrics(t), -1) {
		n, err := strconv.Atoi(m[2])
		if err != nil {
			t.Fatal(err)
		}
		r[m[1]] += n
	}
}

// rarest is the state that was met least.
func (r recoveries) rarest() string {
	rarest := "inserted"
	for state := range pointOf {
		if r[state] < r[rarest] {
			rarest = state
		}
	}
	return rarest
}

func (r recoveries) sum() int { return r["open"] + r["partial"] + r["inserted"] }

// aim makes a process stop at a named point, there to be killed.
type aim struct{ point, reached string }

// newAim aims at a state. The first passages of a life are of batches that it
// adopts, up to one for each partition. They may be hit too, but not before it
// was seen what had become of them: else the same batch could be hit for ever.
func newAim(t *testing.T, state string) aim {
	nth := 2 + rand.IntN(4)
	if state == "open" {
		nth += partitions
	}
	return aim{
		point:   fmt.Sprintf("%s:%d", pointOf[state], nth),
		reached: filepath.Join(t.TempDir(), "reached"),
	}
}

func (a aim) options(env []string) harness.Options {
	return harness.Options{
		Tags: "faults",
		Env:  append([]string{"SPANMILL_FAULT=" + a.point, "SPANMILL_FAULT_FILE=" + a.reached}, env...),
	}
}

// await waits until the process has stopped there.
func (a aim) await(t *testing.T) {
	t.Helper()
	harness.Eventually(t, func() error {
		_, err := os.Stat(a.reached)
		if errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("nobody came to %s", a.point)
		}
		return err
	})
}
