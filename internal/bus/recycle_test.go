package bus

import (
	"bytes"
	"testing"
	"unsafe"

	"github.com/klauspost/compress/s2"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestDecompressedReuse: a batch is decompressed into the memory of one that is
// done with, as far as there is room to keep; small ones are not kept.
func TestDecompressedReuse(t *testing.T) {
	pool := new(decompressed)
	batch := s2.EncodeSnappy(nil, bytes.Repeat([]byte("spans "), 100_000))
	first := pool.GetDecompressBytes(batch, kgo.CodecSnappy)
	if cap(first) < 600_000 {
		t.Fatalf("room for %d bytes", cap(first))
	}
	second := pool.GetDecompressBytes(batch, kgo.CodecSnappy)
	if unsafe.SliceData(first) == unsafe.SliceData(second) {
		t.Fatal("two batches in the same memory")
	}
	pool.PutDecompressBytes(first)
	if third := pool.GetDecompressBytes(batch, kgo.CodecSnappy); unsafe.SliceData(first) != unsafe.SliceData(third) {
		t.Error("memory that was given back is not used again")
	}
	for range 100 {
		pool.PutDecompressBytes(make([]byte, 1<<20))
		pool.PutDecompressBytes(make([]byte, 100))
	}
	if pool.bytes > keepDecompressed || len(pool.free) > keepDecompressed/smallDecompressed {
		t.Errorf("keeps %d bytes in %d pieces", pool.bytes, len(pool.free))
	}
	if got := pool.GetDecompressBytes([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, kgo.CodecSnappy); cap(got) > 1024 {
		t.Errorf("a batch that claims much gets %d bytes", cap(got))
	}
}
