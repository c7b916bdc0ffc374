package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/grpc/codes"

	"github.com/spanmill/spanmill/pkg/pipeline"
)

// patience is how long an answer that must not come is waited for.
const patience = 100 * time.Millisecond

// TestNoSuccessBeforeKafkaAck is invariant G1, promise P1: while the bus has
// not acknowledged there is no answer; if it fails there is no success.
func TestNoSuccessBeforeKafkaAck(t *testing.T) {
	t.Parallel()
	for _, c := range clients() {
		for _, outcome := range []error{nil, errors.New("not enough replicas")} {
			t.Run(fmt.Sprintf("%s/%v", c.name, outcome), func(t *testing.T) {
				t.Parallel()
				b := setup(t)
				b.bus.entered, b.bus.release = make(chan context.Context), make(chan error)
				body := c.bodyFor(t, request(good("a")))
				answered := make(chan answer, 1)
				go func() { answered <- c.send(t, b, body) }()
				<-b.bus.entered
				select {
				case a := <-answered:
					t.Fatalf("answered %+v before the acknowledgement", a)
				case <-time.After(patience):
				}
				b.bus.release <- outcome
				want := expect{http: 200}
				if outcome != nil {
					want = expect{
						http: 503, code: codes.Unavailable, retry: time.Second,
						message: "the bus did not acknowledge the spans: send them again",
					}
				}
				want.check(t, c, <-answered)
			})
		}
	}
}

func TestBusFailures(t *testing.T) {
	t.Parallel()
	var full error
	b := setup(t, func(_ *Config, d *Dependencies) { d.Admit = func() error { return full } })
	for _, c := range clients() {
		body := c.bodyFor(t, request(good("a")))
		full = errors.New("disk budget reached at /secret/path")
		expect{
			http: 503, code: codes.Unavailable, retry: time.Second,
			message: "the bus cannot take more at the moment: send again later",
		}.check(t, c, c.send(t, b, body))
		full = nil
		expect{http: 200}.check(t, c, c.send(t, b, body))
	}
	if got := b.metric(t, "spanmill_gateway_requests_refused_total", "reason=bus_full"); got != 3 {
		t.Errorf("refused %v, want 3", got)
	}
}

// TestOverload: when other requests hold the budget, both doors refuse with a
// hint; when those are done, both take again.
func TestOverload(t *testing.T) {
	t.Parallel()
	b := setup(t)
	held := 0
	for b.g.budget.take(mib) {
		held += mib
	}
	if held != 64*mib {
		t.Errorf("the budget is %d bytes, want 64 MiB", held)
	}
	for _, c := range clients() {
		expect{
			http: 503, code: codes.Unavailable, retry: time.Second,
			message: "the gateway holds as many request bytes as it may: send again later",
		}.check(t, c, c.send(t, b, c.bodyFor(t, request(good("a")))))
	}
	b.g.budget.give(held)
	for _, c := range clients() {
		expect{http: 200}.check(t, c, c.send(t, b, c.bodyFor(t, request(good("a")))))
	}
}

// TestInflightIsBoundedAcrossDoors: requests that wait for the bus keep their
// bytes; the one that does not fit is refused, whichever door it comes by.
func TestInflightIsBoundedAcrossDoors(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config, _ *Dependencies) { c.MaxBodyBytes, c.MaxInflightBytes = 1*mib, 2*mib })
	b.bus.entered, b.bus.release = make(chan context.Context), make(chan error)
	large := good("large")
	large.text = 900 * kib
	all := clients()
	proto, rpc := all[0], all[2]
	body := proto.bodyFor(t, request(large))
	answered := make(chan answer, 2)
	for _, c := range []client{proto, rpc} {
		go func() { answered <- c.send(t, b, body) }()
		<-b.bus.entered
	}
	if got := b.metric(t, "spanmill_gateway_inflight_bytes"); got != float64(2*len(body)) {
		t.Errorf("in flight: %v bytes, want %d", got, 2*len(body))
	}
	for _, c := range []client{proto, rpc} {
		if got := c.send(t, b, body); got.message != overloaded().Message || got.retryAfter == 0 {
			t.Errorf("%s: answer %+v", c.name, got)
		}
	}
	for range 2 {
		b.bus.release <- nil
		<-answered
	}
}

