package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// Content encodings, as HTTP and gRPC name them.
const (
	encodingIdentity = "identity"
	encodingGzip     = "gzip"
	encodingZstd     = "zstd"
	encodingDeflate  = "deflate"
)

// maxZstdWindow is what RFC 9659 allows in HTTP.
const maxZstdWindow = 8 * mib

func knownEncoding(name string) bool {
	switch name {
	case "", encodingIdentity, encodingGzip, encodingZstd, encodingDeflate:
		return true
	}
	return false
}

// inflater holds the decoders that one request at a time uses.
type inflater struct {
	source  bytes.Reader
	gzip    *gzip.Reader
	zstd    *zstd.Decoder
	zlib    io.ReadCloser
	deflate io.ReadCloser
}

// inflaters bounds how many requests inflate at once. Bodies are received
// before, so a turn takes CPU time only and is short; more of them than CPUs
// would only hold more windows.
type inflaters struct {
	idle chan *inflater
}

func newInflaters(n int) *inflaters {
	p := &inflaters{idle: make(chan *inflater, n)}
	for range n {
		p.idle <- new(inflater)
	}
	return p
}

// inflate appends what sent holds to dst, at most bound+1 bytes.
func (p *inflaters) inflate(ctx context.Context, dst *buffer, sent []byte, encoding string, bound int) error {
	var f *inflater
	select {
	case f = <-p.idle:
	case <-ctx.Done():
		return refuse(ReasonIncomplete, "the client went away")
	}
	defer func() { p.idle <- f }()
	f.source.Reset(sent)
	defer f.source.Reset(nil)
	r, err := f.open(encoding)
	if err == nil {
		err = dst.fill(r, bound)
	}
	var refusal *RefusalError
	switch {
	case err == nil || errors.As(err, &refusal):
		return err
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		return refuse(ReasonCompression, "the zstd window is larger than 8 MiB, the most RFC 9659 allows")
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return refuse(ReasonCompression, "the "+encoding+" body is truncated")
	}
	return refuse(ReasonCompression, "the "+encoding+" body is corrupt")
}

// open gives the reader of the inflated bytes.
func (f *inflater) open(encoding string) (io.Reader, error) {
	switch encoding {
	case encodingGzip:
		if f.gzip == nil {
			f.gzip = new(gzip.Reader)
		}
		return f.gzip, f.gzip.Reset(&f.source)
	case encodingZstd:
		if f.zstd == nil {
			var err error
			// One goroutine, ours: nothing is decoded ahead or left running.
			f.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
				zstd.WithDecoderMaxWindow(maxZstdWindow))
			if err != nil {
				return nil, err
			}
		}
		if f.source.Len() == 0 {
			return nil, io.ErrUnexpectedEOF // the decoder takes nothing for no frames
		}
		return f.zstd, f.zstd.Reset(&f.source)
	}
	return f.openDeflate()
}

// openDeflate reads what HTTP calls deflate: zlib, and raw deflate, which some
// clients send under that name. A raw stream never begins like a zlib header,
// because its first block would be of the stored kind with non-zero padding.
func (f *inflater) openDeflate() (io.Reader, error) {
	var head [2]byte
	if _, err := io.ReadFull(&f.source, head[:]); err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	if _, err := f.source.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	if head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0 {
		if f.zlib == nil {
			var err error
			f.zlib, err = zlib.NewReader(&f.source)
			return f.zlib, err
		}
		return f.zlib, again(f.zlib, &f.source)
	}
	if f.deflate == nil {
		f.deflate = flate.NewReader(&f.source)
		return f.deflate, nil
	}
	return f.deflate, again(f.deflate, &f.source)
}

// again makes a reader of flate or zlib read from the start of source.
func again(r, source io.Reader) error {
	resetter, ok := r.(flate.Resetter) // zlib's is the same interface
	if !ok {
		return errors.New("this reader cannot be used again")
	}
	return resetter.Reset(source, nil)
}
