package dedup

import "math/bits"

// index finds the position of a fingerprint's last sight: open addressing with
// linear probing. A slot is 0 (empty) or holds position+1 in its low bits and,
// in what is left of 32 bits, high bits of the fingerprint: a probe of another
// fingerprint then rarely has to look at the ring, which is a cache miss.
// Removing shifts later slots back, so there are no tombstones to sweep.
type index struct {
	slots []uint32 // a power of two
	used  uint64
	pos   uint32 // mask of the position bits
	shift uint   // how many position bits
}

// minSlots is the index of an empty ring: 4 KiB.
const minSlots = 1024

func newIndex(spans uint64) index {
	shift := uint(bits.Len64(spans))
	return index{slots: make([]uint32, minSlots), pos: 1<<shift - 1, shift: shift}
}

func (x *index) home(fp Fingerprint) uint64 { return fp.lo & uint64(len(x.slots)-1) }

func (x *index) next(slot uint64) uint64 { return (slot + 1) & uint64(len(x.slots)-1) }

func (x *index) entry(fp Fingerprint, pos uint64) uint32 {
	return uint32(fp.hi)<<x.shift | uint32(pos+1)
}

func (x *index) position(entry uint32) uint64 { return uint64(entry&x.pos) - 1 }

// find gives the slot and the position of fp's last sight.
func (x *index) find(r *Ring, fp Fingerprint) (slot, pos uint64, found bool) {
	tag := uint32(fp.hi) << x.shift
	for slot = x.home(fp); ; slot = x.next(slot) {
		e := x.slots[slot]
		if e == 0 {
			return slot, 0, false
		}
		if e&^x.pos != tag {
			continue
		}
		if pos = x.position(e); r.at(pos).fp == fp {
			return slot, pos, true
		}
	}
}

// move points a slot at its fingerprint's new position.
func (x *index) move(slot, pos uint64) {
	x.slots[slot] = x.slots[slot]&^x.pos | uint32(pos+1)
}

// insert adds a fingerprint that is not there.
func (x *index) insert(r *Ring, fp Fingerprint, pos uint64) {
	if (x.used+1)*4 > uint64(len(x.slots))*3 {
		x.grow(r)
	}
	x.place(x.entry(fp, pos), x.home(fp))
	x.used++
}

func (x *index) place(entry uint32, slot uint64) {
	for x.slots[slot] != 0 {
		slot = x.next(slot)
	}
	x.slots[slot] = entry
}

// grow doubles the slots. At most K fingerprints are ever in, so the last size
// is the least power of two of at least 4/3 K.
func (x *index) grow(r *Ring) {
	old := x.slots
	x.slots = make([]uint32, 2*len(old))
	for _, e := range old {
		if e != 0 {
			x.place(e, x.home(r.at(x.position(e)).fp))
		}
	}
}

// remove empties a slot and closes the gap: each later entry of the cluster
// that may stand in the gap moves there.
func (x *index) remove(r *Ring, gap uint64) {
	mask := uint64(len(x.slots) - 1)
	for slot := x.next(gap); x.slots[slot] != 0; slot = x.next(slot) {
		home := x.home(r.at(x.position(x.slots[slot])).fp)
		if (slot-home)&mask >= (slot-gap)&mask {
			x.slots[gap] = x.slots[slot]
			gap = slot
		}
	}
	x.slots[gap] = 0
	x.used--
}

func (x *index) reset() {
	clear(x.slots)
	x.used = 0
}