func TestTooManyStreams(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config, _ *Dependencies) { c.MaxStreams = 1 })
	b.bus.entered, b.bus.release = make(chan context.Context), make(chan error)
	rpc := clients()[2]
	body := rpc.bodyFor(t, request(good("a")))
	answered := make(chan answer, 1)
	go func() { answered <- rpc.send(t, b, body) }()
	<-b.bus.entered
	if got := rpc.send(t, b, body); got.code != codes.Unavailable || got.retryAfter == 0 {
		t.Errorf("answer %+v", got)
	}
	b.bus.release <- nil
	expect{}.check(t, rpc, <-answered)
}

// TestClientGoesAway while its spans are on their way: they are not taken back.
func TestClientGoesAway(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.bus.entered, b.bus.release = make(chan context.Context), make(chan error)
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, b.base+"/v1/traces",
		strings.NewReader(string(clients()[0].bodyFor(t, request(good("a"))))))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", typeProtobuf)
	gone := make(chan error, 1)
	go func() {
		resp, err := b.http.Do(r)
		if err == nil {
			resp.Body.Close()
		}
		gone <- err
	}()
	producing := <-b.bus.entered
	cancel()
	if err := <-gone; err == nil {
		t.Fatal("the client got an answer")
	}
	select {
	case <-producing.Done():
		t.Error("the client took its records with it")
	case <-time.After(patience):
	}
	b.bus.release <- nil
	eventually(t, "the spans land", func() bool { return len(b.bus.spans(t)) == 1 })
}

// TestHalfSentBody: what stops arriving is answered 408 and holds nothing.
func TestHalfSentBody(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config, _ *Dependencies) {
		c.HeaderTimeout, c.ReadTimeout = time.Second, 2*time.Second
	})
	for name, tt := range map[string]struct{ sent, want string }{
		"half a body": {
			"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
			"HTTP/1.1 408 Request Timeout\r\n",
		},
		"half the headers": {"POST /v1/traces HTTP/1.1\r\nHost: x\r\n", ""},
		"a broken chunk": {
			"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
			"HTTP/1.1 400 Bad Request\r\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", strings.TrimPrefix(b.base, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, tt.sent); err != nil {
				t.Fatal(err)
			}
			if got := string(readAll(t, conn)); !strings.HasPrefix(got, tt.want) || tt.want == "" && got != "" {
				t.Errorf("answer %q, want %q", got, tt.want)
			}
		})
	}
	eventually(t, "the budget is free", func() bool { return b.g.budget.used.Load() == 0 })
}

// TestDrain: a request in progress is answered after the stop began; nothing
// new is taken.
func TestDrain(t *testing.T) {
	t.Parallel()
	for _, c := range clients() {
		b := setup(t)
		b.bus.entered, b.bus.release = make(chan context.Context), make(chan error)
		answered := make(chan answer, 1)
		body := c.bodyFor(t, request(good("a")))
		go func() { answered <- c.send(t, b, body) }()
		<-b.bus.entered
		stopped := make(chan error, 1)
		go func() { stopped <- b.stop() }()
		eventually(t, "the door is closed", func() bool {
			conn, err := net.Dial("tcp", strings.TrimPrefix(b.base, "http://"))
			if err == nil {
				conn.Close()
			}
			return err != nil
		})
		b.bus.release <- nil
		expect{http: 200}.check(t, c, <-answered)
		if err := <-stopped; err != nil {
			t.Errorf("%s: Run: %v", c.name, err)
		}
	}
}

func TestMetricsAreDiscarded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const path = "/v1/metrics"
	for _, contentType := range []string{typeProtobuf, typeJSON} {
		got := b.post(t, path, contentType, []byte("anything at all"))
		if got.http != http.StatusOK || got.rejected != 0 || !strings.Contains(got.message, "OTEL_METRICS_EXPORTER=none") {
			t.Errorf("POST %s as %s: %+v", path, contentType, got)
		}
		if got := b.post(t, path, contentType, make([]byte, 32*mib+1)); got.http != http.StatusRequestEntityTooLarge {
			t.Errorf("POST %s of 32 MiB + 1: %+v", path, got)
		}
	}
	metrics, err := colmetrics.NewMetricsServiceClient(b.grpc).Export(t.Context(), &colmetrics.ExportMetricsServiceRequest{})
	if err != nil || !strings.Contains(metrics.GetPartialSuccess().GetErrorMessage(), "OTEL_METRICS_EXPORTER=none") {
		t.Errorf("metrics: %v, %v", metrics, err)
	}
	if got := len(b.bus.spans(t)); got != 0 {
		t.Errorf("%d spans landed", got)
	}
}

