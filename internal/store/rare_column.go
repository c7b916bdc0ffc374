package store

import (
	"slices"

	"github.com/ClickHouse/ch-go/proto"
)

// rare is a column that most rows leave empty. Such rows are only counted, and
// put into the column in one go before it is used: a span pays next to nothing
// for the columns that it has nothing for.
type rare[V any, X comparable, P rareColumn[V, X]] struct {
	column V
	run    int // empty rows that are not in the column yet
}

// rareColumn is a column that can take many empty rows at once.
type rareColumn[V, X any] interface {
	*V
	column
	add(value X)
	addEmpty(rows int)
}

func (c *rare[V, X, P]) add(value X) {
	var empty X
	if value == empty {
		c.run++
		return
	}
	c.settled().add(value)
}

// settled gives the column with all of its rows.
func (c *rare[V, X, P]) settled() P {
	p := P(&c.column)
	if c.run > 0 {
		p.addEmpty(c.run)
		c.run = 0
	}
	return p
}

func (c *rare[V, X, P]) Type() proto.ColumnType       { return P(&c.column).Type() }
func (c *rare[V, X, P]) Rows() int                    { return P(&c.column).Rows() + c.run }
func (c *rare[V, X, P]) size() int                    { return P(&c.column).size() + c.run }
func (c *rare[V, X, P]) EncodeState(b *proto.Buffer)  { encodeState(P(&c.column), b) }
func (c *rare[V, X, P]) EncodeColumn(b *proto.Buffer) { c.settled().EncodeColumn(b) }
func (c *rare[V, X, P]) WriteColumn(w *proto.Writer)  { c.settled().WriteColumn(w) }

func (c *rare[V, X, P]) reset() {
	P(&c.column).reset()
	c.run = 0
}

func (c *fixed[T]) addEmpty(rows int) {
	var empty T
	c.values = appendRun(c.values, empty, rows)
}

func (c *nullable) addEmpty(rows int) {
	c.nulls, c.values = appendRun(c.nulls, 1, rows), appendRun(c.values, 0, rows)
}

func (c *nullableReal) addEmpty(rows int) {
	c.nulls, c.values = appendRun(c.nulls, 1, rows), appendRun(c.values, 0, rows)
}

func (c *text) addEmpty(rows int) {
	c.buf = appendRun(c.buf, 0, rows)
	c.rows += rows
}

func (c *dict) addEmpty(rows int) {
	c.add("")
	c.rows = appendRun(c.rows, c.rows[len(c.rows)-1], rows-1)
}

// appendRun appends a value n times.
func appendRun[S ~[]T, T any](s S, value T, n int) S {
	from := len(s)
	s = slices.Grow(s, n)[:from+n]
	for i := from; i < len(s); i++ {
		s[i] = value
	}
	return s
}
