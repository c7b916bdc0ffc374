package store

import (
	"encoding/binary"
	"encoding/hex"
	"slices"
	"unsafe"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/spanmill/spanmill/pkg/schema"
)

// column is one column of a block in the making: ch-go's contract for writing
// it, and what keeps a block bounded.
type column interface {
	proto.ColInput
	// size is about how many bytes the column encodes to.
	size() int
	// reset empties the column for the next block.
	reset()
}

// A column keeps its memory from block to block while it is small or at least
// a quarter of it is used: one giant block does not pin its size for ever.
const (
	keepBytes = 64 << 10
	keepShare = 4
)

func recycle[T any](s []T) []T {
	var one T
	if cap(s)*int(unsafe.Sizeof(one)) > keepBytes && len(s) < cap(s)/keepShare {
		return nil
	}
	return s[:0]
}

// fixed is a column of values of one width, in memory as on the wire.
type fixed[T comparable] struct {
	typ    proto.ColumnType
	values proto.ColRawOf[T]
}

// as says how the server reads the values; every fixed column needs it once.
func (c *fixed[T]) as(typ proto.ColumnType) *fixed[T] {
	c.typ = typ
	return c
}

func (c *fixed[T]) add(v T)                      { c.values = append(c.values, v) }
func (c *fixed[T]) Type() proto.ColumnType       { return c.typ }
func (c *fixed[T]) Rows() int                    { return len(c.values) }
func (c *fixed[T]) EncodeColumn(b *proto.Buffer) { c.values.EncodeColumn(b) }
func (c *fixed[T]) WriteColumn(w *proto.Writer)  { c.values.WriteColumn(w) }
func (c *fixed[T]) size() int                    { return len(c.values) * c.values.Size() }
func (c *fixed[T]) reset()                       { c.values = recycle(c.values) }

// nullable is a column of numbers that may be absent.
type nullable struct {
	nulls  proto.ColUInt8
	values proto.ColUInt64
}

func (c *nullable) add(n schema.Count) {
	c.nulls = append(c.nulls, bit(!n.Set))
	c.values = append(c.values, n.N)
}

func (c *nullable) Type() proto.ColumnType { return "Nullable(UInt64)" }
func (c *nullable) Rows() int              { return len(c.nulls) }
func (c *nullable) size() int              { return 9 * len(c.nulls) }
func (c *nullable) reset()                 { c.nulls, c.values = recycle(c.nulls), recycle(c.values) }

func (c *nullable) EncodeColumn(b *proto.Buffer) {
	c.nulls.EncodeColumn(b)
	c.values.EncodeColumn(b)
}

func (c *nullable) WriteColumn(w *proto.Writer) {
	c.nulls.WriteColumn(w)
	c.values.WriteColumn(w)
}

// nullableDollars is a column of amounts that may be absent, in 1e-9 dollars.
type nullableDollars struct{ nullable }

func (c *nullableDollars) add(n schema.Count) {
	n.N = min(n.N, schema.MaxCostNano)
	c.nullable.add(n)
}

func (c *nullableDollars) Type() proto.ColumnType { return proto.ColumnTypeNullable.Sub(typeDollars) }

// text is a String column in its encoded form: writing it copies nothing.
type text struct {
	buf  []byte
	rows int
}

func (c *text) add(s string) {
	c.room(len(s))
	c.buf = binary.AppendUvarint(c.buf, uint64(len(s)))
	c.buf = append(c.buf, s...)
	c.rows++
}

// room makes room for n bytes and their length by doubling: append alone grows
// what is large by a quarter, and a block's first life would copy it four times.
func (c *text) room(n int) {
	if n += binary.MaxVarintLen64; cap(c.buf)-len(c.buf) < n {
		c.buf = slices.Grow(c.buf, max(n, len(c.buf)))
	}
}

