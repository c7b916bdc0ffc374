package store

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// rows reads an answer in ClickHouse's RowBinary format: values one after the
// other, without names or types. Reading never fails at once: err is the first
// thing that went wrong, and what is read after it is zero.
type rows struct {
	r   *bufio.Reader
	err error
}

func newRows(r io.Reader) *rows { return &rows{r: bufio.NewReaderSize(r, 64<<10)} }

// next reports whether another row begins.
func (r *rows) next() bool {
	if r.err != nil {
		return false
	}
	_, err := r.r.Peek(1)
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return err == nil
}

// maxValueBytes bounds one value: a span may have 16 MiB, which JSON escapes
// can make longer.
const maxValueBytes = 128 << 20

func (r *rows) length() int {
	if r.err != nil {
		return 0
	}
	n, err := binary.ReadUvarint(r.r)
	if err == nil && n > maxValueBytes {
		err = fmt.Errorf("a value of %d bytes or members", n)
	}
	r.fail(err)
	if r.err != nil {
		return 0
	}
	return int(n)
}

func (r *rows) fail(err error) {
	if r.err == nil && err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF // inside a row
		}
		r.err = fmt.Errorf("read rows: %w", err)
	}
}

func (r *rows) text() string {
	b := make([]byte, r.length())
	if r.err == nil {
		_, err := io.ReadFull(r.r, b)
		r.fail(err)
	}
	if r.err != nil {
		return ""
	}
	return string(b)
}

func (r *rows) fixed(n int) uint64 {
	var b [8]byte
	if r.err == nil {
		_, err := io.ReadFull(r.r, b[:n])
		r.fail(err)
	}
	if r.err != nil {
		return 0
	}
	return binary.LittleEndian.Uint64(b[:])
}

func (r *rows) uint8() uint8   { return uint8(r.fixed(1)) }
func (r *rows) boolean() bool  { return r.fixed(1) != 0 }
func (r *rows) uint32() uint32 { return uint32(r.fixed(4)) }
func (r *rows) uint64() uint64 { return r.fixed(8) }
func (r *rows) int64() int64   { return int64(r.fixed(8)) }

// list reads an Array.
func list[T any](r *rows, one func() T) []T {
	n := r.length()
	var all []T
	for range n {
		if r.err != nil {
			return nil
		}
		all = append(all, one())
	}
	return all
}

// texts reads a Map(String, String).
func (r *rows) texts() map[string]string {
	n := r.length()
	m := make(map[string]string, min(n, 64))
	for range n {
		if r.err != nil {
			break
		}
		key := r.text()
		m[key] = r.text()
	}
	return m
}
