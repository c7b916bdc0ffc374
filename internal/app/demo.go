package app

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/spanmill/spanmill/internal/demo"
	"github.com/spanmill/spanmill/internal/demo/ledger"
	"github.com/spanmill/spanmill/internal/demo/sender"
	"github.com/spanmill/spanmill/internal/service"
)

// demoCommand sends traces that the demo package makes.
type demoCommand struct {
	Addresses string `help:"Addresses file of a running 'spanmill up'." type:"path"`
	DataDir   string `help:"Data directory of a running 'spanmill up'." default:"spanmill-data" type:"path"`
	Endpoint  string `help:"OTLP/HTTP traces endpoint to send to instead, such as http://host:4318/v1/traces." placeholder:"URL"`
	KeyFile   string `help:"File with the API key to send." type:"path"`
	Tenant    string `help:"Tenant that the key belongs to; a ledger remembers it." default:"default"`

	Spans    uint64  `help:"Spans to send; 0 goes on until Ctrl-C."`
	Rate     float64 `help:"Spans a second; 0 is as fast as they are taken." default:"100"`
	Batch    int     `help:"Spans of one request." default:"512"`
	Workers  int     `help:"Requests under way at once." default:"4"`
	Gzip     bool    `help:"Compress requests."`
	Seed     uint64  `help:"What to make: the same seed and start make the same traces; 0 draws one."`
	Start    string  `help:"When the first trace starts (RFC 3339); now if empty."`
	SpanSize int     `help:"About how many bytes a span has." default:"1100"`
	Ledger   string  `help:"File to keep the ledger of what was sent in; an existing one is continued. Of a population: what must be told, written once it is." type:"path"`
	Check    bool    `help:"Print the resolved configuration and exit."`

	People populationFlags `embed:""`
}

// Run implements the command.
func (d *demoCommand) Run(c *console, k commandLine) error {
	if d.Check {
		return printConfig(c.out, k)
	}
	if d.People.Users > 0 || d.People.Assumed != "" {
		return d.population(c)
	}
	book, err := d.open()
	if err != nil {
		return err
	}
	defer book.Close()
	generator, err := demo.NewGenerator(book.Options())
	if err != nil {
		return err
	}
	cfg, err := d.sendConfig(c)
	if err != nil {
		return err
	}
	ctx, stop := service.Signals(context.Background(), slog.New(slog.DiscardHandler))
	defer stop()
	fmt.Fprintf(c.err, "sending to %s, seed %d\n", cfg.URL, book.Options().Seed)
	totals, err := sender.Send(ctx, generator, book, cfg)
	fmt.Fprintln(c.err)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "%d spans acked, %d refused, %d in doubt, %d retries, in %s\n",
		totals.Acked, totals.Refused, totals.Doubt, totals.Retries, totals.Elapsed.Round(time.Millisecond))
	return err
}

// open gives the ledger to go on with, or a new one.
func (d *demoCommand) open() (*ledger.Ledger, error) {
	start := time.Now()
	if d.Start != "" {
		var err error
		if start, err = time.Parse(time.RFC3339, d.Start); err != nil {
			return nil, fmt.Errorf("start time: %w", err)
		}
	}
	seed := d.Seed
	if seed == 0 {
		seed = uint64(start.UnixNano())
	}
	options := demo.DefaultOptions(seed, start)
	options.SpanBytes, options.Tenant = d.SpanSize, d.Tenant
	if err := options.Validate(); err != nil {
		return nil, err
	}
	if d.Ledger == "" {
		return ledger.New(options), nil
	}
	return ledger.Open(d.Ledger, options)
}

func (d *demoCommand) sendConfig(c *console) (sender.Config, error) {
	url := d.Endpoint
	if url == "" {
		a, err := readAddresses(addressesPath(d.Addresses, d.DataDir))
		if err != nil {
			return sender.Config{}, err
		}
		url = "http://" + a.OTLPHTTP + "/v1/traces"
	}
	cfg := sender.DefaultConfig(url)
	cfg.Spans, cfg.Rate, cfg.BatchSpans = d.Spans, d.Rate, d.Batch
	cfg.Workers, cfg.Gzip = d.Workers, d.Gzip
	cfg.Progress, cfg.ProgressEvery = progressLine(c, d.Spans), time.Second
	key, err := apiKey(d.KeyFile)
	if err != nil {
		return cfg, err
	}
	if key != "" {
		cfg.Header = http.Header{}
		cfg.Header.Set("Authorization", "Bearer "+key)
	}
	return cfg, cfg.Validate()
}

// progressLine rewrites one line with how far sending is.
func progressLine(c *console, want uint64) func(sender.Totals) {
	return func(t sender.Totals) {
		of := ""
		if want > 0 {
			of = fmt.Sprintf(" of %d", want)
		}
		problem := ""
		if t.LastProblem != "" {
			problem = ", last problem: " + t.LastProblem
		}
		fmt.Fprintf(c.err, "\r%d%s spans acked, %.0f a second, %d retries%s\033[K",
			t.Acked, of, float64(t.Acked)/max(t.Elapsed.Seconds(), 1e-3), t.Retries, problem)
	}
}
