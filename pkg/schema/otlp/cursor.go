package otlp

import "encoding/binary"

// cursor reads the fields of a message without checking what it passes over. It
// has no error to report: what it cannot read ends it early. It notes then, and
// whenever a field is not one of the message's own, that something is odd.
type cursor struct {
	src  string // what is left
	m    message
	odd  *bool // set, never cleared; nil: nobody wants to know
	num  int
	val  uint64 // of varint and fixed-size fields
	data string // of length-delimited fields
}

// next moves to the next field and reports whether there is one. Declare a
// cursor before its loop, not in the loop's header: there Go copies it once an
// iteration, which costs more than the rest of the decoding.
func (c *cursor) next() bool {
	// Nearly every field, as in walk.
	if src := c.src; len(src) >= 2 && src[0]&0x87 == wireLen && src[1] < 0x80 {
		if hi := 2 + int(src[1]); hi <= len(src) {
			c.num, c.data, c.src = int(src[0]>>3), src[2:hi], src[hi:]
			if format[c.m][c.num].kind.wire() != wireLen {
				c.mark()
			}
			return true
		}
	}
	if c.src == "" {
		return false
	}
	if !c.nextLong() {
		c.mark()
		return false
	}
	return true
}

func (c *cursor) mark() {
	if c.odd != nil {
		*c.odd = true
	}
}

// nextLong is next for every kind of field; false: there is none that can be read.
// A field of a wrong wire type is an empty one: with what the field before it
// held, a message of many such fields would be read as often, at every level.
func (c *cursor) nextLong() bool {
	c.val, c.data = 0, ""
	tag, pos := uvarint(c.src, 0, len(c.src))
	if pos < 0 {
		return false
	}
	wire := wireType(tag & 7)
	if tag >>= 3; tag > maxMember || format[c.m][tag].kind == kindUnknown || format[c.m][tag].kind.wire() != wire {
		c.mark()
	}
	c.num = int(tag)
	switch wire {
	case wireLen:
		n, lo := uvarint(c.src, pos, len(c.src))
		if lo < 0 || n > uint64(len(c.src)-lo) {
			return false
		}
		pos = lo + int(n)
		c.data = c.src[lo:pos]
	case wireVarint:
		if c.val, pos = uvarint(c.src, pos, len(c.src)); pos < 0 {
			return false
		}
	case wireI64:
		if len(c.src)-pos < 8 {
			return false
		}
		c.val = binary.LittleEndian.Uint64([]byte(c.src[pos : pos+8]))
		pos += 8
	case wireI32:
		if len(c.src)-pos < 4 {
			return false
		}
		c.val = uint64(binary.LittleEndian.Uint32([]byte(c.src[pos : pos+4])))
		pos += 4
	default:
		return false
	}
	c.src = c.src[pos:]
	return true
}
