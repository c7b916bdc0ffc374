package faults_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spanmill/spanmill/tests/e2e/harness"
	"github.com/spanmill/spanmill/tests/kafka"
)

// fault is something that goes wrong between a writer and ClickHouse.
type fault struct {
	name string
	// inserts: only INSERTs meet it, not the questions.
	inserts bool
	do      func(p *proxy, w http.ResponseWriter, r *http.Request)
	// hold is how long it lasts once it was met often enough.
	hold time.Duration
}

// proxy stands before ClickHouse. Every second statement, by chance, meets the
// fault that is on.
type proxy struct {
	url, upstream string
	client        *http.Client
	on            atomic.Pointer[fault]
	hits          atomic.Int64
	late          atomic.Int64                  // blocks that ClickHouse refused as past their deadline
	lifted        atomic.Pointer[chan struct{}] // closed when the fault is
	answers       map[int]*answer               // by error code
}

// answer is one of ClickHouse, kept.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func newProxy(t *testing.T, ch *kafka.ClickHouse) *proxy {
	t.Helper()
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 16}
	p := &proxy{upstream: ch.URL(), client: &http.Client{Transport: transport}, answers: make(map[int]*answer)}
	for code, message := range map[int]string{
		241: "(total) memory limit exceeded: would use 1.40 GiB", 252: "Too many parts (3000 with average size of 1.00 MiB)",
		159: "Timeout exceeded: elapsed 60.1 seconds, maximum: 60", 999: "Coordination error: Connection loss",
	} {
		p.answers[code] = provoke(t, p, ch, code, message)
	}
	server := httptest.NewServer(p)
	p.url = server.URL
	t.Cleanup(func() {
		server.Close()
		transport.CloseIdleConnections()
	})
	return p
}

// provoke has ClickHouse answer with an error of this code, as it answers any.
func provoke(t *testing.T, p *proxy, ch *kafka.ClickHouse, code int, message string) *answer {
	t.Helper()
	sql := fmt.Sprintf("SELECT throwIf(1, '%s', toInt16(%d)) SETTINGS allow_custom_error_code_in_throwif = 1", message, code)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, ch.URL(), strings.NewReader(sql))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-ClickHouse-User", ch.At.User)
	request.Header.Set("X-ClickHouse-Key", ch.At.Password)
	a, err := p.ask(request)
	if err != nil {
		t.Fatal(err)
	}
	if got := a.header.Get("X-ClickHouse-Exception-Code"); got != fmt.Sprint(code) {
		t.Fatalf("asked for error %d, ClickHouse answered %d, error %s: %s", code, a.status, got, a.body)
	}
	return a
}

// ask sends a request on and keeps the whole answer.
func (p *proxy) ask(request *http.Request) (*answer, error) {
	response, err := p.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if bytes.Contains(body, []byte("Constraint `in_time`")) {
		p.late.Add(1)
	}
	return &answer{response.StatusCode, response.Header, body}, err
}

// forward asks ClickHouse what the writer asked, with another body.
func (p *proxy) forward(ctx context.Context, r *http.Request, body io.Reader) (*answer, error) {
	out, err := http.NewRequestWithContext(ctx, r.Method, p.upstream+r.URL.RequestURI(), body)
	if err != nil {
		return nil, err
	}
	out.Header = r.Header.Clone()
	return p.ask(out)
}

// ServeHTTP implements http.Handler.
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f := p.on.Load()
	if f == nil || f.inserts && !isInsert(r) || rand.IntN(2) == 0 {
		p.pass(w, r)
		return
	}
	p.hits.Add(1)
	f.do(p, w, r)
}

func isInsert(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Query().Get("query"), "INSERT")
}

// pass does what a proxy does.
func (p *proxy) pass(w http.ResponseWriter, r *http.Request) {
	a, err := p.forward(r.Context(), r, r.Body)
	if err != nil {
		cut(w)
		return
	}
	a.write(w)
}

func (a *answer) write(w http.ResponseWriter) {
	maps.Copy(w.Header(), a.header)
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // whoever asked may be gone
}

// cut ends the connection without an answer.
func cut(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		conn.Close()
	}
}