// addBytes is add for bytes.
func (c *text) addBytes(s []byte) {
	c.room(len(s))
	c.buf = binary.AppendUvarint(c.buf, uint64(len(s)))
	c.buf = append(c.buf, s...)
	c.rows++
}

// hexString is hex for bytes that are held as a string.
func (c *text) hexString(id string) { c.hex(unsafe.Slice(unsafe.StringData(id), len(id))) }

// hex appends an id as lower-case hexadecimal text.
func (c *text) hex(id []byte) {
	c.room(2 * len(id))
	c.buf = binary.AppendUvarint(c.buf, uint64(2*len(id)))
	c.buf = hex.AppendEncode(c.buf, id)
	c.rows++
}

func (c *text) Type() proto.ColumnType       { return proto.ColumnTypeString }
func (c *text) Rows() int                    { return c.rows }
func (c *text) EncodeColumn(b *proto.Buffer) { b.PutRaw(c.buf) }
func (c *text) WriteColumn(w *proto.Writer)  { w.ChainWrite(c.buf) }
func (c *text) size() int                    { return len(c.buf) }
func (c *text) reset()                       { c.buf, c.rows = recycle(c.buf), 0 }

// ends holds where each row's list ends among all elements. Columns of lists
// that always have the same lengths share one.
type ends struct{ offsets proto.ColUInt64 }

func (e *ends) add(elements int) { e.offsets = append(e.offsets, uint64(elements)) }
func (e *ends) reset()           { e.offsets = recycle(e.offsets) }

// array is a column of lists: the elements of all rows and the rows' ends. The
// owner of the ends resets them.
type array struct {
	*ends
	data column
}

func (c array) Type() proto.ColumnType      { return proto.ColumnTypeArray.Sub(c.data.Type()) }
func (c array) Rows() int                   { return len(c.offsets) }
func (c array) size() int                   { return 8*len(c.offsets) + c.data.size() }
func (c array) reset()                      { c.data.reset() }
func (c array) EncodeState(b *proto.Buffer) { encodeState(c.data, b) }

func (c array) EncodeColumn(b *proto.Buffer) {
	c.offsets.EncodeColumn(b)
	c.data.EncodeColumn(b)
}

func (c array) WriteColumn(w *proto.Writer) {
	c.offsets.WriteColumn(w)
	c.data.WriteColumn(w)
}

// dictMap is a Map(LowCardinality(String), V) column. Pairs are added to keys
// and values alike; close ends the row's map.
type dictMap[V any, P interface {
	*V
	column
}] struct {
	ends   ends
	keys   dict
	values V
}

func (c *dictMap[V, P]) close()    { c.ends.add(c.keys.Rows()) }
func (c *dictMap[V, P]) Rows() int { return len(c.ends.offsets) }

func (c *dictMap[V, P]) size() int {
	return 8*len(c.ends.offsets) + c.keys.size() + P(&c.values).size()
}

func (c *dictMap[V, P]) Type() proto.ColumnType {
	return proto.ColumnTypeMap.Sub(c.keys.Type(), P(&c.values).Type())
}

func (c *dictMap[V, P]) reset() {
	c.ends.reset()
	c.keys.reset()
	P(&c.values).reset()
}

func (c *dictMap[V, P]) EncodeState(b *proto.Buffer) {
	encodeState(&c.keys, b)
	encodeState(P(&c.values), b)
}

func (c *dictMap[V, P]) EncodeColumn(b *proto.Buffer) {
	c.ends.offsets.EncodeColumn(b)
	c.keys.EncodeColumn(b)
	P(&c.values).EncodeColumn(b)
}

func (c *dictMap[V, P]) WriteColumn(w *proto.Writer) {
	c.ends.offsets.WriteColumn(w)
	c.keys.WriteColumn(w)
	P(&c.values).WriteColumn(w)
}

func encodeState(c column, b *proto.Buffer) {
	if s, ok := c.(proto.StateEncoder); ok {
		s.EncodeState(b)
	}
}
