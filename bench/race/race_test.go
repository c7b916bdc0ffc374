package race

import (
	"strings"
	"testing"
	"time"

	"github.com/spanmill/spanmill/bench/load"
	"github.com/spanmill/spanmill/internal/demo"
	"github.com/spanmill/spanmill/internal/demo/oracle"
	"github.com/spanmill/spanmill/internal/testkit"
)

// canned is a round in which everything took as long as cpu, of a million spans.
func canned(cpu time.Duration) figures {
	c := cost{gateway: cpu, writer: 2 * cpu, kafka: cpu / 2, engine: 4 * cpu, others: time.Second, elapsed: 4 * time.Second}
	return figures{
		paced:   load.Result{Spans: 200_000, Latencies: load.Latencies{2 * time.Millisecond, 9 * time.Millisecond}},
		flood:   load.Result{Spans: 1_000_000, Elapsed: 10 * time.Second, Latencies: load.Latencies{cpu / 100, cpu / 10}, Retries: 1},
		loading: c, draining: c, settled: cost{engine: 8 * cpu, others: time.Second, elapsed: 2 * time.Second},
		drained: 20 * time.Second, mergesOver: true,
		gatewayPeak: 100 << 20, writerPeak: 300 << 20, kafkaPeak: 900 << 20, enginePeak: 600 << 20,
		found: &oracle.Report{Acked: 1_200_000, Rows: 1_200_000}, bytes: 240_000_000,
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	lossy := canned(16 * time.Second)
	lossy.found = &oracle.Report{Acked: 1_200_000, Rows: 1_199_000, Missing: 1001, Doubled: 1}
	sides := []side{{name: "A"}, {name: "B"}}
	results := [][]figures{
		{canned(4 * time.Second), canned(5 * time.Second), canned(3 * time.Second)},
		{canned(12 * time.Second), lossy},
	}
	testkit.Golden(t, "table.md", []byte(table(sides, results)+"\n"+table(sides[:1], results[:1])))
}

func TestReadingsSubtract(t *testing.T) {
	t.Parallel()
	began := time.Now()
	from := reading{cost: cost{gateway: 1, writer: 2, kafka: 3, engine: 4}, self: 5, busy: 100, at: began}
	to := reading{cost: cost{gateway: 11, writer: 22, kafka: 33, engine: 44}, self: 55, busy: 300, at: began.Add(time.Second)}
	want := cost{gateway: 10, writer: 20, kafka: 30, engine: 40, others: 200 - 10 - 20 - 30 - 40 - 50, elapsed: time.Second}
	if got := to.since(from); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestFirstRequestsOfSoManySpans(t *testing.T) {
	t.Parallel()
	all := []load.Body{{Piece: demo.Piece{Spans: 10}}, {Piece: demo.Piece{Spans: 10}}, {Piece: demo.Piece{Spans: 10}}}
	for spans, want := range map[uint64]int{0: 0, 9: 0, 10: 1, 29: 2, 30: 3, 1000: 3} {
		if got := len(first(all, spans)); got != want {
			t.Errorf("%d spans are %d requests, want %d", spans, got, want)
		}
	}
}

func TestOptionsThatCannotWork(t *testing.T) {
	t.Parallel()
	good := Options{Rounds: 1, Spans: 1000, Batch: 100, Workers: 1, Partitions: 1, PeerRows: 1, PacedRate: 1, PacedBatch: 1}
	if err := good.validate(); err != nil {
		t.Error(err)
	}
	none, small := good, good
	none.Rounds = 0
	small.PeerSpans = 99
	for name, o := range map[string]Options{"no rounds": none, "less than a request": small} {
		if o.validate() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestProfilesEndBeforeTheirStage(t *testing.T) {
	t.Parallel()
	earlier := []figures{canned(time.Second), canned(time.Second)}
	earlier[1].drained = 10 * time.Second
	p := newProfiles(t.TempDir(), earlier)
	if p.seconds["gateway"] != 8 || p.seconds["writer"] != 8 {
		t.Errorf("profiles of %v seconds, want 8 of the shortest stages, 10", p.seconds)
	}
	if strings.Contains(p.dir, "gateway") || (*profiles)(nil).begin(t.Context(), "gateway", "")() != nil {
		t.Error("no profiles: there must be nothing to wait for")
	}
}
