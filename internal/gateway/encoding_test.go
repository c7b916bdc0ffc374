package gateway

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
)

// deflated compresses; encoding "raw deflate" travels as deflate too.
func deflated(t testing.TB, encoding string, plain []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	var err error
	switch encoding {
	case encodingGzip:
		w = gzip.NewWriter(&b)
	case encodingDeflate:
		w = zlib.NewWriter(&b)
	case encodingZstd:
		w, err = zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1))
	case "raw deflate":
		w, err = flate.NewWriter(&b, flate.DefaultCompression)
	default:
		return plain
	}
	if err == nil {
		_, err = w.Write(plain)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

var allEncodings = []string{encodingGzip, encodingZstd, encodingDeflate, "raw deflate"}

func wireName(encoding string) string {
	if encoding == "raw deflate" {
		return encodingDeflate
	}
	return encoding
}

func TestEncodings(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, c := range clients() {
		body := c.bodyFor(t, request(good("a")))
		for _, encoding := range append(allEncodings, encodingIdentity) {
			for range 2 { // the second uses the decoder again
				if c.name == "gRPC" {
					if encoding == "raw deflate" {
						continue // gRPC defines deflate as zlib
					}
					expect{}.check(t, c, b.call(t, body, []grpc.CallOption{grpc.UseCompressor(encoding)}))
					continue
				}
				expect{http: 200}.check(t, c, c.send(t, b, deflated(t, encoding, body), "Content-Encoding", wireName(encoding)))
			}
		}
	}
	if got := len(b.bus.spans(t)); got != 2*5*2+2*4 {
		t.Errorf("%d spans landed", got)
	}
}

func TestBrokenCompression(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := clients()[0]
	plain := c.bodyFor(t, request(good("a")))
	for _, encoding := range allEncodings {
		whole := deflated(t, encoding, plain)
		name := wireName(encoding)
		truncated := expect{http: 400, code: codes.InvalidArgument, message: "the " + name + " body is truncated"}
		truncated.check(t, c, c.send(t, b, whole[:len(whole)/2], "Content-Encoding", name))
		truncated.check(t, c, c.send(t, b, whole[:1], "Content-Encoding", name))
		if encoding == "raw deflate" {
			continue // it has no checksum and no header to be wrong
		}
		corrupt := bytes.Clone(whole)
		corrupt[len(corrupt)-2] ^= 0x55
		expect{http: 400, code: codes.InvalidArgument, message: "the " + name + " body is corrupt"}.check(t, c,
			c.send(t, b, corrupt, "Content-Encoding", name))
	}
	// No bytes at all are an empty request, whatever they claim to be.
	expect{http: 200}.check(t, c, c.send(t, b, nil, "Content-Encoding", "gzip"))
	if got := b.bus.spans(t); len(got) != 0 {
		t.Errorf("landed %q", got)
	}
}

func TestUnknownTypesAndEncodings(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := clients()[0]
	body := c.bodyFor(t, request(good("a")))
	contentType := expect{
		http: 415, code: codes.InvalidArgument,
		message: "the content type must be application/x-protobuf or application/json",
	}
	for _, unknown := range []string{"text/plain", "", "application/protobuf; x", "application/xml"} {
		contentType.check(t, c, b.post(t, "/v1/traces", unknown, body))
	}
	encoding := expect{
		http: 415, code: codes.Unimplemented,
		message: "the content encoding must be gzip, zstd, deflate or identity",
	}
	for _, unknown := range []string{"br", "gzip, gzip", "snappy"} {
		encoding.check(t, c, b.post(t, "/v1/traces", typeProtobuf, body, "Content-Encoding", unknown))
		encoding.check(t, c, b.post(t, "/v1/traces", typeJSON, body, "Content-Encoding", unknown))
	}
	expect{http: 200}.check(t, c, b.post(t, "/v1/traces", typeJSON+"; charset=utf-8", []byte("{}")))
	expect{http: 200}.check(t, c, b.post(t, "/v1/traces", typeProtobuf, nil, "Content-Encoding", " GZIP "))
}

func TestWrongMethod(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, contentType := range []string{typeProtobuf, typeJSON} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.base+"/v1/traces", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", contentType)
		resp, err := b.http.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		expect{http: 405, code: codes.Unimplemented, message: "send OTLP requests by POST"}.check(t, clients()[0],
			decodeHTTP(t, resp, contentType))
		if got := resp.Header.Get("Allow"); got != http.MethodPost {
			t.Errorf("Allow: %q", got)
		}
		resp.Body.Close()
	}
}

