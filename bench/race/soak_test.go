//go:build soak

package race

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spanmill/spanmill/tests/e2e/harness"
)

// TestSoakRace is a small race of both sides: it ends, finds all of our rows
// and has profiles. bin/ has to be built, as make does before this test.
func TestSoakRace(t *testing.T) {
	o := Options{
		Root: harness.Root(t), Rounds: 1, Spans: 20_000, WarmSpans: 2000, Batch: 512, Workers: 4, PacedSpans: 2000, PacedRate: 2000,
		PacedBatch: 50, Partitions: 12, Codec: "snappy", EngineMiB: 2048, Seed: 1, Peer: true, PeerByTrace: true, PeerRows: 30_000, PeerAsync: true,
		GRPC: true, Profile: t.TempDir(),
	}
	var report bytes.Buffer
	if err := Run(t.Context(), o, &report, t.Output()); err != nil {
		t.Fatal(err)
	}
	t.Log(report.String())
	for _, line := range []string{"| spans acked | 22000 | 22000 |", "| rows found | 22000 | 22000 |", "| acked and not found | 0 |", "| found more than once | 0 |"} {
		if !strings.Contains(report.String(), line) {
			t.Errorf("the report lacks %q", line)
		}
	}
}
