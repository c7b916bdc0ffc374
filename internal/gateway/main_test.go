package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/spanmill/spanmill/internal/auth"
	"github.com/spanmill/spanmill/pkg/pipeline"
)

func TestMain(m *testing.M) {
	registerEncodings()
	goleak.VerifyTestMain(m)
}

// fakeBus is the Producer as a test steers it.
type fakeBus struct {
	mu      sync.Mutex
	records []pipeline.Record // copies
	err     error
	// hold, unless nil, makes Produce send to it when it was entered and then
	// wait for its own error from release.
	entered chan context.Context
	release chan error
}

func (b *fakeBus) Partitions(context.Context, string) (int, error) { return 4, nil }

func (b *fakeBus) Produce(ctx context.Context, records []pipeline.Record) error {
	if b.entered != nil {
		b.entered <- ctx
		if err := <-b.release; err != nil {
			return err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return b.err
	}
	for _, r := range records {
		r.Value, r.Headers = bytes.Clone(r.Value), slices.Clone(r.Headers)
		b.records = append(b.records, r)
	}
	return nil
}

// spans gives the names of all spans that landed, sorted.
func (b *fakeBus) spans(t *testing.T) []string {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	var names []string
	for _, r := range b.records {
		request := ptraceotlp.NewExportRequest()
		if err := request.UnmarshalProto(r.Value); err != nil {
			t.Fatalf("a record is not an OTLP request: %v", err)
		}
		for _, rs := range request.Traces().ResourceSpans().All() {
			for _, ss := range rs.ScopeSpans().All() {
				for _, s := range ss.Spans().All() {
					names = append(names, s.Name())
				}
			}
		}
	}
	slices.Sort(names)
	return names
}

// bundle is a running gateway and its clients.
type bundle struct {
	g    *Gateway
	bus  *fakeBus
	reg  *prometheus.Registry
	base string // of HTTP
	http *http.Client
	grpc *grpc.ClientConn
	stop func() error
}

// option changes what setup builds.
type option func(*Config, *Dependencies)

func setup(t testing.TB, options ...option) *bundle {
	t.Helper()
	cfg := Default()
	cfg.HTTPAddr, cfg.GRPCAddr = "127.0.0.1:0", "127.0.0.1:0"
	cfg.HeaderTimeout, cfg.ReadTimeout = time.Minute, 5*time.Minute // the machine may be busy
	b := &bundle{bus: new(fakeBus), reg: prometheus.NewRegistry()}
	deps := Dependencies{Producer: b.bus, Keys: auth.Anonymous(), Log: slog.New(slog.DiscardHandler), Reg: b.reg}
	for _, o := range options {
		o(&cfg, &deps)
	}
	b.g = New(cfg, deps)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- b.g.Run(ctx) }()
	b.stop = sync.OnceValue(func() error { cancel(); return <-done })
	select {
	case <-b.g.Ready():
	case err := <-done:
		t.Fatalf("Run: %v", err)
	}
	httpAddr, grpcAddr := b.g.Addresses()
	b.base = "http://" + httpAddr
	transport := &http.Transport{DisableCompression: true}
	b.http = &http.Client{Transport: transport}
	conn, err := grpc.NewClient(grpcAddr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	b.grpc = conn
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		conn.Close()
		if err := b.stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
		if n := b.g.budget.used.Load(); n != 0 {
			t.Errorf("%d bytes were never given back", n)
		}
	})
	return b
}

