package store

import (
	"errors"
	"io"
	"net"
	"sync"
)

// body lends a block's memory to an HTTP request. The client may go on sending
// after a request was given up, so the memory is the block's again only when
// release has returned: bytes of the next batch must not end up under this
// one's token.
type body struct {
	mu       sync.Mutex // held while the connection has the memory
	data     net.Buffers
	released bool
}

// errReleased ends a request's sending; a plain end of file would make what was
// sent so far a complete body.
var errReleased = errors.New("request was given up")

// WriteTo hands the columns to the connection uncopied. It is what net/http
// uses where it can.
func (b *body) WriteTo(w io.Writer) (int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.released {
		return 0, errReleased
	}
	return b.data.WriteTo(w)
}

func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.released {
		return 0, errReleased
	}
	return b.data.Read(p)
}

// Close does nothing: release is what ends the loan.
func (b *body) Close() error { return nil }

// release waits until the connection has let go of the memory. The request is
// over by then, so its connection is being closed if it is still sending.
func (b *body) release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.data, b.released = nil, true
}
