//go:build soak

package kafka_test

import (
	"flag"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/spanmill/spanmill/internal/bus"
	"github.com/spanmill/spanmill/tests/e2e/harness"
	"github.com/spanmill/spanmill/tests/kafka"
)

var soakSpans = flag.Int("spans", 5_000_000, "spans of TestSoakFiveMillionSpans")

// TestSoakFiveMillionSpans: through an ingest-gateway and one writer of all
// partitions, on a real Kafka, as fast as they go. Table = ledger, row by row,
// and the memory of both stays within what is promised.
//
// A shorter try is: go test -tags soak -run TestSoakFive -v ./tests/kafka -spans 300000.
func TestSoakFiveMillionSpans(t *testing.T) {
	const gatewayMiB, writerMiB = 128, 400
	site := kafka.NewSite(t)
	site.Start(t)
	p := site.Plant(t, bus.ProtocolClassic)
	in := harness.Start(t, p, harness.Options{Env: []string{"SPANMILL_PARTITIONS=12"}})
	book := filepath.Join(t.TempDir(), "ledger")
	began := time.Now()
	step := func(what string, args ...string) {
		out := run(t, args...)
		t.Logf("%s after %s: %s", what, time.Since(began).Round(time.Second), out)
	}
	step("sent", "demo", "--endpoint", "http://"+in.OTLPHTTP+"/v1/traces", "--spans", strconv.Itoa(*soakSpans), "--rate", "0", "--ledger", book)
	step("checked", append([]string{"ledger", book, "--wait", "60m"}, in.Target...)...)
	if got := in.SQL(t, "SELECT count() FROM spans"); got != strconv.Itoa(*soakSpans) {
		t.Errorf("%s rows, want exactly %d", got, *soakSpans)
	}
	for i, bound := range []int{gatewayMiB, writerMiB} {
		process := in.Processes[i]
		peak := process.PeakKiB(t) >> 10
		t.Logf("%s: peak RSS %d MiB", process.Name, peak)
		if peak > bound {
			t.Errorf("%s needed %d MiB, promised are %d", process.Name, peak, bound)
		}
	}
	in.Terminate(t)
}
