package gateway

import (
	"io"
	"sync"

	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/gzip" // registers gzip
)

// registerEncodings tells grpc-go that zstd and deflate exist; it refuses
// requests in an encoding that nobody registered, before any handler. Its
// registry is one per process and must not be written while it is read, so this
// is done once, by New, before a door opens. Requests are inflated by inflaters
// all the same; clients in this process get working codecs.
var registerEncodings = sync.OnceFunc(func() {
	for _, c := range []encoding.Compressor{zstdCompressor{}, deflateCompressor{}} {
		if encoding.GetCompressor(c.Name()) == nil {
			encoding.RegisterCompressor(c)
		}
	}
})

type zstdCompressor struct{}

func (zstdCompressor) Name() string { return encodingZstd }

func (zstdCompressor) Compress(w io.Writer) (io.WriteCloser, error) {
	return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
}

func (zstdCompressor) Decompress(r io.Reader) (io.Reader, error) {
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxZstdWindow))
	if err != nil {
		return nil, err
	}
	return d.IOReadCloser(), nil
}

type deflateCompressor struct{}

func (deflateCompressor) Name() string { return encodingDeflate }

func (deflateCompressor) Compress(w io.Writer) (io.WriteCloser, error) { return zlib.NewWriter(w), nil }

func (deflateCompressor) Decompress(r io.Reader) (io.Reader, error) { return zlib.NewReader(r) }
