package race

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spanmill/spanmill/bench/load"
	"github.com/spanmill/spanmill/bench/machine"
	"github.com/spanmill/spanmill/internal/demo"
)

// Options of a race.
type Options struct {
	Root string `help:"Folder of the module, with bin/ built." default:"." type:"path"`

	Rounds     int     `help:"Rounds of each side that count." default:"3"`
	Spans      uint64  `help:"Spans that a round sends as fast as they are acked." default:"1000000"`
	PeerSpans  uint64  `help:"Spans of a round of the peer; 0: as many." default:"0"`
	WarmSpans  uint64  `help:"Spans of a round of each side beforehand that does not count." default:"150000"`
	Batch      int     `help:"Spans of one request." default:"512"`
	Workers    int     `help:"Requests under way at once." default:"4"`
	GRPC       bool    `name:"grpc" help:"Send by OTLP/gRPC instead of OTLP/HTTP."`
	PacedSpans uint64  `help:"Spans that a round sends first, in an open loop: latency at a load that is easy." default:"20000"`
	PacedRate  float64 `help:"Spans a second of that open loop." default:"4000"`
	PacedBatch int     `help:"Spans of one of its requests." default:"50"`
	Partitions int     `help:"Partitions of the topic." default:"12"`
	Codec      string  `help:"Compression in Kafka." default:"snappy"`
	EngineMiB  int64   `name:"clickhouse-mib" help:"MiB of memory that ClickHouse may have." default:"4096"`
	Seed       uint64  `help:"What to make: the same seed makes the same spans." default:"1"`

	Peer        bool `help:"Measure the Collector too." default:"true" negatable:""`
	PeerByTrace bool `help:"The peer keeps a trace in one partition, as we do." default:"true" negatable:""`
	PeerRows    int  `help:"Rows of an insert of the peer." default:"30000"`
	PeerAsync   bool `help:"The peer's async_insert, its default." default:"true" negatable:""`

	Out     string `help:"File for the report, beside standard output." type:"path"`
	Profile string `help:"Folder for CPU profiles of our gateway and writer, from one more round that does not count." type:"path"`
}

func (o Options) validate() error {
	var errs []error
	if o.Rounds < 1 || o.Batch < 1 || o.Workers < 1 || o.Partitions < 1 || o.PeerRows < 1 || o.PacedRate <= 0 || o.PacedBatch < 1 {
		errs = append(errs, errors.New("rounds, batch, workers, partitions, rows and rate must be at least 1"))
	}
	if min(o.Spans, o.peerSpans()) < uint64(o.Batch) {
		errs = append(errs, errors.New("a round has less spans than one request"))
	}
	return errors.Join(errs...)
}

func (o Options) peerSpans() uint64 {
	if o.PeerSpans == 0 {
		return o.Spans
	}
	return o.PeerSpans
}

// race is what all rounds share.
type race struct {
	options    Options
	generator  *demo.Generator
	paced      []load.Body // what each round sends first
	flood      []load.Body // and then: the first of these
	broker     *machine.Broker
	library    string // of the engine
	folder     string // for everything that is written
	progress   io.Writer
	began      time.Time
	clickhouse string // version
}

// Run measures and writes the report to out, and what goes on to progress.
func Run(ctx context.Context, o Options, out, progress io.Writer) (err error) {
	if err := o.validate(); err != nil {
		return err
	}
	r := &race{options: o, progress: progress, began: time.Now()}
	sides, err := r.sides(ctx)
	if err != nil {
		return err
	}
	if r.library, err = machine.FindEngine(); err != nil {
		return err
	}
	traits, err := r.make()
	if err != nil {
		return err
	}
	if r.folder, err = os.MkdirTemp("", "spanmill-bench-*"); err != nil {
		return err
	}
	defer os.RemoveAll(r.folder)
	r.sayf("starting Kafka")
	if r.broker, err = machine.StartBroker(ctx, o.Root, r.folder); err != nil {
		return err
	}
	defer r.broker.Stop()
	results, failed := r.rounds(ctx, sides)
	if len(results[len(sides)-1]) == 0 {
		return failed
	}
	// What was measured before a failure is worth its minutes.
	report := r.report(context.WithoutCancel(ctx), sides, results, traits)
	if o.Out != "" {
		if err := os.WriteFile(o.Out, []byte(report), 0o600); err != nil {
			return err
		}
	}
	if _, err := io.WriteString(out, report); err != nil || failed != nil || o.Profile == "" {
		return errors.Join(failed, err)
	}
	return r.profile(ctx, sides[0], results[0])
}