func withKeys(t *testing.T) (o option, writer, reader string) {
	t.Helper()
	writer, writerSHA := auth.NewKey()
	reader, readerSHA := auth.NewKey()
	path := filepath.Join(t.TempDir(), "keys.yaml")
	content := fmt.Sprintf("- {sha256: %s, tenant: acme, rights: [write]}\n- {sha256: %s, tenant: acme, rights: [read]}\n", writerSHA, readerSHA)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	keys, err := auth.Load(path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return func(_ *Config, d *Dependencies) { d.Keys = keys }, writer, reader
}

// answer is what a client got, whatever the door.
type answer struct {
	http       int // 0 over gRPC
	code       codes.Code
	message    string // of the refusal, or of the partial success
	rejected   int64
	retryAfter time.Duration // 0: no hint
}

// client sends one request: a protobuf body, or JSON over HTTP JSON.
type client struct {
	name string
	json bool
	send func(t testing.TB, b *bundle, body []byte, headers ...string) answer
}

func clients() []client {
	return []client{
		{"HTTP protobuf", false, func(t testing.TB, b *bundle, body []byte, headers ...string) answer {
			t.Helper()
			return b.post(t, "/v1/traces", typeProtobuf, body, headers...)
		}},
		{"HTTP JSON", true, func(t testing.TB, b *bundle, body []byte, headers ...string) answer {
			t.Helper()
			return b.post(t, "/v1/traces", typeJSON, body, headers...)
		}},
		{"gRPC", false, func(t testing.TB, b *bundle, body []byte, headers ...string) answer {
			t.Helper()
			return b.call(t, body, nil, headers...)
		}},
	}
}

// post sends a request over HTTP and decodes the answer, which must be in the
// request's encoding. headers are pairs.
func (b *bundle) post(t testing.TB, path, contentType string, body []byte, headers ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.base+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := b.http.Do(r)
	if err != nil {
		t.Fatalf("POST: %v", err)
	}
	defer resp.Body.Close()
	return decodeHTTP(t, resp, contentType)
}

const tracesMethod = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

// call sends a request over gRPC.
func (b *bundle) call(t testing.TB, body []byte, options []grpc.CallOption, headers ...string) answer {
	t.Helper()
	ctx := metadata.AppendToOutgoingContext(t.Context(), headers...)
	var response []byte
	err := b.grpc.Invoke(ctx, tracesMethod, body, &response, append(options, grpc.ForceCodecV2(bytesCodec{}))...)
	if err == nil {
		a := decodeResponse(t, response)
		return a
	}
	st := status.Convert(err)
	a := answer{code: st.Code(), message: st.Message()}
	for _, detail := range st.Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			a.retryAfter = info.GetRetryDelay().AsDuration()
		}
	}
	return a
}

// bytesCodec lets a client send and receive what it likes.
type bytesCodec struct{}

func (bytesCodec) Name() string { return "proto" }
func (bytesCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.([]byte))}, nil
}

func (bytesCodec) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}

// span is one span of a request under test.
type span struct {
	name      string
	trace, id string // raw bytes; "" leaves the zero id
	text      int    // bytes of an attribute
}

// good gives a span that lands.
func good(name string) span {
	return span{name: name, trace: fmt.Sprintf("%-16s", "t"+name)[:16], id: fmt.Sprintf("%-8s", "s"+name)[:8]}
}

func request(spans ...span) ptraceotlp.ExportRequest {
	traces := ptrace.NewTraces()
	rs := traces.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", "tests")
	ss := rs.ScopeSpans().AppendEmpty()
	for _, s := range spans {
		p := ss.Spans().AppendEmpty()
		p.SetName(s.name)
		p.SetTraceID(pcommon.TraceID([]byte(fmt.Sprintf("%-16s", s.trace))[:16]))
		if s.trace == "" {
			p.SetTraceID(pcommon.TraceID{})
		}
		p.SetSpanID(pcommon.SpanID([]byte(fmt.Sprintf("%-8s", s.id))[:8]))
		if s.id == "" {
			p.SetSpanID(pcommon.SpanID{})
		}
		if s.text > 0 {
			p.Attributes().PutStr("text", strings.Repeat("x", s.text))
		}
	}
	return ptraceotlp.NewExportRequestFromTraces(traces)
}

// bodyFor encodes a request as the client sends it.
func (c client) bodyFor(t testing.TB, r ptraceotlp.ExportRequest) []byte {
	t.Helper()
	marshal := r.MarshalProto
	if c.json {
		marshal = r.MarshalJSON
	}
	b, err := marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// metric gives the value of a counter or gauge whose labels contain all of
// labels (name=value), 0 if there is none.
func (b *bundle) metric(t testing.TB, name string, labels ...string) float64 {
	t.Helper()
	families, err := b.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
	series:
		for _, m := range f.GetMetric() {
			var have []string
			for _, l := range m.GetLabel() {
				have = append(have, l.GetName()+"="+l.GetValue())
			}
			for _, l := range labels {
				if !slices.Contains(have, l) {
					continue series
				}
			}
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return sum
}

// eventually waits for something that another goroutine is about to do.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	late := time.After(time.Minute)
	for !holds() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("did not happen: %s", what)
		}
	}
}

func readAll(t testing.TB, r io.Reader) []byte {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal(err)
	}
	return b
}
