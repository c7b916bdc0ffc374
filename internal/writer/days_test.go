package writer

import (
	"math"
	"testing"
	"time"

	"github.com/spanmill/spanmill/pkg/schema"
)

const day = 24 * time.Hour

var received = time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC)

func nano(t time.Time) uint64 { return uint64(t.UnixNano()) }

func dayOfTime(t time.Time) uint16 { return dayOf(t.UnixMilli()) }

func TestPlaceFilesRowsUnderTheirDay(t *testing.T) {
	today := dayOfTime(received)
	for _, c := range []struct {
		name       string
		start, end uint64
		day        uint16
		flags      schema.TimeFlags
	}{
		{"just now", nano(received), nano(received.Add(time.Second)), today, 0},
		{"last week", nano(received.Add(-7 * day)), nano(received), today - 7, 0},
		{"first day kept", nano(received.Add(-29*day - 15*time.Hour)), nano(received), today - 29, 0},
		// Its day ends at today's midnight: the next merge would delete the row.
		{"day that retention ended on", nano(received.Add(-29*day - 15*time.Hour - time.Second)), nano(received), today, schema.TimeDayReceived},
		{"beyond retention", nano(received.Add(-31 * day)), nano(received), today, schema.TimeDayReceived},
		{"tomorrow", nano(received.Add(day)), nano(received.Add(day)), today + 1, 0},
		{"after tomorrow", nano(received.Add(day + time.Second)), nano(received.Add(2 * day)), today, schema.TimeDayReceived},
		{"start 0", 0, nano(received), today, schema.TimeDayReceived | schema.TimeMissing},
		{"end 0", nano(received), 0, today, schema.TimeMissing | schema.TimeReversed},
		{"end before start", nano(received), nano(received.Add(-time.Second)), today, schema.TimeReversed},
		{"year 2262", uint64(math.MaxInt64), uint64(math.MaxInt64), today, schema.TimeDayReceived},
		{"uint64 max", math.MaxUint64, math.MaxUint64, today, schema.TimeDayReceived | schema.TimeStartClamped | schema.TimeEndClamped},
	} {
		p := placer{maxDays: 50}
		p.reset(received.UnixMilli(), 30)
		day, flags := p.place(c.start, c.end)
		if day != c.day || flags != c.flags {
			t.Errorf("%s: day %d flags %b, want day %d flags %b", c.name, day, flags, c.day, c.flags)
		}
	}
}

// TestPlaceBoundsTheDaysOfARecord: rule W12. The first 50 days in record order
// stand; later ones use the received day.
func TestPlaceBoundsTheDaysOfARecord(t *testing.T) {
	p := placer{maxDays: 50}
	p.reset(received.UnixMilli(), 500)
	today := dayOfTime(received)
	for i := range 400 {
		start := received.Add(-400*day + time.Duration(i)*day)
		got, flags := p.place(nano(start), nano(start))
		want, wantFlags := dayOfTime(start), schema.TimeFlags(0)
		if i >= 50 {
			want, wantFlags = today, schema.TimeDayOverflow
		}
		if got != want || flags != wantFlags {
			t.Fatalf("day %d of the record: filed under %d with flags %b, want %d with %b", i, got, flags, want, wantFlags)
		}
	}
	if n := len(p.days); n != 51 {
		t.Errorf("the record touches %d days, want 50 and the received one", n)
	}
}

func TestPlaceTakesAnyRecordTime(t *testing.T) {
	for _, milli := range []int64{-1, 0, math.MinInt64, math.MaxInt64 / 2} {
		p := placer{maxDays: 50}
		p.reset(milli, 30)
		p.place(nano(received), nano(received)) // must not panic
	}
}
