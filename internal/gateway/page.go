package gateway

import (
	"bytes"
	_ "embed"
	"html/template"
	"net"
	"net/http"
)

//go:embed page.html
var pageHTML string

// page is what a browser sees: where to send spans, and how.
type page struct {
	g        *Gateway
	template *template.Template
}

func newPage(g *Gateway) page {
	return page{g: g, template: template.Must(template.New("page").Parse(pageHTML))}
}

// places are the addresses as the reader of the page reaches them.
type places struct {
	HTTP, GRPC string // host:port
	KeyNeeded  bool
}

func (p page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	httpAddr, grpcAddr := p.g.Addresses()
	at := places{HTTP: r.Host, GRPC: grpcAddr, KeyNeeded: p.g.deps.Keys.Required()}
	if at.HTTP == "" {
		at.HTTP = httpAddr
	}
	// The listener may be on 0.0.0.0: the name that led here leads there too.
	host, _, err := net.SplitHostPort(at.HTTP)
	if err != nil {
		host = at.HTTP
	}
	if _, port, err := net.SplitHostPort(grpcAddr); err == nil {
		at.GRPC = net.JoinHostPort(host, port)
	}
	var html bytes.Buffer
	if err := p.template.Execute(&html, at); err != nil {
		http.Error(w, "the page cannot be rendered", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	w.Header().Set("Cache-Control", "no-store")
	w.Write(html.Bytes()) //nolint:errcheck // the reader is gone
}
