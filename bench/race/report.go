package race

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spanmill/spanmill/bench/load"
)

// measure is a row of the table.
type measure struct {
	name  string
	value func(figures) float64
	// digits behind the point.
	digits int
	// ratio: say how many times the first side's figure the second's is.
	ratio bool
}

// measures in the order of the table. Spans of stage 2 are those of stage 1 and
// the paced ones before it.
func measures() []measure {
	all := func(f figures) uint64 { return f.flood.Spans + f.paced.Spans }
	latency := func(of func(figures) load.Result, q float64) func(figures) float64 {
		return func(f figures) float64 { return of(f).Latencies.Quantile(q).Seconds() * 1000 }
	}
	// Stage 1 and stage 2 have different spans: a sum is of what a span costs.
	total := func(f figures) float64 {
		return perMillion(f.loading.gateway+f.loading.kafka, f.flood.Spans) +
			perMillion(f.draining.writer+f.draining.kafka+f.settled.engine, all(f))
	}
	flood, paced := func(f figures) load.Result { return f.flood }, func(f figures) load.Result { return f.paced }
	const mib = 1 << 20
	return []measure{
		{"**gateway**, CPU-s per million spans", func(f figures) float64 { return perMillion(f.loading.gateway, f.flood.Spans) }, 2, true},
		{"Kafka meanwhile, CPU-s per million spans", func(f figures) float64 { return perMillion(f.loading.kafka, f.flood.Spans) }, 2, true},
		{"spans acked a second", func(f figures) float64 { return f.flood.Rate() }, 0, false},
		{"ack p50, ms, closed loop", latency(flood, 0.5), 1, false},
		{"ack p99, ms, closed loop", latency(flood, 0.99), 1, false},
		{"ack p99.9, ms, closed loop", latency(flood, 0.999), 1, false},
		{"ack p50, ms, open loop", latency(paced, 0.5), 1, false},
		{"ack p99, ms, open loop", latency(paced, 0.99), 1, false},
		{"ack p99.9, ms, open loop", latency(paced, 0.999), 1, false},
		{"gateway, peak RSS, MiB", func(f figures) float64 { return float64(f.gatewayPeak) / mib }, 0, false},
		{"**writer**, CPU-s per million spans", func(f figures) float64 { return perMillion(f.draining.writer, all(f)) }, 2, true},
		{"Kafka meanwhile, CPU-s per million spans", func(f figures) float64 { return perMillion(f.draining.kafka, all(f)) }, 2, true},
		{"ClickHouse until the rows are there, CPU-s per million spans", func(f figures) float64 { return perMillion(f.draining.engine, all(f)) }, 2, true},
		{"**ClickHouse, merges included**, CPU-s per million spans", func(f figures) float64 { return perMillion(f.settled.engine, all(f)) }, 2, true},
		{"**all of these**, CPU-s per million spans", total, 2, true},
		{"rows written a second", func(f figures) float64 { return float64(f.found.Rows) / max(f.drained.Seconds(), 1e-9) }, 0, false},
		{"writer, peak RSS, MiB", func(f figures) float64 { return float64(f.writerPeak) / mib }, 0, false},
		{"ClickHouse, peak RSS, MiB", func(f figures) float64 { return float64(f.enginePeak) / mib }, 0, false},
		{"Kafka, peak RSS, MiB", func(f figures) float64 { return float64(f.kafkaPeak) / mib }, 0, false},
		{"bytes on disk a row, all tables", func(f figures) float64 { return float64(f.bytes) / float64(max(f.found.Rows, 1)) }, 0, false},
		{"spans acked", func(f figures) float64 { return float64(f.found.Acked) }, 0, false},
		{"rows found", func(f figures) float64 { return float64(f.found.Rows) }, 0, false},
		{"acked and not found", func(f figures) float64 { return float64(f.found.Missing) }, 0, false},
		{"found more than once", func(f figures) float64 { return float64(f.found.Doubled) }, 0, false},
		{"requests sent again", func(f figures) float64 { return float64(f.flood.Retries + f.paced.Retries) }, 0, false},
		{"other programs meanwhile, processors, stage 1", func(f figures) float64 { return processors(f.loading) }, 2, false},
		{"other programs meanwhile, processors, stage 2", func(f figures) float64 { return processors(f.settled) }, 2, false},
	}
}

func processors(c cost) float64 { return c.others.Seconds() / max(c.elapsed.Seconds(), 1e-9) }

