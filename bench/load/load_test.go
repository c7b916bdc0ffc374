package load_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/spanmill/spanmill/bench/load"
	"github.com/spanmill/spanmill/internal/demo"
	"github.com/spanmill/spanmill/internal/demo/ledger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var base = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

func bodies(t *testing.T, spans uint64, batch int) ([]load.Body, *ledger.Ledger) {
	t.Helper()
	o := demo.DefaultOptions(3, base)
	g, err := demo.NewGenerator(o)
	if err != nil {
		t.Fatal(err)
	}
	return load.Make(g, g.NewCursor(demo.Position{}, spans), batch), ledger.New(o)
}

// receiver is a server of either protocol that counts spans, by a decoder that
// is not ours, and refuses request n, from 0, with refuse(n).
type receiver struct {
	ptraceotlp.UnimplementedGRPCServer

	refuse func(n int) error

	mu       sync.Mutex
	requests int
	seen     map[[24]byte]int
}

func (r *receiver) Export(_ context.Context, request ptraceotlp.ExportRequest) (ptraceotlp.ExportResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests++
	answer := ptraceotlp.NewExportResponse()
	if r.refuse != nil {
		if err := r.refuse(r.requests - 1); err != nil {
			return answer, err
		}
	}
	for _, rs := range request.Traces().ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, s := range ss.Spans().All() {
				traceID, spanID := s.TraceID(), s.SpanID()
				r.seen[[24]byte(append(traceID[:], spanID[:]...))]++
			}
		}
	}
	return answer, nil
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return // the client went away
	}
	decoded := ptraceotlp.NewExportRequest()
	if err := decoded.UnmarshalProto(body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer, err := r.Export(request.Context(), decoded)
	switch status.Code(err) {
	case codes.OK:
		text, _ := answer.MarshalProto() // has no way to fail
		_, _ = w.Write(text)
	case codes.Unavailable:
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	default:
		http.Error(w, err.Error(), http.StatusForbidden)
	}
}