// TestBombStopsAtTheBound: a small body that would inflate to a multiple of the
// bound is inflated to one byte beyond it, which shows that it is too large.
func TestBombStopsAtTheBound(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		bound     int
		encodings []string
	}{
		{32 * mib, []string{encodingGzip}}, // the default
		{1 * mib, allEncodings},
	} {
		b := setup(t, func(c *Config, _ *Dependencies) { c.MaxBodyBytes = tt.bound })
		for _, encoding := range tt.encodings {
			bomb := deflated(t, encoding, make([]byte, 3*tt.bound/2))
			for _, c := range clients() {
				explode(t, b, c, bomb, encoding)
			}
		}
	}
}

// explode sends a bomb, as it is over HTTP, and inflated to the compressor of
// the client over gRPC.
func explode(t *testing.T, b *bundle, c client, bomb []byte, encoding string) {
	t.Helper()
	bound := b.g.cfg.MaxBodyBytes
	if len(bomb) > bound/100 {
		t.Errorf("the %s bomb has %d bytes", encoding, len(bomb))
	}
	before := b.metric(t, "spanmill_gateway_inflated_bytes_total")
	var got answer
	switch {
	case c.name != "gRPC":
		got = c.send(t, b, bomb, "Content-Encoding", wireName(encoding))
	case encoding == "raw deflate":
		return // gRPC defines deflate as zlib
	default:
		got = b.call(t, make([]byte, 3*bound/2), []grpc.CallOption{grpc.UseCompressor(encoding)})
	}
	expect{
		http: 413, code: codes.ResourceExhausted,
		message: fmt.Sprintf("the request is larger than %d bytes: send smaller batches", bound),
	}.check(t, c, got)
	if got := b.metric(t, "spanmill_gateway_inflated_bytes_total") - before; got != float64(bound+1) {
		t.Errorf("%s by %s: inflated %v bytes, want the bound and one", encoding, c.name, got)
	}
}

// TestInflateBounds: inflate never gives more than bound+1 bytes, never takes
// more of the budget than it gives, and fails in words.
func TestInflateBounds(t *testing.T) {
	t.Parallel()
	p, pool := newInflaters(1), newBuffers(&budget{limit: 1 << 20})
	for _, encoding := range allEncodings {
		for _, size := range []int{0, 1, 999, 1000, 1001, 5000} {
			b := pool.get()
			err := p.inflate(t.Context(), b, deflated(t, encoding, make([]byte, size)), wireName(encoding), 1000)
			switch {
			case size <= 1000 && (err != nil || len(b.bytes) != size):
				t.Errorf("%s of %d: %d bytes, %v", encoding, size, len(b.bytes), err)
			case size > 1000 && (asRefusal(err).Reason != ReasonTooLarge || len(b.bytes) != 1001):
				t.Errorf("%s of %d: %d bytes, %v", encoding, size, len(b.bytes), err)
			}
			pool.put(b)
		}
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	busy := <-p.idle
	if err := p.inflate(canceled, pool.get(), nil, encodingGzip, 1); err == nil {
		t.Error("waited for a busy inflater though the client is gone")
	}
	p.idle <- busy
}

// TestZstdWindow: a frame may ask for no more than RFC 9659 allows.
func TestZstdWindow(t *testing.T) {
	t.Parallel()
	var frame bytes.Buffer
	w, err := zstd.NewWriter(&frame, zstd.WithWindowSize(16*mib), zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	for range 24 {
		if _, err := w.Write(bytes.Repeat([]byte("0123456789abcdef"), mib/16)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	b := setup(t)
	got := b.post(t, "/v1/traces", typeProtobuf, frame.Bytes(), "Content-Encoding", "zstd")
	if got.http != 400 || !strings.Contains(got.message, "window is larger than 8 MiB") {
		t.Errorf("answer %+v", got)
	}
}

func FuzzBody(f *testing.F) {
	for i, encoding := range allEncodings {
		f.Add(deflated(f, encoding, bytes.Repeat([]byte("span"), 600)), byte(i))
		f.Add(deflated(f, encoding, []byte("span")), byte(i))
	}
	f.Add([]byte{}, byte(0))
	const bound = 2000
	total := &budget{limit: 64 * kib}
	p, pool := newInflaters(1), newBuffers(total)
	f.Fuzz(func(t *testing.T, sent []byte, which byte) {
		b := pool.get()
		err := p.inflate(t.Context(), b, sent, wireName(allEncodings[int(which)%len(allEncodings)]), bound)
		if len(b.bytes) > bound+1 || (err == nil && len(b.bytes) > bound) {
			t.Errorf("inflated %d bytes, %v", len(b.bytes), err)
		}
		if err != nil && asRefusal(err).Reason == ReasonIncomplete {
			t.Errorf("an error without a word for it: %v", err)
		}
		pool.put(b)
		if n := total.used.Load(); n != 0 {
			t.Errorf("%d bytes were not given back", n)
		}
	})
}
