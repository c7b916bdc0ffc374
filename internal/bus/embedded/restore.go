package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spanmill/spanmill/pkg/pipeline"
)

// Floor gives the first offset that the tables have never seen from a log: one
// past their highest. 0: none. It is asked before the bus listens.
type Floor func(ctx context.Context, log pipeline.Log) (int64, error)

// restore leaves every partition in a state that kfake starts from cheaply and
// rightly: a snapshot that matches its segments, and an end no lower than any
// offset known to have been used (W14).
func restore(ctx context.Context, dir string, floor Floor, log *slog.Logger) error {
	topics, err := readTopics(dir)
	if err != nil {
		return err
	}
	commits, err := readCommits(dir)
	if err != nil {
		return err
	}
	producers, err := readProducers(dir)
	if err != nil {
		return err
	}
	producers.commit(commits)
	for _, t := range topics.Topics {
		id, err := topicID(t.ID)
		if err != nil {
			return err
		}
		for p := range int32(t.Partitions) {
			l := pipeline.Log{Topic: t.Name, TopicID: id, Partition: p}
			least, err := floorOf(ctx, l, commits, floor)
			if err != nil {
				return fmt.Errorf("floor of %s/%d: %w", t.Name, p, err)
			}
			tp := topicPartition{t.Name, p}
			if err := restorePartition(partitionDir(dir, tp), least, producers, log.With("topic", t.Name, "partition", p)); err != nil {
				return fmt.Errorf("partition %s/%d: %w", t.Name, p, err)
			}
		}
	}
	return nil
}

// floorOf is the first offset of a log that nobody can have seen: past what is
// committed, past an open intent, past what the tables hold.
func floorOf(ctx context.Context, l pipeline.Log, commits []groupEntry, floor Floor) (int64, error) {
	var least int64
	for _, c := range commits {
		if c.Topic != l.Topic || c.Part != l.Partition {
			continue
		}
		least = max(least, c.Offset)
		if c.Metadata == nil {
			continue
		}
		// Metadata that is no intent belongs to another kind of reader.
		if in, err := pipeline.ParseIntent(*c.Metadata); err == nil {
			least = max(least, in.Last+1)
		}
	}
	if floor == nil {
		return least, nil
	}
	seen, err := floor(ctx, l)
	return max(least, seen), err
}

// partition is what was found of one on disk.
type partition struct {
	dir      string
	log      *slog.Logger
	snapshot snapshotFile
	files    []segment
	last     content // of the newest segment with a batch
	lastAt   int     // its place in files, -1: no batch anywhere
	// transactional: kfake's own replay must decide what was committed.
	transactional bool
	txns          transactions
}

func restorePartition(dir string, least int64, known *producers, log *slog.Logger) error {
	p, err := find(dir, log)
	if err != nil {
		return err
	}
	if p.lastAt < 0 {
		return p.begin(max(least, p.snapshot.HighWatermark, p.base()))
	}
	clean := p.clean()
	if p.last.end < least {
		log.Error("log lost records it had handed out; their offsets are skipped", "first", p.last.end, "last", least-1)
		raw, err := filler(p.last.end, least)
		if err != nil {
			return fmt.Errorf("log ends at offset %d, but %d are known to be used: %w", p.last.end, least, err)
		}
		if err := p.append(raw); err != nil {
			return err
		}
		clean = false
	}
	switch {
	case clean && len(p.txns.open) == 0:
		return nil
	case p.transactional:
		return p.end(known)
	}
	return p.describe()
}

// append adds a batch to the newest segment that has one.
func (p *partition) append(raw []byte) error {
	f := &p.files[p.lastAt]
	if err := appendTo(segmentPath(p.dir, f.base), p.last.size, raw); err != nil {
		return err
	}
	p.last.add(raw, int64(len(raw)))
	f.size, f.batches = p.last.size, p.last.batches
	return nil
}

// find reads what is there and cuts off a torn batch at the end.
func find(dir string, log *slog.Logger) (*partition, error) {
	p := &partition{dir: dir, log: log, lastAt: -1, txns: newTransactions()}
	found, err := readJSON(filepath.Join(dir, "snapshot.json"), &p.snapshot)
	if err != nil {
		return nil, err
	}
	if found && p.snapshot.Version != formatVersion {
		return nil, fmt.Errorf("snapshot.json has version %d, this binary knows %d", p.snapshot.Version, formatVersion)
	}
	if p.files, err = segments(dir); err != nil {
		return nil, err
	}
	for i := range p.files {
		// Only the end of a log can be torn: all before it was synced.
		newest := i == len(p.files)-1
		c, err := scan(segmentPath(dir, p.files[i].base), newest, p.txns.note(p.files[i].base))
		if err != nil {
			return nil, err
		}
		p.files[i].batches = c.batches
		if newest && c.size < p.files[i].size {
			log.Warn("cutting off an unfinished batch that was never acknowledged", "bytes", p.files[i].size-c.size)
			if err := appendTo(segmentPath(dir, p.files[i].base), c.size, nil); err != nil {
				return nil, err
			}
			p.files[i].size = c.size
		}
		p.transactional = p.transactional || c.transactional
		if c.batches > 0 {
			p.last, p.lastAt = c, i
		}
	}
	return p, nil
}

// clean: kfake wrote the snapshot and nothing was written since.
func (p *partition) clean() bool {
	if len(p.snapshot.Segments) != len(p.files) {
		return false
	}
	for i, s := range p.snapshot.Segments {
		if s.BaseOffset != p.files[i].base || s.Size != p.files[i].size {
			return false
		}
	}
	return true
}

// base is the highest base offset: no lower one is free.
func (p *partition) base() int64 {
	if len(p.files) == 0 {
		return 0
	}
	return p.files[len(p.files)-1].base
}

// begin makes an empty partition start at offset. kfake would start it at 0 but
// for an empty segment that its snapshot names.
func (p *partition) begin(offset int64) error {
	if offset == 0 {
		return nil
	}
	for _, f := range p.files {
		if err := errors.Join(os.Remove(segmentPath(p.dir, f.base)), removeAny(indexPath(p.dir, f.base))); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return err
	}
	if err := errors.Join(appendTo(segmentPath(p.dir, offset), 0, nil), removeAny(indexPath(p.dir, offset))); err != nil {
		return err
	}
	p.files = []segment{{base: offset}}
	p.last = content{end: offset}
	p.snapshot.LogStartOffset = offset
	return p.describe()
}

// describe writes a snapshot of what is there.
func (p *partition) describe() error {
	s := p.snapshot
	s.Version = formatVersion
	s.HighWatermark, s.LastStableOffset = p.last.end, p.last.end
	s.LogStartOffset = min(max(s.LogStartOffset, p.files[0].base), p.last.end)
	s.AbortedTxns = nil // there are no transactions in it
	if s.CreatedAt.IsZero() {
		s.CreatedAt = time.Now()
	}
	s.Segments = nil
	for _, f := range p.files {
		s.Segments = append(s.Segments, snapshotSegment{BaseOffset: f.base, Size: f.size})
	}
	return writeJSON(filepath.Join(p.dir, "snapshot.json"), s)
}

func removeAny(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
