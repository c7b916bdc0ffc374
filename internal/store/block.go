package store

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go/proto"
)

// Types of columns, spelt as DESCRIBE TABLE spells them.
const (
	typeWords   proto.ColumnType = "LowCardinality(String)"
	typeBool    proto.ColumnType = "Bool"
	typeDate    proto.ColumnType = "Date"
	typeMilli   proto.ColumnType = "DateTime64(3, 'UTC')"
	typeNano    proto.ColumnType = "DateTime64(9, 'UTC')"
	typeDollars proto.ColumnType = "Decimal(18, 9)"
	typeStatus  proto.ColumnType = "Enum8('UNSET' = 0, 'OK' = 1, 'ERROR' = 2)"
	typeSecond  proto.ColumnType = "DateTime('UTC')"
	typeInt16   proto.ColumnType = "Int16"
	typeInt32   proto.ColumnType = "Int32"
	typeInt64   proto.ColumnType = "Int64"
	typeFloat64 proto.ColumnType = "Float64"
	typeUInt8   proto.ColumnType = "UInt8"
	typeUInt16  proto.ColumnType = "UInt16"
	typeUInt32  proto.ColumnType = "UInt32"
	typeUInt64  proto.ColumnType = "UInt64"
	typeVersion proto.ColumnType = "UInt128"
)

// Block is rows of one table, as columns.
type Block interface {
	// Rows is how many rows were appended since the last Reset.
	Rows() int
	// Bytes is about what the rows encode to.
	Bytes() int
	// Reset empties the block and keeps memory that is worth keeping.
	Reset()

	// until has the server refuse the block after a moment of its clock; the zero
	// time: it always takes it. Rows appended later need it again.
	until(at time.Time)
	// encode gives the block in Native format. The pieces are the columns'
	// own memory: they are valid until the next Append, Reset or encode.
	encode() (net.Buffers, error)
	// names lists the columns, structure their names and types.
	names() string
	structure() string
}

// namedColumn is a line of a block's table of columns.
type namedColumn struct {
	name string
	column
}

// columns is what every block is: its columns in the order they are sent.
type columns struct {
	list     []namedColumn
	insertBy fixed[int64]
	rows     int
	head     proto.Buffer
}

// columnInsertBy says until when a block may be stored, in each of its rows, as
// the tables' constraint checks it once the server has the whole block (W9).
const columnInsertBy = "insert_by"

// until implements Block.
func (c *columns) until(at time.Time) {
	c.insertBy.as(typeMilli).reset()
	if !at.IsZero() {
		c.insertBy.values = appendRun(c.insertBy.values, at.UnixMilli(), c.rows)
	}
}

// sent are the columns that the server gets.
func (c *columns) sent() []namedColumn {
	if c.insertBy.Rows() == 0 {
		return c.list
	}
	return append(slices.Clone(c.list), namedColumn{columnInsertBy, &c.insertBy})
}

// Rows implements Block.
func (c *columns) Rows() int { return c.rows }

// Bytes implements Block.
func (c *columns) Bytes() int {
	n := 0
	for i := range c.list {
		n += c.list[i].size()
	}
	return n
}

// Reset implements Block.
func (c *columns) Reset() {
	for i := range c.list {
		c.list[i].reset()
	}
	c.insertBy.reset()
	c.rows = 0
}

func (c *columns) names() string {
	var names []string
	for _, sent := range c.sent() {
		names = append(names, sent.name)
	}
	return strings.Join(names, ", ")
}

func (c *columns) structure() string {
	var defs []string
	for _, sent := range c.sent() {
		defs = append(defs, sent.name+" "+string(sent.Type()))
	}
	return strings.Join(defs, ", ")
}

func (c *columns) encode() (net.Buffers, error) {
	var input []proto.InputColumn
	for _, sent := range c.sent() {
		input = append(input, proto.InputColumn{Name: sent.name, Data: sent.column})
	}
	var out pieces
	c.head.Reset()
	w := proto.NewWriter(&out, &c.head)
	block := proto.Block{Columns: len(input), Rows: c.rows}
	if err := block.WriteBlock(w, nativeRevision, input); err != nil {
		return nil, fmt.Errorf("encode block: %w", err)
	}
	if _, err := w.Flush(); err != nil {
		return nil, fmt.Errorf("encode block: %w", err)
	}
	return net.Buffers(out), nil
}

// nativeRevision is the protocol revision of Native format over HTTP.
const nativeRevision = 0

// pieces collects what a proto.Writer flushes without copying it. A Writer
// hands on the columns' memory and its buffer's; both stay as they are until
// the block changes.
type pieces net.Buffers

func (p *pieces) Write(b []byte) (int, error) {
	*p = append(*p, b)
	return len(b), nil
}
