package embedded

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"
	"time"
)

// trimmable is what trimming decides by: one partition as it is now.
type trimmable struct {
	tp       topicPartition
	segments []segment
	// hold is the offset that must stay: what one of its groups has not read yet.
	hold int64
	// held: the partition's history counts against the budget.
	held bool
	// maxAge and maxBytes are the topic's retention; negative: none.
	maxAge   time.Duration
	maxBytes int64
}

// cut says up to which offset a partition may go, and why.
type cut struct {
	tp     topicPartition
	offset int64
	bytes  int64
	reason string
}

// free is the number of leading segments that may go at all: all below hold,
// and never the newest, whose end is what tells the next offset.
func (t trimmable) free() int {
	n := 0
	for n+1 < len(t.segments) && t.segments[n+1].base <= t.hold {
		n++
	}
	return n
}

func (t trimmable) size() (n int64) {
	for _, s := range t.segments {
		n += s.size
	}
	return n
}

// byRetention cuts what its topic's retention no longer asks for.
func byRetention(t trimmable, now time.Time) cut {
	c := cut{tp: t.tp, reason: "retention"}
	size := t.size()
	for i := range t.free() {
		s := t.segments[i]
		old := t.maxAge >= 0 && now.Sub(s.written) > t.maxAge
		large := t.maxBytes >= 0 && size > t.maxBytes
		if !old && !large {
			break
		}
		size -= s.size
		c.offset, c.bytes = t.segments[i+1].base, c.bytes+s.size
	}
	return c
}

// byBudget cuts read history, the oldest first whatever its partition, until
// the logs take no more than keep.
func byBudget(all []trimmable, total, keep int64) []cut {
	type candidate struct {
		of      int
		segment segment
		next    int64 // base of the following segment
	}
	var oldest []candidate
	for i, t := range all {
		if !t.held {
			continue
		}
		for j := range t.free() {
			oldest = append(oldest, candidate{i, t.segments[j], t.segments[j+1].base})
		}
	}
	slices.SortStableFunc(oldest, func(a, b candidate) int {
		return cmp.Or(a.segment.written.Compare(b.segment.written), cmp.Compare(a.segment.base, b.segment.base))
	})
	cuts := make(map[int]*cut)
	for _, c := range oldest {
		if total <= keep {
			break
		}
		total -= c.segment.size
		if cuts[c.of] == nil {
			cuts[c.of] = &cut{tp: all[c.of].tp, reason: "budget"}
		}
		cuts[c.of].offset, cuts[c.of].bytes = max(cuts[c.of].offset, c.next), cuts[c.of].bytes+c.segment.size
	}
	var out []cut
	for _, c := range cuts {
		out = append(out, *c)
	}
	return out
}

// trimLoop trims now and then until ctx ends.
func (b *Bus) trimLoop(ctx context.Context) {
	tick := time.NewTicker(b.cfg.TrimInterval)
	defer tick.Stop()
	for {
		if err := b.trim(time.Now()); err != nil {
			b.log.Warn("logs not trimmed", "err", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// trim applies retention, then the budget, then judges whether there is room.
func (b *Bus) trim(now time.Time) error {
	all, err := b.look()
	if err != nil {
		return err
	}
	for _, t := range all {
		b.apply(byRetention(t, now))
	}
	if all, err = b.look(); err != nil {
		return err
	}
	total := sizeOf(all)
	for _, c := range byBudget(all, total, b.cfg.MaxLogBytes/2) {
		total -= b.apply(c)
	}
	full := total >= b.cfg.MaxLogBytes
	if full != b.full.Swap(full) {
		b.log.Warn("disk budget of the bus", "full", full, "bytes", total, "budget", b.cfg.MaxLogBytes)
	}
	b.metrics.bytes.Set(float64(total))
	b.metrics.budget.Set(float64(b.cfg.MaxLogBytes))
	b.metrics.full.Set(map[bool]float64{true: 1}[full])
	return nil
}

func sizeOf(all []trimmable) (n int64) {
	for _, t := range all {
		n += t.size()
	}
	return n
}

// apply deletes the records below the cut and says how many bytes went.
func (b *Bus) apply(c cut) int64 {
	if c.bytes == 0 {
		return 0
	}
	if err := b.cluster.DeleteRecords(c.tp.topic, c.tp.partition, c.offset); err != nil {
		b.log.Warn("log not trimmed", "topic", c.tp.topic, "partition", c.tp.partition, "offset", c.offset, "err", err)
		return 0
	}
	b.metrics.trimmed.WithLabelValues(c.reason).Add(float64(c.bytes))
	b.log.Debug("log trimmed", "topic", c.tp.topic, "partition", c.tp.partition, "offset", c.offset, "reason", c.reason)
	return c.bytes
}

// look gathers every partition's segments, retention and hold.
func (b *Bus) look() ([]trimmable, error) {
	tps, err := partitions(b.cfg.Dir)
	if err != nil {
		return nil, err
	}
	var out []trimmable
	for _, tp := range tps {
		info := b.cluster.TopicInfo(tp.topic)
		if info == nil {
			continue // deleted; its files are on their way out
		}
		t := trimmable{
			tp: tp, hold: math.MaxInt64,
			maxAge:   time.Duration(setting(info.Configs, "retention.ms")) * time.Millisecond,
			maxBytes: setting(info.Configs, "retention.bytes"),
		}
		if t.segments, err = segments(partitionDir(b.cfg.Dir, tp)); err != nil {
			return nil, err
		}
		for _, group := range b.cfg.Hold[tp.topic] {
			t.held, t.hold = true, min(t.hold, b.committed(group, tp))
		}
		out = append(out, t)
	}
	return out, nil
}

// committed is the group's offset; 0, holding everything, while it has none.
func (b *Bus) committed(group string, tp topicPartition) int64 {
	g := b.cluster.GroupInfo(group)
	if g == nil {
		return 0
	}
	return g.Commits[tp.topic][tp.partition].Offset
}

// setting reads a number from a topic's settings; -1: none.
func setting(configs map[string]*string, key string) int64 {
	if v := configs[key]; v != nil {
		if n, err := strconv.ParseInt(*v, 10, 64); err == nil {
			return n
		}
	}
	return -1
}
