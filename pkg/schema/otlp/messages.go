package otlp

import (
	"encoding/binary"
	"slices"
)

// messageWriter writes nested protobuf messages in one pass, without knowing
// their sizes beforehand. Every length gets one byte at first; those that need
// more are noted and get their room in finish, so that the cost stays linear
// however deep messages nest.
type messageWriter struct {
	buf   []byte
	sizes []size // of messages of 128 bytes and more, inner before outer
	extra int    // bytes that finish will add for sizes
}

type size struct{ at, n int }

// opened is a message under construction.
type opened struct{ at, extra int }

func (w *messageWriter) open(num int) opened {
	w.tag(num, wireLen)
	w.buf = append(w.buf, 0)
	return opened{at: len(w.buf) - 1, extra: w.extra}
}

func (w *messageWriter) close(o opened) {
	n := len(w.buf) - o.at - 1 + w.extra - o.extra
	if n < 0x80 {
		w.buf[o.at] = byte(n)
		return
	}
	w.sizes = append(w.sizes, size{o.at, n})
	w.extra += uvarintLen(n) - 1
}

// finish makes room for the long lengths, from the back, and gives the whole.
func (w *messageWriter) finish() []byte {
	slices.SortFunc(w.sizes, func(a, b size) int { return a.at - b.at })
	from := len(w.buf)
	w.buf = slices.Grow(w.buf, w.extra)[:from+w.extra]
	to := len(w.buf)
	for _, s := range slices.Backward(w.sizes) {
		to -= from - (s.at + 1)
		copy(w.buf[to:], w.buf[s.at+1:from])
		to -= uvarintLen(s.n)
		binary.PutUvarint(w.buf[to:], uint64(s.n))
		from = s.at
	}
	return w.buf
}

func (w *messageWriter) tag(num int, wire wireType) {
	w.buf = binary.AppendUvarint(w.buf, uint64(num)<<3|uint64(wire))
}

func (w *messageWriter) text(num int, s string) {
	w.tag(num, wireLen)
	w.buf = binary.AppendUvarint(w.buf, uint64(len(s)))
	w.buf = append(w.buf, s...)
}

func (w *messageWriter) varint(num int, v uint64) {
	w.tag(num, wireVarint)
	w.buf = binary.AppendUvarint(w.buf, v)
}

func (w *messageWriter) fixed64(num int, v uint64) {
	w.tag(num, wireI64)
	w.buf = binary.LittleEndian.AppendUint64(w.buf, v)
}

func (w *messageWriter) fixed32(num int, v uint32) {
	w.tag(num, wireI32)
	w.buf = binary.LittleEndian.AppendUint32(w.buf, v)
}
