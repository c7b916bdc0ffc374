package bus

import (
	"slices"
	"sync"

	"github.com/klauspost/compress/s2"
	"github.com/twmb/franz-go/pkg/kgo"
)

// keepDecompressed bounds what a reader keeps of memory to decompress into. Two
// fetches are in memory, of a few batches each; what is over is the collector's.
// Small batches are not worth looking for.
const (
	keepDecompressed  = 4 << 20
	smallDecompressed = 64 << 10
)

// decompressed is memory that one reader decompresses batches into, again and
// again: beside columns it is most of what a writer allocates.
type decompressed struct {
	mu    sync.Mutex
	free  [][]byte
	bytes int // of all that are free
}

var _ kgo.PoolDecompressBytes = (*decompressed)(nil)

// GetDecompressBytes implements kgo.PoolDecompressBytes. Batches of other codecs
// than snappy do not say how large they become: theirs is a guess that grows.
func (d *decompressed) GetDecompressBytes(batch []byte, codec kgo.CompressionCodecType) []byte {
	size := 4 * len(batch)
	if codec == kgo.CodecSnappy {
		if n, err := s2.DecodedLen(batch); err == nil && n <= MaxMessageBytes {
			size = n
		}
	}
	if size < smallDecompressed || size > keepDecompressed {
		return make([]byte, 0, size) // never kept: see PutDecompressBytes
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, b := range slices.Backward(d.free) {
		if cap(b) >= size {
			d.free = slices.Delete(d.free, i, i+1)
			d.bytes -= cap(b)
			return b
		}
	}
	return make([]byte, 0, size+size/8) // the next batch is a little larger
}

// PutDecompressBytes implements kgo.PoolDecompressBytes.
func (d *decompressed) PutDecompressBytes(b []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if cap(b) < smallDecompressed || d.bytes+cap(b) > keepDecompressed {
		return
	}
	d.free = append(d.free, b[:0])
	d.bytes += cap(b)
}

// recycle gives back the memory of the records that the last fetch returned.
func (r *reader) recycle() {
	for _, rec := range r.fetched {
		rec.Recycle()
	}
	clear(r.fetched)
	r.fetched = r.fetched[:0]
}
