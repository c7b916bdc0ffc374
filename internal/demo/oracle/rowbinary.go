package oracle

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// rowReader reads ClickHouse's RowBinary format. The first error sticks; what
// is read after it is zero.
type rowReader struct {
	in   io.Reader
	buf  []byte
	r, w int // unread bytes are buf[r:w]
	err  error
}

// maxCell bounds one value: rows hold spans of at most 16 MiB, and longer
// lengths mean that the stream is not what we take it for.
const maxCell = 64 << 20

func newRowReader(in io.Reader) *rowReader {
	return &rowReader{in: in, buf: make([]byte, 256<<10)}
}

// more reports whether another row follows.
func (r *rowReader) more() bool {
	if r.err != nil {
		return false
	}
	if r.r < r.w {
		return true
	}
	r.fill(1)
	if errors.Is(r.err, io.ErrUnexpectedEOF) {
		r.err = nil // between rows is where it should end
	}
	return r.r < r.w
}

// fill makes n bytes available.
func (r *rowReader) fill(n int) {
	if n > maxCell {
		r.err = fmt.Errorf("a value of %d bytes: not a stream of rows", n)
		return
	}
	if r.r+n > len(r.buf) {
		next := r.buf
		if n > len(next) {
			next = make([]byte, 2*n)
		}
		r.w = copy(next, r.buf[r.r:r.w])
		r.buf, r.r = next, 0
	}
	for r.err == nil && r.w-r.r < n {
		var k int
		k, r.err = r.in.Read(r.buf[r.w:])
		r.w += k
		if errors.Is(r.err, io.EOF) {
			r.err = io.ErrUnexpectedEOF
		}
	}
	if r.w-r.r >= n {
		r.err = nil // what came with the error is enough; it will come again
	}
}

// take gives n bytes, valid until the next read.
func (r *rowReader) take(n int) []byte {
	if r.err == nil && r.w-r.r < n {
		r.fill(n)
	}
	if r.err != nil {
		return nil
	}
	b := r.buf[r.r : r.r+n]
	r.r += n
	return b
}

func (r *rowReader) uvarint() (v uint64) {
	for shift := 0; shift < 64; shift += 7 {
		b := r.u8()
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return v
		}
	}
	return v
}

func (r *rowReader) text() []byte { return r.take(int(min(r.uvarint(), maxCell+1))) }

func (r *rowReader) u8() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *rowReader) u64() uint64 {
	if b := r.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// failure is what ended the stream too early. A server that fails after its
// first row can only write the reason between the rows and break off.
func (r *rowReader) failure() error {
	if r.err == nil {
		return nil
	}
	rest := r.buf[r.r:r.w]
	if at := bytes.Index(rest, []byte("Code: ")); at >= 0 && bytes.Contains(rest, []byte("DB::Exception")) {
		return fmt.Errorf("%w: %.500s", r.err, rest[at:])
	}
	return r.err
}
