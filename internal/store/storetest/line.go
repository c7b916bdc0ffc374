package storetest

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"time"

	"github.com/spanmill/spanmill/internal/store"
	"github.com/spanmill/spanmill/pkg/pipeline"
)

// through is a store whose inserts reach the server over a line that does
// something to their bodies.
func (b *bench) through(bend func(io.Reader) io.Reader) *store.Store {
	b.Helper()
	target, err := url.Parse(b.cfg.URL)
	if err != nil {
		b.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: b.cfg.TLS}
	b.Cleanup(transport.CloseIdleConnections)
	line := httptest.NewServer(&httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			if r.In.URL.Query().Has("insert_deduplication_token") {
				r.Out.Body = io.NopCloser(bend(r.In.Body))
			}
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }, // as a line does
	})
	b.Cleanup(line.Close)
	cfg := b.cfg
	cfg.URL, cfg.Others, cfg.TLS = line.URL, nil, nil
	return open(b.T, cfg)
}

// bent gives data but for its last bytes, then calls hold, then gives the rest
// or hold's error.
type bent struct {
	data []byte
	keep int
	hold func() error
}

func (s *bent) Read(p []byte) (int, error) {
	if len(s.data) == s.keep && s.hold != nil {
		if err := s.hold(); err != nil {
			return 0, err
		}
		s.hold, s.keep = nil, 0
	}
	if len(s.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.data[:len(s.data)-s.keep])
	s.data = s.data[n:]
	return n, nil
}

// bending reads a whole body, of which the share (in percent) goes through at
// once.
func bending(share int, hold func() error) func(io.Reader) io.Reader {
	return func(in io.Reader) io.Reader {
		whole, err := io.ReadAll(in)
		if err != nil {
			hold = func() error { return err }
		}
		return &bent{data: whole, keep: len(whole) - len(whole)*share/100, hold: hold}
	}
}

// lateBodyIsRefused: W9 holds for the end of the body. The head was there long
// before the deadline.
func lateBodyIsRefused(b *bench) {
	deadline := time.Now().Add(500 * time.Millisecond)
	hold := func() error {
		for { // without sleeping: the server is asked for its time
			now, err := b.ServerTime(b.Context())
			if err != nil || now.After(deadline.Add(100*time.Millisecond)) {
				return err
			}
		}
	}
	slow := b.through(bending(99, hold))
	b.isDeadline(slow.Spans().Insert(b.Context(), b.block(many(5000)...), b.log+"t", deadline, nil))
	b.expect("0", "SELECT count() FROM ROWS")
}

var errCut = errors.New("the line is cut")

func cutBodyStoresNothing(b *bench) {
	block := b.block(many(5000)...)
	for _, share := range []int{10, 50, 99, 100} { // 100: all rows, but not the end of the body
		cut := b.through(bending(share, func() error { return errCut }))
		err := cut.Spans().Insert(b.Context(), block, b.log+"t", soon(), nil)
		for _, class := range []error{pipeline.ErrRejected, pipeline.ErrDeadline, pipeline.ErrFatal} {
			if err == nil || errors.Is(err, class) {
				b.Errorf("cut at %d %%: %v", share, err)
			}
		}
	}
	b.insert(block, "t") // and the token is free
	b.expect("5000", "SELECT count() FROM ROWS")
}
