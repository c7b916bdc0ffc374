package dedup

import (
	"fmt"
	"math"
	"time"
)

// MaxSpans bounds Config.Spans: positions must leave room for hash bits in an
// index slot.
const MaxSpans = 1 << 26

// Config is Rule D's horizon. Both numbers are settings of the topic, never of
// a process: consumers with different ones decide differently.
type Config struct {
	// Spans is K: how many spans of the partition back a resend is recognised.
	// Memory is 30 to 35 bytes for each (32.5 at 1,000,000).
	Spans int `help:"Spans of a partition within which a resend is recognised." default:"1000000"`
	// Horizon is H: how much record time back. Clients give up long before.
	Horizon time.Duration `help:"Record time within which a resend is recognised." default:"20m"`
}

// DefaultConfig recognises resends within a million spans and 20 minutes.
func DefaultConfig() Config {
	return Config{Spans: 1_000_000, Horizon: 20 * time.Minute}
}

// Validate says what is wrong with the settings.
func (c Config) Validate() error {
	if c.Spans < 1 || c.Spans > MaxSpans {
		return fmt.Errorf("dedup spans %d: want 1 to %d", c.Spans, MaxSpans)
	}
	if c.Horizon < 0 {
		return fmt.Errorf("dedup horizon %s: want 0 or more", c.Horizon)
	}
	return nil
}

// sight is one span as it was seen: which, and at what record time.
type sight struct {
	fp    Fingerprint
	milli int64
}

const (
	// chunkSights is how much the ring grows by (96 KiB), so that the ring of
	// an idle partition stays small and growing never copies.
	chunkSights = 4096
	// tagEvery is how many sights share one record offset. It must divide
	// chunkSights.
	tagEvery = 64
)

// Ring remembers the last K sights of one partition: the sight with ordinal n
// is at position n mod K. It is not safe for concurrent use.
type Ring struct {
	spans   uint64 // K
	horizon uint64 // H in milliseconds

	seen   uint64
	pos    uint64 // seen mod K, where the next sight goes
	chunks [][]sight
	index  index

	// tags[b] is the record offset of the first sight of block b. While block
	// b is being overwritten its remaining old sights belong to tail.
	tags []int64
	tail int64

	stats  Stats
	newest int64 // record time of the last sight
}

// Stats are what a ring has met since New or Reset.
type Stats struct {
	// Early sights were forgotten at K though H was not over yet: a resend of
	// theirs would have been within the horizon of time.
	Early uint64
	// Late sights were of a span last seen more than H ago: they counted as new.
	Late uint64
}

// New gives an empty ring. The config must be valid.
func New(c Config) *Ring {
	if err := c.Validate(); err != nil {
		panic(err)
	}
	return &Ring{
		spans:   uint64(c.Spans),
		horizon: uint64(c.Horizon.Milliseconds()),
		index:   newIndex(uint64(c.Spans)),
	}
}

// See takes the next span of the log and reports whether it is a duplicate.
// The offset is its record's, and must not decrease from call to call; the
// time is its record's too, and may do as it likes. Warming up is calling See
// and ignoring the answer.
//
// See allocates only while the ring grows to its first K spans.
func (r *Ring) See(fp Fingerprint, recordMilli, offset int64) (duplicate bool) {
	slot, last, found := r.index.find(r, fp)
	if found {
		if duplicate = r.within(recordMilli, r.at(last).milli); !duplicate {
			r.stats.Late++
		}
	}
	// Only now does the sight K spans back go: a resend at exactly K counts.
	if !r.Full() {
		r.growTo(r.pos)
	} else if old := r.at(r.pos); r.evict(old.fp) {
		if old.fp != fp && r.within(recordMilli, old.milli) {
			r.stats.Early++
		}
		if found {
			slot, _, found = r.index.find(r, fp) // its slot may have moved, or gone
		}
	}
	r.tag(offset)
	*r.at(r.pos) = sight{fp: fp, milli: recordMilli}
	if found {
		r.index.move(slot, r.pos)
	} else {
		r.index.insert(r, fp, r.pos)
	}
	r.seen, r.newest = r.seen+1, recordMilli
	if r.pos++; r.pos == r.spans {
		r.pos = 0
	}
	return duplicate
}

// within reports now − then ≤ H without overflow, whatever the times.
func (r *Ring) within(now, then int64) bool {
	return now <= then || uint64(now)-uint64(then) <= r.horizon
}

// evict takes the oldest sight out of the index, unless a younger sight of the
// same span has already taken its place there.
func (r *Ring) evict(fp Fingerprint) bool {
	slot, at, found := r.index.find(r, fp)
	if !found || at != r.pos {
		return false
	}
	r.index.remove(r, slot)
	return true
}

// tag notes where the log stood when the sight at pos was written.
func (r *Ring) tag(offset int64) {
	if r.pos%tagEvery != 0 {
		return
	}
	b := r.pos / tagEvery
	if b == uint64(len(r.tags)) {
		r.tags = append(r.tags, offset)
		return
	}
	r.tail = r.tags[b]
	r.tags[b] = offset
}

// Seen is how many spans the ring has been shown: the next span's ordinal.
func (r *Ring) Seen() uint64 { return r.seen }

// Stats is what the ring has met so far.
func (r *Ring) Stats() Stats { return r.stats }

// Covers is the record time from the oldest sight to the last one: how far back
// K reaches. Once the ring is full and this is below H, it is K that ends the
// horizon.
func (r *Ring) Covers() time.Duration {
	if r.seen == 0 {
		return 0
	}
	oldest := uint64(0)
	if r.Full() {
		oldest = r.pos
	}
	then := r.at(oldest).milli
	if r.newest <= then {
		return 0
	}
	return time.Duration(min(uint64(r.newest)-uint64(then), uint64(math.MaxInt64/time.Millisecond))) * time.Millisecond
}

// Full reports whether the ring holds K sights. Until then its decisions are
// right only if it was fed from the log's start.
func (r *Ring) Full() bool { return r.seen >= r.spans }

// Oldest is a record offset from which a successor reads at least as many
// spans as this ring remembers (K once it is full), and at most 63 sights and
// one record more: the place to start a warm-up. It is -1 for an empty ring.
func (r *Ring) Oldest() int64 {
	switch {
	case r.seen == 0:
		return -1
	case !r.Full():
		return r.tags[0]
	case r.pos%tagEvery == 0:
		return r.tags[r.pos/tagEvery]
	}
	return r.tail
}

// Bytes is the memory the ring holds now. It grows with the spans seen up to
// its bound: 24 bytes for each of K sights, between 5.4 and 10.7 for its index
// and 1/8 for its offset.
func (r *Ring) Bytes() int {
	n := len(r.index.slots)*4 + cap(r.tags)*8 + cap(r.chunks)*24
	for _, c := range r.chunks {
		n += len(c) * 24
	}
	return n
}

// Reset forgets everything and keeps the memory.
func (r *Ring) Reset() {
	r.seen, r.pos, r.tail, r.newest = 0, 0, 0, 0
	r.stats = Stats{}
	r.tags = r.tags[:0]
	r.index.reset()
}

func (r *Ring) at(pos uint64) *sight { return &r.chunks[pos/chunkSights][pos%chunkSights] }

// growTo makes room for a sight at pos, the first beyond what there is.
func (r *Ring) growTo(pos uint64) {
	if pos/chunkSights < uint64(len(r.chunks)) {
		return
	}
	size := min(chunkSights, r.spans-pos)
	r.chunks = append(r.chunks, make([]sight, size))
}
