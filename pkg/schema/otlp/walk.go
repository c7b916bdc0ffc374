package otlp

import (
	"fmt"
	"unsafe"
)

// maxDepth is how many AnyValues may nest before the walk stops looking.
const maxDepth = 64

// maxFieldNumber is protobuf's own bound.
const maxFieldNumber = 1<<29 - 1

// FramingError says that bytes are not an OTLP trace request. It never quotes
// them.
type FramingError struct {
	Offset int // absolute, of the tag, length or value that is broken
	Reason string
}

func (e *FramingError) Error() string {
	return fmt.Sprintf("otlp: byte %d: %s", e.Offset, e.Reason)
}

// field is one protobuf field: its tag starts at at, its value is [lo, hi),
// without the length prefix. (Four words: with five, Go would keep it in memory
// instead of registers, and the walk would take twice as long.)
type field struct {
	num, at, lo, hi int
}

// walker checks framing and wire types against format.
type walker struct {
	src string
	// ids are the last values of trace, span and parent id that the walk of a
	// span passed.
	ids [3]string
}

// check walks a whole message.
func check(m message, src string) error {
	w := walker{src: src}
	return w.walk(m, 0, len(src), 0)
}

// walk checks the message m in [pos, end), all the way down. depth counts the
// AnyValues around it.
func (w *walker) walk(m message, pos, end, depth int) error {
	if m == msgAnyValue {
		if depth++; depth > maxDepth {
			return nil
		}
	}
	src, members := w.src[:end], &format[m]
	for pos < len(src) {
		lo, hi, num := pos+2, 0, 0
		// Nearly every field is a known length-delimited one with a tag and a
		// length of one byte each; next does all others.
		if tag := src[pos]; tag < 0x80 && (tag&7) == wireLen && lo <= len(src) && src[pos+1] < 0x80 {
			num = int(tag >> 3)
			hi = lo + int(src[pos+1])
		}
		if hi == 0 || hi > len(src) || members[num].kind.wire() != wireLen {
			f, err := w.next(m, pos, end)
			if err != nil {
				return err
			}
			if lo, hi, num = f.lo, f.hi, f.num; num > maxMember {
				num = 0
			}
		}
		pos = hi
		child := members[num].child
		switch {
		case child == msgNone:
		case child == msgAnyValue && isShortString(src[lo:hi]):
		case child >= messages:
			w.ids[child-messages] = src[lo:hi]
		default:
			if err := w.walk(child, lo, hi, depth); err != nil {
				return err
			}
		}
	}
	return nil
}

// next reads the field of message m that starts at pos and checks that it ends
// by end and has the wire type its number asks for.
func (w *walker) next(m message, pos, end int) (field, error) {
	f := field{at: pos}
	tag, pos := uvarint(w.src, pos, end)
	if pos < 0 {
		return f, broken(f.at, pos)
	}
	wire := wireType(tag & 7)
	if tag >>= 3; tag == 0 || tag > maxFieldNumber {
		return f, &FramingError{f.at, "field number out of range"}
	}
	f.num = int(tag)
	if f.num <= maxMember {
		if k := format[m][f.num].kind; k != kindUnknown && k.wire() != wire {
			return f, &FramingError{f.at, "wrong wire type for field " + format[m][f.num].name}
		}
	}
	f.lo = pos
	switch wire {
	case wireLen:
		var n uint64
		if n, pos = uvarint(w.src, pos, end); pos < 0 {
			return f, broken(f.lo, pos)
		}
		if n > uint64(end-pos) {
			return f, &FramingError{f.lo, "length goes past the end"}
		}
		f.lo, f.hi = pos, pos+int(n)
	case wireVarint:
		if _, f.hi = uvarint(w.src, pos, end); f.hi < 0 {
			return f, broken(f.lo, f.hi)
		}
	case wireI64:
		f.hi = pos + 8
	case wireI32:
		f.hi = pos + 4
	default:
		return f, &FramingError{f.at, "wire type is a group or undefined"}
	}
	if f.hi > end {
		return f, &FramingError{f.lo, "fixed-size value is truncated"}
	}
	return f, nil
}

// What uvarint returns as position when there is no varint.
const (
	truncated = -1
	overflow  = -2
)

func broken(at, pos int) error {
	if pos == overflow {
		return &FramingError{at, "varint overflows 64 bits"}
	}
	return &FramingError{at, "varint is truncated"}
}

// uvarint reads the varint at pos, which must end by end, and gives the
// position after it, else truncated or overflow.
func uvarint(s string, pos, end int) (uint64, int) {
	if pos < end && s[pos] < 0x80 {
		return uint64(s[pos]), pos + 1
	}
	return uvarintLong(s, pos, end)
}

func uvarintLong(s string, pos, end int) (uint64, int) {
	var v uint64
	for shift := uint(0); pos < end; shift += 7 {
		b := s[pos]
		pos++
		if shift == 63 && b > 1 {
			return 0, overflow
		}
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return v, pos
		}
	}
	return 0, truncated
}

// alias is b as a string, without a copy: valid while b is not written.
func alias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// isShortString recognises the AnyValue that most are: one string of less than
// 128 bytes. It spares the walk a third of its calls.
func isShortString(value string) bool {
	const tag = 1<<3 | wireLen
	return len(value) >= 2 && value[0] == tag && value[1] < 0x80 && int(value[1]) == len(value)-2
}
