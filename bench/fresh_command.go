package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/spanmill/spanmill/bench/load"
	"github.com/spanmill/spanmill/internal/demo"
)

// freshCommand measures how fresh live metrics are: from a client's 200 to the
// value on the API, while a load goes on.
type freshCommand struct {
	URL     string        `arg:"" help:"Where to send: http://host:port/v1/traces."`
	API     string        `arg:"" help:"Where metrics are asked for: http://host:port."`
	Rate    float64       `help:"Spans a second of the load beside it; 0: none." default:"10000"`
	For     time.Duration `help:"How long." default:"30s"`
	Every   time.Duration `help:"Pause between two probes." default:"200ms"`
	Poll    time.Duration `help:"Pause between two questions of a probe." default:"20ms"`
	Workers int           `help:"Requests of the load under way at once." default:"4"`
}

// patience is how long a probe waits for its value.
const patience = 30 * time.Second

// Run implements the command.
func (f *freshCommand) Run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var running sync.WaitGroup
	if f.Rate > 0 {
		bodies, err := f.bodies()
		if err != nil {
			return err
		}
		client := load.NewHTTP(f.URL, f.Workers)
		defer client.Close()
		running.Go(func() { // ends when all is sent, or with ctx
			cfg := load.DefaultConfig()
			cfg.Workers, cfg.Rate = f.Workers, f.Rate
			if result, err := load.Send(ctx, bodies, client, cfg); err != nil && ctx.Err() == nil {
				stop(err)
			} else if err == nil {
				fmt.Printf("load: %d spans acked, %.0f a second\n", result.Spans, result.Rate())
			}
		})
	}
	waits, err := f.probes(ctx)
	running.Wait()
	if err != nil {
		return err
	}
	slices.Sort(waits)
	quantile := func(q float64) time.Duration { return waits.Quantile(q).Round(time.Millisecond) }
	fmt.Printf("freshness, from a 200 to the value on the API: p50 %s, p90 %s, p99 %s, most %s; %d probes, asked every %s\n",
		quantile(0.5), quantile(0.9), quantile(0.99), quantile(1), len(waits), f.Poll)
	return nil
}

// bodies are the load's.
func (f *freshCommand) bodies() ([]load.Body, error) {
	now := time.Now()
	generator, err := demo.NewGenerator(demo.DefaultOptions(uint64(now.UnixNano()), now))
	if err != nil {
		return nil, err
	}
	return load.Make(generator, generator.NewCursor(demo.Position{}, uint64(f.Rate*f.For.Seconds())), 512), nil
}

// probes sends a span of a service of its own again and again, and waits for each.
func (f *freshCommand) probes(ctx context.Context) (load.Latencies, error) {
	client := load.NewHTTP(f.URL, 8)
	defer client.Close()
	var (
		mu    sync.Mutex
		waits load.Latencies
		errs  error
		all   sync.WaitGroup
	)
	tick := time.NewTicker(f.Every)
	defer tick.Stop()
	run := letters(time.Now().UnixMilli())
	for began := time.Now(); time.Since(began) < f.For; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		service := "probe-" + run + "-" + letters(int64(len(waits)))
		mu.Lock()
		at := len(waits)
		waits = append(waits, 0)
		mu.Unlock()
		all.Go(func() { // ends with its value, or its patience
			wait, err := f.probe(ctx, client, service)
			mu.Lock()
			defer mu.Unlock()
			waits[at], errs = wait, errors.Join(errs, err)
		})
	}
	all.Wait()
	return waits, errs
}

// letters writes a number so that names are told apart: digits in them are not.
// No run may find the probes of one before it.
func letters(n int64) string {
	text := []byte{byte('a' + n%26)}
	for n /= 26; n > 0; n /= 26 {
		text = append(text, byte('a'+n%26))
	}
	return string(text)
}

// probe sends one span and waits until the API has it.
func (f *freshCommand) probe(ctx context.Context, client load.Client, service string) (time.Duration, error) {
	if err := client.Post(ctx, probeBody(service)); err != nil {
		return 0, fmt.Errorf("send a probe: %w", err)
	}
	acked := time.Now()
	for time.Since(acked) < patience {
		found, err := f.found(ctx, service)
		if err != nil {
			return 0, err
		}
		if found {
			return time.Since(acked), nil
		}
		select {
		case <-time.After(f.Poll):
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
	return 0, fmt.Errorf("the span of %s is not on the API after %s", service, patience)
}

func (f *freshCommand) found(ctx context.Context, service string) (bool, error) {
	at := strings.TrimRight(f.API, "/") + "/api/v1/metrics/query?metric=spans&view=service&stat=count&window=5m&label.service=" + url.QueryEscape(service)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at, http.NoBody)
	if err != nil {
		return false, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false, fmt.Errorf("ask for a probe: %w", err)
	}
	defer response.Body.Close()
	var answer struct {
		Series []json.RawMessage `json:"series"`
	}
	if response.StatusCode == http.StatusServiceUnavailable {
		return false, nil // others ask; come again
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || response.StatusCode != http.StatusOK {
		return false, fmt.Errorf("ask for a probe: %s, %w", response.Status, err)
	}
	return len(answer.Series) == 1, nil
}

// probeBody is a request of one span that ended just now.
func probeBody(service string) []byte {
	now := uint64(time.Now().UnixNano())
	id := fmt.Appendf(nil, "%016x", now)
	body, err := proto.Marshal(&collectorpb.ExportTraceServiceRequest{ResourceSpans: []*tracepb.ResourceSpans{{
		Resource: &resourcepb.Resource{Attributes: []*commonpb.KeyValue{{
			Key: "service.name", Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: service}},
		}}},
		ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{{
			TraceId: id, SpanId: id[8:], Name: "probe", StartTimeUnixNano: now - 1e6, EndTimeUnixNano: now,
		}}}},
	}}})
	if err != nil {
		panic(err) // a message of our own
	}
	return body
}