// serve starts the receiver and gives a client of it.
func (r *receiver) serve(t *testing.T, protocol string) load.Client {
	t.Helper()
	r.seen = map[[24]byte]int{}
	if protocol == "HTTP" {
		server := httptest.NewServer(r)
		client := load.NewHTTP(server.URL+"/v1/traces", 4)
		t.Cleanup(func() { _ = client.Close(); server.Close() })
		return client
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	ptraceotlp.RegisterGRPCServer(server, r)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }() // ends with Stop
	client, err := load.NewGRPC(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = client.Close()
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return client
}

func quick(book *ledger.Ledger) load.Config {
	cfg := load.DefaultConfig()
	cfg.Backoff, cfg.MaxBackoff, cfg.Ledger = time.Millisecond, time.Millisecond, book
	return cfg
}

// TestAllArriveOnceAndAreInTheLedger, though some requests are told to come
// again.
func TestAllArriveOnceAndAreInTheLedger(t *testing.T) {
	for _, protocol := range []string{"HTTP", "gRPC"} {
		for name, rate := range map[string]float64{"closed": 0, "open": 1e6} {
			t.Run(protocol+" "+name, func(t *testing.T) {
				requests, book := bodies(t, 1000, 64)
				r := &receiver{refuse: func(n int) error {
					if n%5 == 1 {
						return status.Error(codes.Unavailable, "busy")
					}
					return nil
				}}
				cfg := quick(book)
				cfg.Rate = rate
				result, err := load.Send(t.Context(), requests, r.serve(t, protocol), cfg)
				if err != nil {
					t.Fatal(err)
				}
				if result.Spans != 1000 || len(r.seen) != 1000 || result.Requests != 16 || len(result.Latencies) != 16 {
					t.Errorf("%+v; the server saw %d spans", result, len(r.seen))
				}
				if result.Retries != r.requests-16 || result.Retries == 0 {
					t.Errorf("%d retries of %d requests", result.Retries, r.requests)
				}
				acked := 0
				for _, e := range book.Entries() {
					if e.Outcome == ledger.Acked {
						acked += e.Spans
					}
				}
				if acked != 1000 {
					t.Errorf("the ledger has %d spans acked", acked)
				}
			})
		}
	}
}

func TestRefusalEndsIt(t *testing.T) {
	for _, protocol := range []string{"HTTP", "gRPC"} {
		requests, book := bodies(t, 1000, 64)
		r := &receiver{refuse: func(n int) error {
			if n == 3 {
				return status.Error(codes.PermissionDenied, "not you")
			}
			return nil
		}}
		_, err := load.Send(t.Context(), requests, r.serve(t, protocol), quick(book))
		if err == nil || !strings.Contains(err.Error(), "not you") {
			t.Errorf("%s: error %v", protocol, err)
		}
	}
}

// slow answers after a while of virtual time; request n may take longer.
type slow struct {
	takes func(n int) time.Duration

	mu sync.Mutex
	n  int
}

func (s *slow) Post(ctx context.Context, _ []byte) error {
	s.mu.Lock()
	took := s.takes(s.n)
	s.n++
	s.mu.Unlock()
	select {
	case <-time.After(took):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *slow) Close() error { return nil }

// TestOpenLoopCountsFromWhenARequestWasDue: one stall is felt by all that it
// made wait. In a closed loop nobody waits but the one.
func TestOpenLoopCountsFromWhenARequestWasDue(t *testing.T) {
	requests, _ := bodies(t, 1000, 10)
	stall := func(n int) time.Duration {
		if n == 50 {
			return time.Second
		}
		return time.Millisecond
	}
	late := func(rate float64) (n int, took time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			cfg := load.DefaultConfig()
			cfg.Workers, cfg.Rate = 1, rate
			result, err := load.Send(t.Context(), requests, &slow{takes: stall}, cfg)
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range result.Latencies {
				if l > 100*time.Millisecond {
					n++
				}
			}
			took = result.Elapsed
		})
		return n, took
	}
	if n, took := late(0); n != 1 || took != 1099*time.Millisecond {
		t.Errorf("closed loop: %d late requests in %s, want 1 in 1.099s", n, took)
	}
	// One request is due every 10 ms: those due in the stall wait for it.
	if n, took := late(1000); n < 45 || took < time.Second {
		t.Errorf("open loop: %d late requests in %s, want nearly all of the 49 after the stall", n, took)
	}
}

func TestQuantilesAreNearestRanks(t *testing.T) {
	var l load.Latencies
	if l.Quantile(0.5) != 0 {
		t.Error("no latencies have a median")
	}
	for i := range 1000 {
		l = append(l, time.Duration(i+1))
	}
	for q, want := range map[float64]time.Duration{0: 1, 0.5: 500, 0.99: 990, 0.999: 999, 0.9995: 1000, 1: 1000} {
		if got := l.Quantile(q); got != want {
			t.Errorf("quantile %g is %d, want %d", q, got, want)
		}
	}
}

func TestBodiesAreWhatTheDesignSays(t *testing.T) {
	requests, _ := bodies(t, 20_000, 512)
	traits, err := load.Describe(requests)
	if err != nil || traits.Spans != 20_000 || traits.Requests != 40 {
		t.Fatalf("%+v, %v", traits, err)
	}
	if traits.SpanBytes < 1000 || traits.SpanBytes > 1200 || traits.Ratio > 3.5 || traits.Ratio < 1 {
		t.Errorf("%+v: want about 1100 bytes, and at most 3.5 times smaller", traits)
	}
	for i := range requests { // the same few requests over and over
		requests[i].Bytes = requests[0].Bytes[:10_000]
	}
	if _, err := load.Describe(requests); err == nil {
		t.Error("bodies that repeat themselves were accepted")
	}
}
