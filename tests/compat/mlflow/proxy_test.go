package mlflow_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"testing"
)

// settledPath is the proxy's own: it answers when all that was written can be
// read. The client programs ask it before they read.
const settledPath = "/__settled"

// proxy is a tracking URI that keeps every exchange.
type proxy struct {
	URL string

	mu       sync.Mutex
	upstream *url.URL
	kept     []*exchange
}

// startProxy puts a proxy before a server. settle is asked by the programs.
func startProxy(t *testing.T, upstream string, settle func()) *proxy {
	t.Helper()
	p := &proxy{}
	p.lead(t, upstream)
	forward := &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(p.target()) },
		ModifyResponse: keepReply,
		Transport:      &http.Transport{},
		// A server that is away is 502: clients try again.
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == settledPath {
			settle()
			return
		}
		p.forward(forward, w, r)
	}))
	t.Cleanup(func() {
		server.Close()
		forward.Transport.(*http.Transport).CloseIdleConnections()
	})
	p.URL = server.URL
	return p
}

// lead sends what comes from now on to another server.
func (p *proxy) lead(t *testing.T, upstream string) {
	t.Helper()
	target, err := url.Parse(upstream)
	if err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.upstream = target
}

func (p *proxy) target() *url.URL {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.upstream
}

// kept is what exchangeKey finds in a request's context.
type kept struct {
	proxy    *proxy
	exchange *exchange
}

type exchangeKey struct{}

func (p *proxy) forward(to http.Handler, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	e := &exchange{Method: r.Method, Path: r.URL.RequestURI(), Header: r.Header.Clone(), Body: body}
	p.mu.Lock()
	p.kept = append(p.kept, e)
	p.mu.Unlock()
	awaitNextMillisecond()
	r.Body = io.NopCloser(bytes.NewReader(body))
	to.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), exchangeKey{}, kept{p, e})))
}

// keepReply reads a reply into its exchange.
func keepReply(response *http.Response) error {
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	response.Body.Close()
	response.Body = io.NopCloser(bytes.NewReader(body))
	k := response.Request.Context().Value(exchangeKey{}).(kept)
	k.proxy.mu.Lock()
	defer k.proxy.mu.Unlock()
	k.exchange.Status, k.exchange.Type, k.exchange.Reply = response.StatusCode, mediaType(response.Header), body
	return nil
}

// exchanges are all so far, in the order of their requests.
func (p *proxy) exchanges() []*exchange {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.kept)
}

// count is how many requests came for which is says yes.
func (p *proxy) count(is func(*exchange) bool) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, e := range p.kept {
		if is(e) {
			n++
		}
	}
	return n
}
