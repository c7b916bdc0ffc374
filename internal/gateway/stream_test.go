package gateway

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/mem"
)

// fakeWire is a stream that holds bytes.
type fakeWire struct {
	sent     io.Reader
	compress string
	largest  int // step asked for
}

func (w *fakeWire) ReadMessageHeader(header []byte) error {
	_, err := io.ReadFull(w.sent, header)
	return err
}

func (w *fakeWire) Read(n int) (mem.BufferSlice, error) {
	w.largest = max(w.largest, n)
	b := make([]byte, n)
	if _, err := io.ReadFull(w.sent, b); err != nil {
		return nil, err
	}
	return mem.BufferSlice{mem.SliceBuffer(b[:n/2]), mem.SliceBuffer(b[n/2:])}, nil
}

func (w *fakeWire) RecvCompress() string { return w.compress }

// framed is a message as gRPC sends it.
func framed(flag byte, size int, body []byte) []byte {
	b := binary.BigEndian.AppendUint32([]byte{flag}, uint32(size))
	return append(b, body...)
}

func TestReadMessage(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config, _ *Dependencies) { c.MaxBodyBytes = 1 * mib; c.MaxInflightBytes = 2 * mib })
	body := bytes.Repeat([]byte("0123456789"), 30_000)
	for _, tt := range []struct {
		name     string
		sent     []byte
		compress string
		reason   string // "": it arrives
		encoding string
	}{
		{"plain", framed(0, len(body), body), "", "", ""},
		{"plain though an encoding is announced", framed(0, len(body), body), "gzip", "", ""},
		{"compressed", framed(1, len(body), body), "zstd", "", "zstd"},
		{"empty", framed(0, 0, nil), "", "", ""},
		{"compressed without an encoding", framed(1, 3, body), "", ReasonCompression, ""},
		{"compressed as identity", framed(1, 3, body), "identity", ReasonCompression, ""},
		{"unknown flag", framed(2, 3, body), "gzip", ReasonCompression, ""},
		{"nothing", nil, "", ReasonIncomplete, ""},
		{"half a header", []byte{0, 0}, "", ReasonIncomplete, ""},
		{"half a body", framed(0, len(body), body[:100]), "", ReasonIncomplete, ""},
		{"too large", framed(0, mib+1, body), "", ReasonTooLarge, ""},
		{"absurdly large", framed(0, 1<<32-1, body), "", ReasonTooLarge, ""},
	} {
		w := &fakeWire{sent: bytes.NewReader(tt.sent), compress: tt.compress}
		m, err := b.g.readMessage(w)
		switch {
		case tt.reason == "" && (err != nil || m.encoding != tt.encoding):
			t.Errorf("%s: encoding %q, %v", tt.name, m.encoding, err)
		case tt.reason == "" && len(tt.sent) > 5 && !bytes.Equal(m.body.bytes, body):
			t.Errorf("%s: the body changed", tt.name)
		case tt.reason != "" && asRefusal(err).Reason != tt.reason:
			t.Errorf("%s: %v, want %s", tt.name, err, tt.reason)
		}
		if w.largest > streamStep {
			t.Errorf("%s: asked for %d bytes at once", tt.name, w.largest)
		}
		b.g.buffers.put(m.body)
	}
}

// rawClient speaks HTTP/2 itself, to send what no client would.
type rawClient struct {
	conn   net.Conn
	framer *http2.Framer
	window chan int64 // what the server lets stream 1 send, as it grows
}

func dialRaw(t *testing.T, addr string) *rawClient {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	c := &rawClient{conn: conn, framer: http2.NewFramer(conn, conn), window: make(chan int64, 1000)}
	done := make(chan struct{})
	t.Cleanup(func() { conn.Close(); <-done })
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	if err := c.framer.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(done)
		for {
			f, err := c.framer.ReadFrame()
			if err != nil {
				return
			}
			if w, ok := f.(*http2.WindowUpdateFrame); ok && w.StreamID == 1 {
				c.window <- int64(w.Increment)
			}
		}
	}()
	return c
}

func (c *rawClient) open(t *testing.T) {
	t.Helper()
	var block bytes.Buffer
	e := hpack.NewEncoder(&block)
	for _, f := range [][2]string{
		{":method", "POST"},
		{":scheme", "http"},
		{":path", tracesMethod},
		{":authority", "test"},
		{"content-type", "application/grpc"},
		{"te", "trailers"},
	} {
		if err := e.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true}); err != nil {
		t.Fatal(err)
	}
}

// data sends n bytes of a body.
func (c *rawClient) data(t *testing.T, b []byte) {
	t.Helper()
	for len(b) > 0 {
		n := min(len(b), 16*kib)
		if err := c.framer.WriteData(1, false, b[:n]); err != nil {
			t.Fatal(err)
		}
		b = b[n:]
	}
}

// TestStreamIsReadInSteps: a client that announces 32 MiB and stops holds no
// more than it sent and one step, and may not send more than a window ahead.
func TestStreamIsReadInSteps(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config, _ *Dependencies) { c.ReadTimeout = 4 * time.Second })
	_, addr := b.g.Addresses()
	c := dialRaw(t, addr)
	c.open(t)
	c.data(t, framed(0, 32*mib, nil))
	c.data(t, make([]byte, 40*kib))
	eventually(t, "the door waits for the next step", func() bool { return b.g.budget.used.Load() == streamStep })
	var granted int64
	for len(c.window) > 0 {
		granted += <-c.window
	}
	if granted > 2*streamStep {
		t.Errorf("the server opened the window by %d bytes for a message nobody granted", granted)
	}
	// It never sends the rest: the read time-out frees what it holds.
	eventually(t, "the budget is free again", func() bool { return b.g.budget.used.Load() == 0 })
	eventually(t, "the request is counted", func() bool {
		return b.metric(t, "spanmill_gateway_requests_refused_total", "reason=read_timeout") == 1
	})
}

// TestGRPCClientGoesAway in the middle of its message.
func TestGRPCClientGoesAway(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, addr := b.g.Addresses()
	c := dialRaw(t, addr)
	c.open(t)
	c.data(t, framed(0, 32*mib, make([]byte, 30*kib)))
	eventually(t, "the door reads", func() bool { return b.g.budget.used.Load() > 0 })
	c.conn.Close()
	eventually(t, "the budget is free again", func() bool { return b.g.budget.used.Load() == 0 })
}
