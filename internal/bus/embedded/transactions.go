package embedded

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// transactions are those of a partition that are not ended: the epochs of
// producers by their ids.
type transactions map[int64]int16

// note takes in a batch by its head.
func (t transactions) note(head []byte) {
	id, epoch := int64(binary.BigEndian.Uint64(head[batchProducerAt:])), int16(binary.BigEndian.Uint16(head[batchProducerAt+8:]))
	switch binary.BigEndian.Uint16(head[batchAttrsAt:]) & (attrTransactional | attrControl) {
	case attrTransactional:
		t[id] = epoch
	case attrTransactional | attrControl:
		delete(t, id)
	}
}

// end aborts what transactions had begun when the process ended. After a kill
// kfake holds it for aborted too, but writes that down nowhere: once the producer,
// whose id stays the same, commits another transaction and the process is killed
// again, that commit would be taken for the end of both. After a stop in order it
// knows that it is open for the first start only.
func (p *partition) end(dir string) error {
	if err := fence(dir, p.open); err != nil {
		return fmt.Errorf("pids.log: %w", err)
	}
	for _, id := range slices.Sorted(maps.Keys(p.open)) {
		now := time.Now().UnixMilli()
		raw := abort(kmsg.RecordBatch{
			FirstOffset: p.last.end, PartitionLeaderEpoch: p.last.leader, Attributes: attrTransactional | attrControl,
			FirstTimestamp: now, MaxTimestamp: now, ProducerID: id, ProducerEpoch: p.open[id],
		})
		if err := p.append(raw); err != nil {
			return err
		}
		p.log.Info("aborted a transaction that was left open", "producer", id, "marker", p.last.end-1)
	}
	return p.reindex()
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
		if _, err := scan(segmentPath(p.dir, f.base), false, func(head []byte) { index = append(index, indexOf(head)...) }); err != nil {
			return err
		}
		if err := appendTo(path, 0, index); err != nil {
			return err
		}
	}
	return nil
}

// pidEntry is a line of pids.log. The one that is written here says that a
// producer's transaction was ended for it, by a newer epoch.
type pidEntry struct {
	Type  string `json:"type"`
	PID   int64  `json:"pid"`
	Epoch int16  `json:"epoch"`
}

// fence keeps producers that outlived the bus from going on with a transaction
// of which a part is aborted: kfake does so too where it finds one open.
func fence(dir string, open transactions) error {
	path := filepath.Join(dir, "pids.log")
	raw, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	newest := make(transactions)
	whole, err := eachFrame(raw, func(text []byte) error {
		var e pidEntry
		err := json.Unmarshal(text, &e)
		newest[e.PID] = e.Epoch
		return err
	})
	if err != nil {
		return err
	}
	var more []byte
	for id, epoch := range open {
		if at, known := newest[id]; !known || at > epoch {
			continue
		}
		text, err := json.Marshal(pidEntry{"timeout", id, epoch + 1})
		if err != nil {
			return err
		}
		more = append(more, frame(text)...)
	}
	if len(more) == 0 {
		return nil
	}
	return appendTo(path, whole, more)
}
