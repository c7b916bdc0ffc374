package embedded

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// transactions are those of a partition, by the ids of their producers.
type transactions struct {
	open  map[int64]int16  // the epochs of those that are not ended
	ended map[int64]marker // the end of each producer's last one
}

// marker is a batch that ends a transaction.
type marker struct {
	base, at int64 // its segment, and its place there
	epoch    int16
	milli    int64 // Unix milliseconds
}

func newTransactions() transactions {
	return transactions{open: make(map[int64]int16), ended: make(map[int64]marker)}
}

// note takes in the batches of a segment by their heads.
func (t transactions) note(base int64) func(head []byte, at int64) {
	return func(head []byte, at int64) {
		id, epoch := int64(binary.BigEndian.Uint64(head[batchProducerAt:])), int16(binary.BigEndian.Uint16(head[batchProducerAt+8:]))
		switch binary.BigEndian.Uint16(head[batchAttrsAt:]) & (attrTransactional | attrControl) {
		case attrTransactional:
			t.open[id] = epoch
			delete(t.ended, id)
		case attrTransactional | attrControl:
			delete(t.open, id)
			t.ended[id] = marker{base, at, epoch, int64(binary.BigEndian.Uint64(head[batchTimeAt:]))}
		}
	}
}

// producers are what pids.log knows of those of transactions.
type producers struct {
	path   string
	whole  int64 // bytes of whole frames
	epochs map[int64]int16
	ids    map[string]int64 // by transactional id
	// committed is when the offset was committed last that belongs to a producer's
	// transactions, in Unix milliseconds. The bus of a source with transactions
	// calls them group/topic/partition, by that offset.
	committed map[int64]int64
}

func readProducers(dir string) (*producers, error) {
	p := &producers{
		path: filepath.Join(dir, "pids.log"), epochs: make(map[int64]int16), ids: make(map[string]int64), committed: make(map[int64]int64),
	}
	raw, err := os.ReadFile(p.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	p.whole, err = eachFrame(raw, func(text []byte) error {
		var e pidEntry
		if err := json.Unmarshal(text, &e); err != nil {
			return err
		}
		p.epochs[e.PID] = e.Epoch
		if e.TxID != "" {
			p.ids[e.TxID] = e.PID
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("pids.log: %w", err)
	}
	return p, nil
}

// commit takes in what groups have committed.
func (p *producers) commit(commits []groupEntry) {
	for _, c := range commits {
		name := strings.Join([]string{c.Group, c.Topic, strconv.Itoa(int(c.Part))}, "/")
		if id, known := p.ids[name]; known && c.Milli > 0 {
			p.committed[id] = c.Milli
		}
	}
}

// fence keeps producers that outlived the bus from going on with a transaction
// that was aborted, or from hearing that it was committed: kfake does so too
// where it finds one open.
func (p *producers) fence(aborted map[int64]int16) error {
	var more []byte
	for id, epoch := range aborted {
		if at, known := p.epochs[id]; !known || at > epoch {
			continue
		}
		p.epochs[id] = epoch + 1
		text, err := json.Marshal(pidEntry{Type: "timeout", PID: id, Epoch: epoch + 1})
		if err != nil {
			return err
		}
		more = append(more, frame(text)...)
	}
	if len(more) == 0 {
		return nil
	}
	if err := appendTo(p.path, p.whole, more); err != nil {
		return fmt.Errorf("pids.log: %w", err)
	}
	p.whole += int64(len(more))
	return nil
}

// end aborts what transactions had begun when the process ended. After a kill
// kfake holds it for aborted too, but writes that down nowhere: once the producer,
// whose id stays the same, commits another transaction and the process is killed
// again, that commit would be taken for the end of both. After a stop in order it
// knows that it is open for the first start only.
func (p *partition) end(known *producers) error {
	half, err := p.half(known)
	if err != nil {
		return err
	}
	aborted := maps.Clone(p.txns.open)
	for id, m := range half {
		aborted[id] = m.epoch
	}
	if err := known.fence(aborted); err != nil {
		return err
	}
	for id, m := range half {
		if err := revoke(segmentPath(p.dir, m.base), m.at); err != nil {
			return err
		}
		p.log.Info("aborted a transaction whose offset was not committed yet", "producer", id)
	}
	for _, id := range slices.Sorted(maps.Keys(p.txns.open)) {
		now := time.Now().UnixMilli()
		raw := abort(kmsg.RecordBatch{
			FirstOffset: p.last.end, PartitionLeaderEpoch: p.last.leader, Attributes: attrTransactional | attrControl,
			FirstTimestamp: now, MaxTimestamp: now, ProducerID: id, ProducerEpoch: p.txns.open[id],
		})
		if err := p.append(raw); err != nil {
			return err
		}
		p.log.Info("aborted a transaction that was left open", "producer", id, "marker", p.last.end-1)
	}
	return p.reindex()
}

// half gives the ends of transactions that the process was killed in the middle
// of: kfake writes the markers first and the offset then, and lets nobody read
// before it has done both. Whatever offset of theirs is committed is older than
// the marker then.
func (p *partition) half(known *producers) (map[int64]marker, error) {
	out := make(map[int64]marker)
	for id, m := range p.txns.ended {
		at, there := known.committed[id]
		if !there || at >= m.milli {
			continue
		}
		committed, err := commits(segmentPath(p.dir, m.base), m.at)
		if err != nil {
			return nil, err
		}
		if committed {
			out[id] = m
		}
	}
	return out, nil
}

// markerTypeAt is where a marker says what it is: 0 aborts, 1 commits. Before it
// are the record's length, attributes, two deltas, the key's length and version.
const markerTypeAt = batchHead + 1 + 1 + 1 + 1 + 1 + 2

// commits reports whether the marker at a place of a segment is one that commits.
func commits(path string, at int64) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	kind := make([]byte, 2)
	_, err = f.ReadAt(kind, at+markerTypeAt)
	return binary.BigEndian.Uint16(kind) == 1, err
}

// revoke makes the marker at a place of a segment one that aborts.
func revoke(path string, at int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	raw := make([]byte, batchHead)
	if _, err = f.ReadAt(raw, at); err == nil {
		raw = make([]byte, batchLengthFrom+int(binary.BigEndian.Uint32(raw[batchLengthAt:])))
		_, err = f.ReadAt(raw, at)
	}
	if err == nil {
		binary.BigEndian.PutUint16(raw[markerTypeAt:], 0)
		binary.BigEndian.PutUint32(raw[batchCRCAt:], crc32.Checksum(raw[batchAttrsAt:], castagnoli()))
		_, err = f.WriteAt(raw, at)
	}
	return errors.Join(err, f.Sync(), f.Close())
}

// reindex makes every index have an entry for each batch of its segment: kfake
// finds them by number, and learns there which batches wait for their
// transaction's end. One is missing behind what was appended here, and where the
// process was killed between a batch and its entry.
func (p *partition) reindex() error {
	for _, f := range p.files {
		path := indexPath(p.dir, f.base)
		info, err := os.Stat(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err == nil && info.Size() == int64(f.batches*indexEntry) {
			continue
		}
		var index []byte
		if _, err := scan(segmentPath(p.dir, f.base), false, func(head []byte, _ int64) { index = append(index, indexOf(head)...) }); err != nil {
			return err
		}
		if err := appendTo(path, 0, index); err != nil {
			return err
		}
	}
	return nil
}
