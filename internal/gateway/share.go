package gateway

import (
	"context"
	"net"
	"net/http"
	"strings"
)

// Listen opens an address for another door of the same process. It admits as
// many connections as each of ours; door names it in metrics.
func (g *Gateway) Listen(ctx context.Context, addr, door string) (net.Listener, error) {
	return g.listen(ctx, addr, door)
}

// Receive reads the body of another door's request, inflated, from the same
// budget as those of ours (G2). release, never nil, ends the life of its bytes.
// The error is a *RefusalError; what the client still sends is not drained.
func (g *Gateway) Receive(r *http.Request, door string) (body []byte, release func(), err error) {
	encoding := strings.ToLower(strings.TrimSpace(strings.Join(r.Header.Values("Content-Encoding"), ",")))
	if !knownEncoding(encoding) {
		return nil, func() {}, refuse(ReasonEncoding, "the content encoding must be gzip, zstd, deflate or identity")
	}
	if r.ContentLength > int64(g.cfg.MaxBodyBytes) {
		return nil, func() {}, tooLarge(g.cfg.MaxBodyBytes)
	}
	sent := g.buffers.get()
	err = sent.fill(r.Body, g.cfg.MaxBodyBytes)
	g.m.received.WithLabelValues(door).Add(float64(len(sent.bytes)))
	if err != nil {
		g.buffers.put(sent)
		return nil, func() {}, asRefusal(readError(err))
	}
	whole, err := g.payload(r.Context(), sent, encoding, g.cfg.MaxBodyBytes)
	if err != nil {
		return nil, func() {}, asRefusal(err)
	}
	return whole.bytes, func() { g.buffers.put(whole) }, nil
}
