package mlflow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spanmill/spanmill/bench/machine"
)

// Options of a run.
type Options struct {
	Root string `help:"Folder of the module, with bin/ built." default:"." type:"path"`

	Traces      int    `help:"Traces of eight spans that ours gets." default:"30000"`
	PeerTraces  int    `help:"Traces that the real server gets." default:"500"`
	WarmTraces  int    `help:"Traces to each beforehand that do not count." default:"200"`
	Connections int    `help:"Traces under way at once." default:"32"`
	Partitions  int    `help:"Partitions of our topics; the default is that of spanmill up, which is what takes the place of one server." default:"4"`
	PeerWorkers int    `help:"Workers of the real server." default:"4"`
	EngineMiB   int64  `name:"clickhouse-mib" help:"MiB of memory that ClickHouse may have." default:"4096"`
	Seed        uint64 `help:"What to make: the same seed makes the same traces." default:"1"`
	Peer        bool   `help:"Measure the real server too." default:"true" negatable:""`
	Out         string `help:"File for the report, beside standard output." type:"path"`
}

func (o Options) validate() error {
	if o.Traces < 1 || o.PeerTraces < 1 || o.WarmTraces < 1 || o.Connections < 1 || o.PeerWorkers < 1 || o.Partitions < 1 {
		return errors.New("traces, connections, partitions and workers must be at least 1")
	}
	return nil
}

// measured is what a side gave.
type measured struct {
	name    string
	traces  int
	bytes   float64 // of a trace's requests
	sent    replayed
	used    map[string]time.Duration // by part
	others  time.Duration            // of all else on the machine but this process
	elapsed time.Duration
}

// Run measures both and writes the report to out, and what goes on to progress.
func Run(ctx context.Context, o Options, out, progress io.Writer) error {
	if err := o.validate(); err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "spanmill-bench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	all := []measured{{name: "spanmill", traces: o.Traces}}
	starts := []func(context.Context, Options, string) (side, error){startPipeline}
	if o.Peer {
		all = append(all, measured{name: "mlflow server", traces: o.PeerTraces})
		starts = append(starts, startPeer)
	}
	for i := range all {
		fmt.Fprintf(progress, "%s: starting\n", all[i].name)
		if err := all[i].measure(ctx, o, starts[i], filepath.Join(folder, fmt.Sprint(i))); err != nil {
			return fmt.Errorf("%s: %w", all[i].name, err)
		}
		fmt.Fprintf(progress, "%s: %d traces in %s\n", all[i].name, all[i].traces, all[i].sent.elapsed.Round(time.Millisecond))
	}
	text := report(o, all)
	if o.Out != "" {
		if err := os.WriteFile(o.Out, []byte(text), 0o600); err != nil {
			return err
		}
	}
	_, err = io.WriteString(out, text)
	return err
}

// measure runs one side from its start to its end.
func (m *measured) measure(ctx context.Context, o Options, start func(context.Context, Options, string) (side, error), dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	s, err := start(ctx, o, dir)
	if err != nil {
		return err
	}
	defer s.stop()
	replay := newReplayer(s.url(), o.Connections)
	defer replay.close()
	if err := replay.createExperiment(ctx, "bench"); err != nil {
		return err
	}
	traces, err := m.make(newMaker(o.Seed, replay.experiment), o.WarmTraces+m.traces)
	if err != nil {
		return err
	}
	if _, err := replay.send(ctx, traces[:o.WarmTraces], o.Connections); err != nil {
		return err
	}
	if err := s.drain(ctx, o.WarmTraces); err != nil {
		return err
	}
	return m.load(ctx, s, func() (replayed, error) { return replay.send(ctx, traces[o.WarmTraces:], o.Connections) }, o.WarmTraces+m.traces)
}

func (m *measured) make(maker *maker, count int) ([]sequence, error) {
	traces := make([]sequence, count)
	size, at := 0, time.Now()
	for i := range traces {
		var err error
		if traces[i], err = maker.trace(at.Add(time.Duration(i) * time.Millisecond)); err != nil {
			return nil, err
		}
		size += len(traces[i].first) + len(traces[i].second) + len(traces[i].info)
	}
	m.bytes = float64(size) / float64(count)
	return traces, nil
}

// load sends what counts, and reads the clocks around it.
func (m *measured) load(ctx context.Context, s side, send func() (replayed, error), total int) error {
	before, err := read(s)
	if err != nil {
		return err
	}
	if m.sent, err = send(); err != nil {
		return err
	}
	if err := s.drain(ctx, total); err != nil {
		return err
	}
	after, err := read(s)
	if err != nil {
		return err
	}
	m.used, m.elapsed = map[string]time.Duration{}, after.at.Sub(before.at)
	m.others = (after.busy - after.self) - (before.busy - before.self)
	for part := range after.used {
		m.used[part] = after.used[part] - before.used[part]
		m.others -= m.used[part]
	}
	return s.check(ctx, total)
}

// reading is the clocks at a moment.
type reading struct {
	used       map[string]time.Duration
	busy, self time.Duration
	at         time.Time
}

func read(s side) (r reading, err error) {
	r.at = time.Now()
	if r.used, err = s.cpu(); err != nil {
		return r, err
	}
	if r.busy, err = machine.Busy(); err != nil {
		return r, err
	}
	r.self, err = machine.CPU(os.Getpid())
	return r, err
}

// perThousand is CPU-seconds per 1,000 traces of all parts that count.
func (m *measured) perThousand() float64 {
	sum := time.Duration(0)
	for part, used := range m.used {
		if part != partKafka {
			sum += used
		}
	}
	return sum.Seconds() * 1000 / float64(m.traces)
}

func report(o Options, all []measured) string {
	var text strings.Builder
	fmt.Fprintf(&text, "The SDK's sequence for a trace of %d spans (5 spans, 3 spans, info: %.0f bytes), %d traces under way at once, %d partitions.\n\n",
		spansOfTrace, all[0].bytes, o.Connections, o.Partitions)
	fmt.Fprintln(&text, "| | traces | CPU-s per 1,000 traces | traces/s | request p50 | p99 | other programs meanwhile |")
	fmt.Fprintln(&text, "|---|---|---|---|---|---|---|")
	for i := range all {
		m := &all[i]
		fmt.Fprintf(&text, "| %s | %d | **%.3f** | %.0f | %s | %s | %.2f processors |\n", m.name, m.traces, m.perThousand(),
			float64(m.traces)/m.sent.elapsed.Seconds(), m.sent.latencies.Quantile(0.5).Round(100*time.Microsecond),
			m.sent.latencies.Quantile(0.99).Round(100*time.Microsecond), m.others.Seconds()/m.elapsed.Seconds())
		for _, part := range slices.Sorted(maps.Keys(m.used)) {
			note := ""
			if part == partKafka {
				note = " (not counted)"
			}
			fmt.Fprintf(&text, "| – %s%s | | %.3f | | | | |\n", part, note, m.used[part].Seconds()*1000/float64(m.traces))
		}
	}
	if len(all) == 2 {
		fmt.Fprintf(&text, "\nRatio: **%.0f** times less CPU a trace.\n", all[1].perThousand()/all[0].perThousand())
	}
	return text.String()
}