// wait is a part of a second, or until the client gives up.
func wait(r *http.Request) {
	timer := time.NewTimer(time.Duration(100+rand.IntN(400)) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
}

// answering is a fault: ClickHouse's own answer for an error.
func answering(name string, code int) fault {
	return fault{name: name, do: func(p *proxy, w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // as ClickHouse reads a block before it fails
		p.answers[code].write(w)
	}}
}

// torn gives some of a body and then an error.
type torn struct{ io.Reader }

func (b torn) Read(to []byte) (int, error) {
	n, err := b.Reader.Read(to)
	if errors.Is(err, io.EOF) {
		err = errors.New("the connection was cut")
	}
	return n, err
}

func slow(p *proxy, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	wait(r)
	a, askErr := p.forward(r.Context(), r, bytes.NewReader(body))
	wait(r)
	if errors.Join(err, askErr) != nil {
		cut(w)
		return
	}
	a.write(w)
}

func cutBefore(_ *proxy, w http.ResponseWriter, r *http.Request) {
	_, _ = io.CopyN(io.Discard, r.Body, 1000)
	cut(w)
}

func cutInside(p *proxy, w http.ResponseWriter, r *http.Request) {
	_, _ = p.forward(r.Context(), r, torn{io.LimitReader(r.Body, 20_000)})
	cut(w)
}

func cutAfter(p *proxy, w http.ResponseWriter, r *http.Request) {
	_, _ = p.forward(r.Context(), r, r.Body)
	cut(w)
}

// hang keeps a whole statement until the fault is lifted. Then it goes on to
// ClickHouse, whether or not somebody still waits for the answer.
func hang(p *proxy, w http.ResponseWriter, r *http.Request) {
	lifted := *p.lifted.Load()
	body, err := io.ReadAll(r.Body)
	<-lifted // strike closes it
	if err != nil {
		cut(w)
		return
	}
	a, err := p.forward(context.WithoutCancel(r.Context()), r, bytes.NewReader(body))
	if err != nil {
		cut(w)
		return
	}
	a.write(w)
}

// deadline of the writers behind the proxy (W9): what hangs longer is refused.
const deadline = 4 * time.Second

var faults = []fault{
	{name: "slow", do: slow},
	answering("memory limit exceeded", 241),
	answering("too many parts", 252),
	answering("timeout exceeded", 159),
	answering("keeper exception", 999),
	{name: "cut before the block", inserts: true, do: cutBefore},
	{name: "cut inside the block", inserts: true, do: cutInside},
	{name: "cut after the insert", inserts: true, do: cutAfter},
	{name: "hanging", inserts: true, do: hang},
	{name: "hanging past the deadline", inserts: true, do: hang, hold: deadline + time.Second},
}

// strike has a fault on until it was met so often.
func (p *proxy) strike(t *testing.T, f *fault, hits int64) {
	t.Helper()
	lifted := make(chan struct{})
	p.lifted.Store(&lifted)
	defer close(lifted)
	from := p.hits.Load()
	p.on.Store(f)
	defer p.on.Store(nil)
	harness.Eventually(t, func() error {
		if n := p.hits.Load() - from; n < hits {
			return fmt.Errorf("fault %q was met %d times, want %d", f.name, n, hits)
		}
		return nil
	})
	pause(t, f.hold, f.hold)
}

// testProxy has each fault in turn between writers and ClickHouse.
func testProxy(t *testing.T, site *kafka.Site, turns int, rate float64) {
	p := newProxy(t, site.ClickHouse)
	c := newCrew(t, site.Plant(t, "classic"), 2, "SPANMILL_CLICKHOUSE="+p.url, "SPANMILL_DEADLINE="+deadline.String())
	l := startLoad(t, c.OTLPHTTP, rate)
	for range turns {
		for i := range faults {
			p.strike(t, &faults[i], 3) // of four partitions
			l.awaitMore(t, 1)
		}
	}
	l.stop(t)
	l.exact(t, c.place())
	t.Logf("%d statements met a fault, %d blocks came too late", p.hits.Load(), p.late.Load())
	if p.late.Load() == 0 {
		t.Error("no block was refused for coming too late")
	}
	c.refusedNothing(t)
	c.end(t)
}