func TestPage(t *testing.T) {
	t.Parallel()
	keys, _, _ := withKeys(t)
	b := setup(t, keys)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.base+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = `gw.example:4318"><script>`
	resp, err := b.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	page := string(readAll(t, resp.Body))
	if strings.Contains(page, "<script") {
		t.Error("the page repeats what it was asked for, unescaped")
	}
	resp, err = b.http.Get(b.base + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	page = string(readAll(t, resp.Body))
	httpAddr, grpcAddr := b.g.Addresses()
	for _, want := range []string{httpAddr + "/v1/traces", grpcAddr, "An API key is required", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if resp, err := b.http.Get(b.base + "/v1/nothing"); err != nil || resp.StatusCode != http.StatusNotFound {
		t.Errorf("GET /v1/nothing: %v, %v", resp, err)
	} else {
		resp.Body.Close()
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	if err := Default().Validate(); err != nil {
		t.Errorf("the default configuration: %v", err)
	}
	for name, spoil := range map[string]func(*Config){
		"address":  func(c *Config) { c.HTTPAddr = "nowhere" },
		"bound":    func(c *Config) { c.MaxStreams = 0 },
		"inflight": func(c *Config) { c.MaxInflightBytes = c.MaxBodyBytes },
		"span":     func(c *Config) { c.MaxSpanBytes = 17 * mib },
		"time":     func(c *Config) { c.ReadTimeout = 0 },
	} {
		c := Default()
		spoil(&c)
		if c.Validate() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// discardBus acknowledges at once.
type discardBus struct{}

func (discardBus) Partitions(context.Context, string) (int, error)  { return 4, nil }
func (discardBus) Produce(context.Context, []pipeline.Record) error { return nil }

// TestIngestAllocations: what a request costs does not grow with its spans.
func TestIngestAllocations(t *testing.T) {
	b := setup(t, func(_ *Config, d *Dependencies) { d.Producer = discardBus{} })
	measure := func(n int) float64 {
		var spans []span
		for i := range n {
			spans = append(spans, good(fmt.Sprint(i)))
		}
		r := Request{Tenant: "acme", Experiment: "1", Body: clients()[0].bodyFor(t, request(spans...))}
		return testing.AllocsPerRun(50, func() {
			if _, err := b.g.Ingest(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		})
	}
	few, many := measure(10), measure(2000)
	t.Logf("allocations per request: %v with 10 spans, %v with 2000", few, many)
	if raceEnabled { // make's stage "allocation budgets" runs without it
		return
	}
	if many > few+2 || many > 15 {
		t.Errorf("a request of 2000 spans allocates %v times, one of 10 %v times; want at most 15 and no growth", many, few)
	}
}

func BenchmarkIngest(b *testing.B) {
	bundle := setup(b, func(_ *Config, d *Dependencies) { d.Producer = discardBus{} })
	const spans = 500
	body := benchBody(b, spans)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := bundle.g.Ingest(b.Context(), Request{Tenant: "acme", Body: body}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*spans), "ns/span")
}

func BenchmarkDoors(b *testing.B) {
	bundle := setup(b, func(_ *Config, d *Dependencies) { d.Producer = discardBus{} })
	const spans = 500
	body := benchBody(b, spans)
	for _, c := range clients() {
		if c.json {
			continue
		}
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if got := c.send(b, bundle, body); got.message != "" {
					b.Fatal(got)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*spans), "ns/span")
		})
	}
}

func benchBody(b *testing.B, spans int) []byte {
	b.Helper()
	var all []span
	for i := range spans {
		s := good(fmt.Sprint(i))
		s.text = 1000
		all = append(all, s)
	}
	return clients()[0].bodyFor(b, request(all...))
}
