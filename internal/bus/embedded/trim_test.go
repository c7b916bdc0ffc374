package embedded

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// logOf makes a partition of segments of 10 records and 100 bytes, one a minute.
func logOf(partition int32, first time.Time, segments int, hold int64) trimmable {
	t := trimmable{tp: topicPartition{"spans", partition}, hold: hold, held: true, maxAge: -1, maxBytes: -1}
	for i := range segments {
		t.segments = append(t.segments, segment{base: int64(10 * i), size: 100, written: first.Add(time.Duration(i) * time.Minute)})
	}
	return t
}

func TestRetentionCutsWholeReadSegmentsOnly(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name     string
		hold     int64
		maxAge   time.Duration
		maxBytes int64
		want     int64
	}{
		{"no retention", math.MaxInt64, -1, -1, 0},
		{"all are old: the newest stays", math.MaxInt64, 0, -1, 40},
		{"some are old", math.MaxInt64, 3 * time.Minute, -1, 20},
		{"old and not read", 0, 0, -1, 0},
		{"old and read in part", 25, 0, -1, 20},
		{"old and read up to a segment's start", 30, 0, -1, 30},
		{"too large", math.MaxInt64, -1, 250, 30},
		{"too large and not read", 15, -1, 250, 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := logOf(0, now.Add(-5*time.Minute), 5, tt.hold)
			l.maxAge, l.maxBytes = tt.maxAge, tt.maxBytes
			if got := byRetention(l, now); got.offset != tt.want || got.bytes != tt.want*10 {
				t.Errorf("cuts %d bytes below offset %d, want offset %d", got.bytes, got.offset, tt.want)
			}
		})
	}
}

func TestBudgetCutsTheOldestHistoryFirst(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	letters := logOf(2, start.Add(-time.Hour), 5, math.MaxInt64)
	letters.held = false // dead letters go by their own retention only
	all := []trimmable{
		logOf(0, start, 5, math.MaxInt64),
		logOf(1, start.Add(90*time.Second), 5, 10), // one segment is read
		letters,
	}
	for keep, want := range map[int64]string{
		1500: "",
		1400: "0:10",
		1300: "0:20",
		1200: "0:20 1:10",
		0:    "0:40 1:10",
	} {
		var got []string
		for _, c := range byBudget(all, 1500, keep) {
			got = append(got, fmt.Sprintf("%d:%d", c.tp.partition, c.offset))
		}
		slices.Sort(got)
		if s := strings.Join(got, " "); s != want {
			t.Errorf("keep %d: cuts %q, want %q", keep, s, want)
		}
	}
}