// table renders rounds as Markdown: the median of a side's rounds, and the
// range in parentheses where there is one.
func table(sides []side, results [][]figures) string {
	var b strings.Builder
	b.WriteString("| |")
	for i, s := range sides {
		fmt.Fprintf(&b, " %s, rounds: %d |", s.name, len(results[i]))
	}
	if len(sides) == 2 {
		b.WriteString(" times |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---:|", len(sides)+len(sides)/2) + "\n")
	for _, m := range measures() {
		fmt.Fprintf(&b, "| %s |", m.name)
		var medians []float64
		for _, rounds := range results {
			s := spreadOf(rounds, m.value)
			medians = append(medians, s.median)
			fmt.Fprintf(&b, " %s |", s.text(m.digits))
		}
		switch {
		case len(sides) < 2:
		case m.ratio && medians[0] > 0:
			fmt.Fprintf(&b, " %.1f× |", medians[1]/medians[0])
		default:
			b.WriteString(" |")
		}
		b.WriteString("\n")
	}
	return b.String()
}

func (s spread) text(digits int) string {
	median, least, most := fmt.Sprintf("%.*f", digits, s.median), fmt.Sprintf("%.*f", digits, s.least), fmt.Sprintf("%.*f", digits, s.most)
	if least == most {
		return median
	}
	return fmt.Sprintf("%s (%s–%s)", median, least, most)
}

// report is the table with all that it depends on.
func (r *race) report(ctx context.Context, sides []side, results [][]figures, t load.Traits) string {
	o := r.options
	protocol := "HTTP"
	if o.GRPC {
		protocol = "gRPC"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s; %s.\n", r.began.UTC().Format(time.DateOnly), hardware())
	fmt.Fprintf(&b, "%s; Apache Kafka %s; ClickHouse %s (the engine of `spanmill up` with %d MiB, a new one for each round)",
		r.version(ctx), r.broker.Version, r.clickhouse, o.EngineMiB)
	if len(sides) == 2 {
		fmt.Fprintf(&b, "; OpenTelemetry %s", version(ctx, sides[1].gateway(places{}).Path))
	}
	fmt.Fprintf(&b, ".\nBodies: %.0f bytes a span, zstd-3 ratio %.2f over 1 MiB, no message repeated. Closed loop: %d spans a round", t.SpanBytes, t.Ratio, o.Spans)
	if len(sides) == 2 && o.peerSpans() != o.Spans {
		fmt.Fprintf(&b, " (peer: %d)", o.peerSpans())
	}
	fmt.Fprintf(&b, " by OTLP/%s, %d a request, %d requests at once. Open loop, before it: %d spans, %d a request, %.0f spans a second.\n",
		protocol, o.Batch, o.Workers, o.PacedSpans, o.PacedBatch, o.PacedRate)
	fmt.Fprintf(&b, "Kafka: %d partitions, acks=all, %s.", o.Partitions, o.Codec)
	if len(sides) == 2 {
		fmt.Fprintf(&b, " Peer: a trace in one partition %t, %d rows an insert, async_insert %t.", o.PeerByTrace, o.PeerRows, o.PeerAsync)
	}
	b.WriteString("\n\n" + table(sides, results))
	for i, s := range sides {
		for n, f := range results[i] {
			if !f.mergesOver {
				fmt.Fprintf(&b, "\nRound %d of %s: merges were not over when the measurement ended.\n", n+1, s.name)
			}
		}
	}
	return b.String()
}

// version is what our own binaries say of themselves.
func (r *race) version(ctx context.Context) string {
	return "spanmill " + version(ctx, filepath.Join(r.options.Root, "bin", "ingest-gateway"))
}

func version(ctx context.Context, program string) string {
	out, err := exec.CommandContext(ctx, program, "--version").Output()
	if err != nil {
		return "of an unknown version"
	}
	return string(bytes.TrimSpace(out))
}

// hardware says what the machine is.
func hardware() string {
	model := "unknown processor"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, rest, found := strings.Cut(string(text), "model name"); found {
			line, _, _ := strings.Cut(rest, "\n")
			model = strings.TrimLeft(line, "\t :")
		}
	}
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease") // its absence is said by its absence
	return fmt.Sprintf("%s, %d processors, %s memory, Linux %s, %s", model, runtime.NumCPU(), memory(), bytes.TrimSpace(kernel), runtime.Version())
}

func memory() string {
	text, _ := os.ReadFile("/proc/meminfo") // as above
	var kib int64
	if _, err := fmt.Sscanf(string(text), "MemTotal: %d kB", &kib); err != nil {
		return "unknown"
	}
	return fmt.Sprintf("%.0f GiB", float64(kib)/(1<<20))
}
