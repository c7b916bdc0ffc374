package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spanmill/spanmill/bench/load"
	"github.com/spanmill/spanmill/internal/demo"
	"github.com/spanmill/spanmill/internal/demo/ledger"
)

// loadCommand is the load generator alone.
type loadCommand struct {
	URL     string  `arg:"" help:"Where to: http://host:port/v1/traces, or host:port with --grpc."`
	GRPC    bool    `name:"grpc" help:"Send by OTLP/gRPC."`
	Spans   uint64  `help:"Spans to send." default:"100000"`
	Batch   int     `help:"Spans of one request." default:"512"`
	Workers int     `help:"Requests under way at once." default:"4"`
	Rate    float64 `help:"Spans a second, an open loop; 0: as fast as they are acked."`
	Seed    uint64  `help:"What to make; 0 draws one."`
	Ledger  string  `help:"File that keeps what was acked, for 'spanmill ledger'." type:"path"`
}

// Run implements the command.
func (l *loadCommand) Run(ctx context.Context) (err error) {
	now := time.Now()
	if l.Seed == 0 {
		l.Seed = uint64(now.UnixNano())
	}
	book := ledger.New(demo.DefaultOptions(l.Seed, now))
	if l.Ledger != "" {
		if book, err = ledger.Open(l.Ledger, book.Options()); err != nil {
			return err
		}
		defer book.Close()
	}
	generator, err := demo.NewGenerator(book.Options())
	if err != nil {
		return err
	}
	bodies := load.Make(generator, generator.NewCursor(book.End(), l.Spans), l.Batch)
	traits, err := load.Describe(bodies)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%d spans in %d requests, %.0f bytes a span, zstd-3 ratio %.2f\n", traits.Spans, traits.Requests, traits.SpanBytes, traits.Ratio)
	var client load.Client = load.NewHTTP(l.URL, l.Workers)
	if l.GRPC {
		if client, err = load.NewGRPC(l.URL); err != nil {
			return err
		}
	}
	defer client.Close()
	cfg := load.DefaultConfig()
	cfg.Workers, cfg.Rate, cfg.Ledger = l.Workers, l.Rate, book
	result, err := load.Send(ctx, bodies, client, cfg)
	if err != nil {
		return err
	}
	quantile := func(q float64) time.Duration { return result.Latencies.Quantile(q).Round(100 * time.Microsecond) }
	fmt.Printf("%d spans acked, %.0f a second; ack p50 %s, p99 %s, p99.9 %s, most %s; %d requests, %d sent again\n",
		result.Spans, result.Rate(), quantile(0.5), quantile(0.99), quantile(0.999), quantile(1), result.Requests, result.Retries)
	return nil
}
