package schema

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"

	"github.com/vmihailenco/msgpack/v5"
)

// packer writes msgpack maps by field name. Zero values are left out, and map
// keys are sorted: the same words give the same bytes.
type packer struct {
	buf    bytes.Buffer
	out    *msgpack.Encoder // into buf
	fields int              // so far, of the object that is being written
	err    error
}

var packers = sync.Pool{New: func() any {
	p := new(packer)
	p.out = msgpack.NewEncoder(&p.buf)
	return p
}}

// maxPackerKept bounds the bytes of a buffer that waits for the next value.
const maxPackerKept = 1 << 16

// pack gives what body writes, in memory of its own.
func pack(body func(p *packer)) ([]byte, error) {
	p, _ := packers.Get().(*packer) // New gives nothing else
	body(p)
	value, err := bytes.Clone(p.buf.Bytes()), p.err
	if p.buf.Reset(); p.buf.Cap() <= maxPackerKept {
		p.err = nil
		packers.Put(p)
	}
	return value, err
}

// object writes a map of the fields that body writes. msgpack wants their number
// before them: a byte is left for it, and two more are made if that is too few.
func (p *packer) object(body func()) {
	outer, at := p.fields, p.buf.Len()
	p.fields = 0
	p.buf.WriteByte(0)
	body()
	n := p.fields
	p.fields = outer
	if n <= maxPackFix {
		p.buf.Bytes()[at] = 0x80 | byte(n)
		return
	}
	p.buf.Write([]byte{0, 0})
	out := p.buf.Bytes()[at:]
	copy(out[3:], out[1:])
	out[0] = 0xde
	binary.BigEndian.PutUint16(out[1:], uint16(n))
}

// maxPackFix is the most fields whose number msgpack writes as one byte.
const maxPackFix = 15

func (p *packer) do(err error) {
	if p.err == nil {
		p.err = err
	}
}

// field begins a field; false: it is not to be written.
func (p *packer) field(name string, there bool) bool {
	if there {
		p.fields++
		p.do(p.out.EncodeString(name))
	}
	return there
}

func (p *packer) text(name, v string) {
	if p.field(name, v != "") {
		p.do(p.out.EncodeString(v))
	}
}

func (p *packer) int(name string, v int64) {
	if p.field(name, v != 0) {
		p.do(p.out.EncodeInt(v))
	}
}

func (p *packer) uint(name string, v uint64) {
	if p.field(name, v != 0) {
		p.do(p.out.EncodeUint(v))
	}
}

// count writes 0 too, where it was said.
func (p *packer) count(name string, v Count) {
	if p.field(name, v.Set) {
		p.do(p.out.EncodeUint(v.N))
	}
}

// amount writes 0 too, where it was said.
func (p *packer) amount(name string, v Amount) {
	if p.field(name, v.Set) {
		p.do(p.out.EncodeInt(v.N))
	}
}

func (p *packer) flag(name string, v bool) {
	if p.field(name, v) {
		p.do(p.out.EncodeBool(v))
	}
}

func (p *packer) texts(name string, m map[string]string) {
	if !p.field(name, len(m) > 0) {
		return
	}
	p.do(p.out.EncodeMapLen(len(m)))
	var few [32]string // most maps have fewer keys: none are allocated
	keys := few[:0]
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		p.do(p.out.EncodeString(key))
		p.do(p.out.EncodeString(m[key]))
	}
}

// part writes an object as a field.
func (p *packer) part(name string, there bool, body func()) {
	if p.field(name, there) {
		p.object(body)
	}
}

// unpacker reads what packer writes, and what later versions may add: fields
// that nobody knows are skipped. It allocates in proportion to its input, however
// large the lengths in it claim to be.
type unpacker struct {
	in    *msgpack.Decoder
	pairs int // of all maps of texts
	err   error
}

func newUnpacker(value []byte) *unpacker {
	return &unpacker{in: msgpack.NewDecoder(bytes.NewReader(value))}
}

const (
	// maxPackDepth bounds the nesting of what is skipped: a stack has an end.
	maxPackDepth = 64
	// maxPackPairs bounds the maps of a value: a pair takes four bytes there, and
	// a hundred in memory.
	maxPackPairs = 1 << 19
)

// object reads a map: known reads the value of a field that it knows, and
// reports false of others.
func (u *unpacker) object(known func(name string) bool) {
	n := u.length(u.in.DecodeMapLen)
	for range n {
		name := u.text()
		if u.err != nil {
			return
		}
		if !known(name) {
			u.skip(0)
		}
		if u.err != nil {
			return
		}
	}
}

// length reads a length; nil counts as empty.
func (u *unpacker) length(read func() (int, error)) int {
	if u.err != nil {
		return 0
	}
	n, err := read()
	if err != nil {
		u.err = err
	}
	return max(n, 0)
}

func (u *unpacker) text() string {
	return unpacked(u, u.in.DecodeString)
}

func (u *unpacker) int() int64 { return unpacked(u, u.in.DecodeInt64) }

func (u *unpacker) uint() uint64 { return unpacked(u, u.in.DecodeUint64) }

func (u *unpacker) count() Count { return Count{N: u.uint(), Set: true} }

func (u *unpacker) flag() bool { return unpacked(u, u.in.DecodeBool) }

func unpacked[T any](u *unpacker, read func() (T, error)) (v T) {
	if u.err == nil {
		v, u.err = read()
	}
	return v
}

func (u *unpacker) texts() map[string]string {
	n := u.length(u.in.DecodeMapLen)
	if n == 0 {
		return nil
	}
	if u.pairs += n; u.pairs > maxPackPairs {
		u.err = fmt.Errorf("maps of more than %d pairs", maxPackPairs)
		return nil
	}
	m := make(map[string]string)
	for range n {
		key := u.text()
		value := u.text()
		if u.err != nil {
			return nil
		}
		m[key] = value
	}
	return m
}

// skip passes over one value. The library's own recurses as deep as its input
// says.
func (u *unpacker) skip(depth int) {
	if u.err != nil {
		return
	}
	if depth > maxPackDepth {
		u.err = fmt.Errorf("a value is nested deeper than %d", maxPackDepth)
		return
	}
	code, err := u.in.PeekCode()
	if err != nil {
		u.err = err
		return
	}
	switch {
	case code >= 0x80 && code <= 0x8f, code == 0xde, code == 0xdf: // maps
		for range u.length(u.in.DecodeMapLen) {
			u.skip(depth + 1)
			u.skip(depth + 1)
			if u.err != nil {
				return
			}
		}
	case code >= 0x90 && code <= 0x9f, code == 0xdc, code == 0xdd: // arrays
		for range u.length(u.in.DecodeArrayLen) {
			u.skip(depth + 1)
			if u.err != nil {
				return
			}
		}
	default:
		u.err = u.in.Skip()
	}
}
