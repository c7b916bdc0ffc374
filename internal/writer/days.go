package writer

import (
	"math"
	"slices"

	"github.com/spanmill/spanmill/pkg/schema"
)

const (
	milliPerDay = 24 * 60 * 60 * 1000
	nanoPerMill = 1_000_000
)

// placer gives each row of one record its day: the ClickHouse partition, and
// what its retention counts from. Timestamps lie, so a start on a day whose
// retention was over on the received day, or later than a day after it was
// received, files the row under the received day: start 0 would be deleted by
// the TTL at the next merge, year 2262 would never be. It depends on the record
// alone, so that a batch formed again puts every row where it was.
type placer struct {
	maxDays   int
	retention uint16
	received  int64 // milliseconds
	days      []uint16
}

// reset begins a record received at the given Unix milliseconds.
func (p *placer) reset(receivedMilli int64, retention uint16) {
	p.received, p.retention = max(receivedMilli, 0), retention
	p.days = p.days[:0]
}

// place gives the day of a row, and what is odd about its span's times.
func (p *placer) place(start, end uint64) (day uint16, flags schema.TimeFlags) {
	flags = oddities(start, end)
	today := dayOf(p.received)
	day = today
	if milli := int64(start / nanoPerMill); start == 0 ||
		int(dayOf(milli))+int(p.retention) <= int(today) || milli > p.received+milliPerDay {
		flags |= schema.TimeDayReceived
	} else {
		day = dayOf(milli)
	}
	if !p.use(day) {
		flags |= schema.TimeDayOverflow
		day = today
		p.force(day)
	}
	return day, flags
}

// today gives the day of receipt to a row that has no other.
func (p *placer) today() uint16 {
	day := dayOf(p.received)
	p.force(day)
	return day
}

// use notes a day of the record; false when the record has its fill of days.
func (p *placer) use(day uint16) bool {
	if slices.Contains(p.days, day) {
		return true
	}
	if len(p.days) >= p.maxDays {
		return false
	}
	p.days = append(p.days, day)
	return true
}

// force notes the received day beyond the bound: one record may touch one day
// more than the bound, never two.
func (p *placer) force(day uint16) {
	if !slices.Contains(p.days, day) {
		p.days = append(p.days, day)
	}
}

func oddities(start, end uint64) (flags schema.TimeFlags) {
	if start == 0 || end == 0 {
		flags |= schema.TimeMissing
	}
	if end < start {
		flags |= schema.TimeReversed
	}
	if start > math.MaxInt64 {
		flags |= schema.TimeStartClamped
	}
	if end > math.MaxInt64 {
		flags |= schema.TimeEndClamped
	}
	return flags
}

// dayOf counts days since 1970-01-01 UTC, clamped to what a Date can hold.
func dayOf(milli int64) uint16 {
	return uint16(min(max(milli, 0)/milliPerDay, math.MaxUint16))
}
