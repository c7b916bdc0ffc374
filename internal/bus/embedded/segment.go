package embedded

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Layout of a record batch as stored: the Kafka wire format.
const (
	batchHead       = 61 // bytes before the records
	batchLengthAt   = 8
	batchLeaderAt   = 12 // the partition's leader epoch
	batchCRCAt      = 17
	batchAttrsAt    = 21
	batchLastAt     = 23 // last offset delta
	batchTimeAt     = 27 // Unix milliseconds of the first record
	batchProducerAt = 43 // id, and then its epoch
	batchLengthFrom = 12 // what the length counts from

	attrTransactional = 0x10
	attrControl       = 0x20
)

// content is what a segment file holds.
type content struct {
	batches int
	size    int64 // of the whole batches at its front
	end     int64 // offset after the last record
	leader  int32 // epoch of the last batch
	// transactional: some batch belongs to a transaction.
	transactional bool
}

// scan visits the heads of the batches of a segment, and where they are. With
// verify it also checks their checksums; either way it stops before the first one
// that is not whole.
func scan(path string, verify bool, visit func(head []byte, at int64)) (content, error) {
	f, err := os.Open(path)
	if err != nil {
		return content{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return content{}, err
	}
	var c content
	head := make([]byte, batchHead)
	for c.size+batchHead <= info.Size() {
		if _, err := f.ReadAt(head, c.size); err != nil {
			return c, err
		}
		size := batchLengthFrom + int64(binary.BigEndian.Uint32(head[batchLengthAt:]))
		if size < batchHead || c.size+size > info.Size() {
			break
		}
		if verify {
			whole, err := checksumHolds(f, c.size, size, binary.BigEndian.Uint32(head[batchCRCAt:]))
			if err != nil {
				return c, err
			}
			if !whole {
				break
			}
		}
		visit(head, c.size)
		c.add(head, size)
	}
	return c, nil
}

// add takes in a batch by its head.
func (c *content) add(head []byte, size int64) {
	c.batches++
	c.size += size
	c.end = int64(binary.BigEndian.Uint64(head)) + int64(int32(binary.BigEndian.Uint32(head[batchLastAt:]))) + 1
	c.leader = int32(binary.BigEndian.Uint32(head[batchLeaderAt:]))
	c.transactional = c.transactional || binary.BigEndian.Uint16(head[batchAttrsAt:])&attrTransactional != 0
}

// indexOf makes a batch's entry: version, checksum, the leader's epoch, a time that
// kfake reckons anew, and whether the batch waits for its transaction's end.
func indexOf(head []byte) []byte {
	entry := make([]byte, indexEntry)
	entry[0] = formatVersion
	binary.LittleEndian.PutUint32(entry[2:], binary.BigEndian.Uint32(head[batchLeaderAt:]))
	if binary.BigEndian.Uint16(head[batchAttrsAt:])&(attrTransactional|attrControl) == attrTransactional {
		entry[indexEntry-1] = 1
	}
	entry[1] = byte(crc32.Checksum(entry[2:], castagnoli()))
	return entry
}

// indexEntry is the size of a batch's entry in the index beside the file.
const indexEntry = 15

func checksumHolds(f *os.File, at, size int64, want uint32) (bool, error) {
	sum := crc32.New(castagnoli())
	_, err := io.Copy(sum, io.NewSectionReader(f, at+batchAttrsAt, size-batchAttrsAt))
	return sum.Sum32() == want, err
}

// filler is a batch that takes the offsets [from, to) and holds no record: one
// control record, which consumers skip. They resume behind it.
func filler(from, to int64) ([]byte, error) {
	delta := to - 1 - from
	if delta < 0 || delta > math.MaxInt32 {
		return nil, fmt.Errorf("%d offsets cannot be skipped at once", to-from)
	}
	return abort(kmsg.RecordBatch{FirstOffset: from, Attributes: attrControl, LastOffsetDelta: int32(delta), ProducerID: -1, ProducerEpoch: -1}), nil
}

// abort makes a batch of one control record of it, which says that what its
// producer has begun is aborted.
func abort(b kmsg.RecordBatch) []byte {
	key := []byte{0, 0, 0, 0}         // version 0, type 0: abort
	value := []byte{0, 0, 0, 0, 0, 0} // version 0, coordinator epoch 0
	rec := kmsg.Record{OffsetDelta: b.LastOffsetDelta, Key: key, Value: value}
	rec.Length = int32(len(rec.AppendTo(nil)) - 1) // the length itself takes one byte
	b.Magic, b.FirstSequence, b.NumRecords, b.Records = 2, -1, 1, rec.AppendTo(nil)
	raw := b.AppendTo(nil)
	binary.BigEndian.PutUint32(raw[batchLengthAt:], uint32(len(raw)-batchLengthFrom))
	binary.BigEndian.PutUint32(raw[batchCRCAt:], crc32.Checksum(raw[batchAttrsAt:], castagnoli()))
	return raw
}

// appendTo adds bytes to a file of the given size, durably. What lies beyond
// that size, a torn batch, is cut off first.
func appendTo(path string, size int64, raw []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = f.Truncate(size)
	if err == nil {
		_, err = f.WriteAt(raw, size)
	}
	return errors.Join(err, f.Sync(), f.Close())
}
