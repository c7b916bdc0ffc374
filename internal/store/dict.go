package store

import (
	"encoding/binary"
	"slices"
	"strings"
	"unique"
	"unsafe"

	"github.com/ClickHouse/ch-go/proto"
)

// A dict remembers the words of earlier blocks up to these bounds, so that a
// steady stream allocates nothing; beyond them it starts afresh.
const (
	dictKeepWords = 4096
	dictKeepBytes = 1 << 20
)

// dict is a LowCardinality(String) column: each distinct word once, rows as
// indexes. Words are looked up by strings that alias records and are cloned the
// first time only. A word carries over to later blocks, its index does not: the
// index is valid while the word's epoch is the block's.
type dict struct {
	known map[string]int // word → position in words
	words []word
	bytes int // of all known words
	epoch uint64
	// handles hold the words, if they are attributes' keys: decoders give them in
	// the same memory, and comparing is at once.
	keysOnly bool
	handles  []unique.Handle[string]

	block text            // the words of this block, in index order
	rows  proto.ColUInt32 // index per row
	keys  []byte          // rows narrowed for the wire

	last   int                // position of the row before's word
	recent [recentWords]int32 // positions of words met last, by slot
}

// word is a known word, its place in the current block, and the word that
// followed it last: attributes come in the same few orders again and again, and
// comparing is cheaper than hashing.
type word struct {
	text  string
	epoch uint64
	index uint32
	next  int32
}

const recentWords = 64 // a power of two

// slot is where a word may be among the recent ones. Words of a column differ in
// length or at these places, mostly: a miss costs a comparison.
func slot(s string) int {
	n := len(s)
	if n == 0 {
		return 0
	}
	return (n + 5*int(s[0]) + 11*int(s[n/2]) + 23*int(s[n-1])) & (recentWords - 1)
}

func (c *dict) add(s string) {
	c.last = c.find(s)
	w := &c.words[c.last]
	if w.epoch != c.epoch {
		w.epoch, w.index = c.epoch, uint32(c.block.rows)
		c.block.add(w.text)
	}
	c.rows = append(c.rows, w.index)
}

// addBytes is add for text that the caller will overwrite.
func (c *dict) addBytes(b []byte) { c.add(unsafe.String(unsafe.SliceData(b), len(b))) }

// again repeats the row appended last.
func (c *dict) again() { c.rows = append(c.rows, c.words[c.last].index) }

// find gives the position of s among the words.
func (c *dict) find(s string) int {
	if len(c.words) == 0 {
		return c.learn(s)
	}
	before := &c.words[c.last]
	if before.text == s {
		return c.last
	}
	if i := int(before.next); c.words[i].text == s {
		return i
	}
	at := slot(s)
	i := int(c.recent[at])
	if c.words[i].text != s {
		var ok bool
		if i, ok = c.known[s]; !ok {
			i = c.learn(s) // moves the words: before is stale
		}
		c.recent[at] = int32(i)
	}
	c.words[c.last].next = int32(i)
	return i
}

func (c *dict) learn(s string) int {
	if c.known == nil {
		c.known, c.epoch = make(map[string]int), 1 // 0 is no block's epoch
	}
	s = c.own(s)
	i := len(c.words)
	c.words = append(c.words, word{text: s})
	c.known[s] = i
	c.bytes += len(s)
	return i
}

// own gives s in memory that no caller overwrites.
func (c *dict) own(s string) string {
	if !c.keysOnly {
		return strings.Clone(s)
	}
	handle := unique.Make(s) // copies it
	c.handles = append(c.handles, handle)
	return handle.Value()
}

func (c *dict) Type() proto.ColumnType { return typeWords }
func (c *dict) Rows() int              { return len(c.rows) }

func (c *dict) size() int {
	width, _ := c.width()
	return len(c.block.buf) + len(c.rows)*width
}

func (c *dict) reset() {
	c.epoch++
	c.block.reset()
	c.rows = recycle(c.rows)
	c.keys = recycle(c.keys)
	if len(c.words) > dictKeepWords || c.bytes > dictKeepBytes {
		clear(c.known)
		clear(c.words)
		clear(c.handles)
		c.words, c.handles, c.bytes, c.last, c.recent = c.words[:0], c.handles[:0], 0, 0, [recentWords]int32{}
	}
}

// The wire form of a block's dict: its version, flags with the width of the
// keys, the words, the keys.
const (
	dictVersion = 1
	dictFlags   = 1<<9 | 1<<10 // words follow; they replace earlier ones
)

// width is how many bytes a key takes, and how the flags say so.
func (c *dict) width() (bytes int, flag int64) {
	switch n := c.block.rows; {
	case n <= 1<<8:
		return 1, 0
	case n <= 1<<16:
		return 2, 1
	}
	return 4, 2
}

func (c *dict) EncodeState(b *proto.Buffer) { b.PutInt64(dictVersion) }

func (c *dict) EncodeColumn(b *proto.Buffer) {
	if len(c.rows) == 0 {
		return
	}
	c.encodeHead(b)
	c.block.EncodeColumn(b)
	b.PutInt64(int64(len(c.rows)))
	b.PutRaw(c.narrow())
}

func (c *dict) WriteColumn(w *proto.Writer) {
	if len(c.rows) == 0 {
		return
	}
	w.ChainBuffer(c.encodeHead)
	c.block.WriteColumn(w)
	w.ChainBuffer(func(b *proto.Buffer) { b.PutInt64(int64(len(c.rows))) })
	w.ChainWrite(c.narrow())
}

func (c *dict) encodeHead(b *proto.Buffer) {
	_, flag := c.width()
	b.PutInt64(dictFlags | flag)
	b.PutInt64(int64(c.block.rows))
}

// narrow gives the rows' keys in the least width that holds them all.
func (c *dict) narrow() []byte {
	width, _ := c.width()
	c.keys = slices.Grow(c.keys[:0], width*len(c.rows))
	switch width {
	case 1:
		for _, k := range c.rows {
			c.keys = append(c.keys, byte(k))
		}
	case 2:
		for _, k := range c.rows {
			c.keys = binary.LittleEndian.AppendUint16(c.keys, uint16(k))
		}
	default:
		for _, k := range c.rows {
			c.keys = binary.LittleEndian.AppendUint32(c.keys, k)
		}
	}
	return c.keys
}