func (r *race) sides(ctx context.Context) ([]side, error) {
	sides := []side{spanmill(r.options)}
	if !r.options.Peer {
		return sides, nil
	}
	out, err := exec.CommandContext(ctx, filepath.Join(r.options.Root, "scripts", "collector.sh")).Output()
	if err != nil {
		return nil, fmt.Errorf("collector.sh: %w", err)
	}
	return append(sides, collector(r.options, strings.TrimSpace(string(out)))), nil
}

// make makes what all rounds send.
func (r *race) make() (load.Traits, error) {
	o := r.options
	var err error
	if r.generator, err = demo.NewGenerator(demo.DefaultOptions(o.Seed, r.began)); err != nil {
		return load.Traits{}, err
	}
	r.paced = load.Make(r.generator, r.generator.NewCursor(demo.Position{}, o.PacedSpans), o.PacedBatch)
	from := demo.Position{}
	if len(r.paced) > 0 {
		from = r.paced[len(r.paced)-1].To
	}
	r.flood = load.Make(r.generator, r.generator.NewCursor(from, max(o.Spans, o.peerSpans(), o.WarmSpans)), o.Batch)
	traits, err := load.Describe(r.flood)
	r.sayf("made %d spans in %d requests: %.0f bytes a span, zstd-3 ratio %.2f", traits.Spans, traits.Requests, traits.SpanBytes, traits.Ratio)
	return traits, err
}

// rounds takes turns, ABAB. With an error it gives the rounds before it.
func (r *race) rounds(ctx context.Context, sides []side) ([][]figures, error) {
	spans := []uint64{r.options.Spans, r.options.peerSpans()}
	results := make([][]figures, len(sides))
	for _, s := range sides {
		if r.options.WarmSpans > 0 {
			warm := &round{race: r, side: s, name: "warm-" + s.name, flood: first(r.flood, r.options.WarmSpans)}
			r.sayf("warm-up of %s", s.name)
			if _, err := warm.run(ctx); err != nil {
				return results, err
			}
		}
	}
	for n := range r.options.Rounds {
		for i, s := range sides {
			r.sayf("round %d of %d: %s", n+1, r.options.Rounds, s.name)
			turn := &round{
				race: r, side: s, name: fmt.Sprintf("round-%d-%s", n+1, s.name),
				paced: r.paced, flood: first(r.flood, spans[i]),
			}
			f, err := turn.run(ctx)
			if err != nil {
				return results, err
			}
			results[i] = append(results[i], f)
		}
	}
	return results, nil
}

// profile runs one more round.
func (r *race) profile(ctx context.Context, s side, earlier []figures) error {
	if err := os.MkdirAll(r.options.Profile, 0o750); err != nil {
		return err
	}
	r.sayf("one more round, for CPU profiles")
	turn := &round{race: r, side: s, name: "profile", flood: first(r.flood, r.options.Spans), profiles: newProfiles(r.options.Profile, earlier)}
	if _, err := turn.run(ctx); err != nil {
		return err
	}
	flame := exec.CommandContext(ctx, filepath.Join(r.options.Root, "scripts", "flame.sh"),
		filepath.Join(r.options.Profile, "gateway.pprof"), filepath.Join(r.options.Profile, "writer.pprof"))
	flame.Stderr = r.progress
	if err := flame.Run(); err != nil {
		return fmt.Errorf("flame.sh: %w", err)
	}
	return nil
}

// first gives the requests with the first so many spans.
func first(bodies []load.Body, spans uint64) []load.Body {
	n := uint64(0)
	at := slices.IndexFunc(bodies, func(b load.Body) bool {
		n += uint64(b.Spans)
		return n > spans
	})
	if at < 0 {
		return bodies
	}
	return bodies[:at]
}

// sayf tells what goes on.
func (r *race) sayf(format string, args ...any) {
	fmt.Fprintf(r.progress, "%4.0fs %s\n", time.Since(r.began).Seconds(), fmt.Sprintf(format, args...))
}
