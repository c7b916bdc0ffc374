package scheduled

import (
	"context"
	"maps"
	"slices"
	"time"
)

// How many days a day's users count in: as active within 30 days, and as retained
// by cohorts of 28 days on the 30th day.
const (
	activeDays   = 30
	retainedDays = 58
)

// calendar collects the days, since 1970 and in the tenant's time zone, whose
// metrics are to be made anew.
type calendar struct {
	t *tenantPass
	// today is the tenant's; what lies ahead of it is not told.
	today    int64
	active   map[int64]bool
	retained map[int64]bool // days that are over
	events   map[int64]bool // middles of three days
}

func newCalendar(t *tenantPass) *calendar {
	c := &calendar{t: t, today: t.localDay(t.now), active: map[int64]bool{}, retained: map[int64]bool{}, events: map[int64]bool{}}
	if t.since > 0 {
		for day := max(t.localDay(t.since), c.today-retainedDays); day < c.today; day++ { // they are over since
			c.active[day], c.active[day+1], c.retained[day], c.events[day] = true, true, true, true
		}
	}
	return c
}

// localDay is the tenant's day of an instant in Unix milliseconds.
func (t *tenantPass) localDay(at int64) int64 {
	zone, err := time.LoadLocation(t.tenant.Zone)
	if err != nil {
		zone = time.UTC // it was found when the file was read
	}
	y, m, d := time.UnixMilli(at).In(zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / (24 * 60 * 60)
}

// users notes that users of a day have changed.
func (c *calendar) users(day int64) {
	for at := day; at <= min(c.today, day+activeDays-1); at++ {
		c.active[at] = true
	}
	for at := day; at <= min(c.today-1, day+retainedDays-1); at++ {
		c.retained[at] = true
	}
}

// around notes that events or sessions of a day (UTC) have changed.
func (c *calendar) around(day int64) { c.events[day] = true }

// make makes the metrics of the days.
func (c *calendar) make(ctx context.Context) error {
	version, err := c.t.version()
	if err != nil {
		return err
	}
	for _, kind := range []struct {
		name string
		days map[int64]bool
	}{{"users", c.active}, {"retention", c.retained}} {
		for _, day := range slices.Sorted(maps.Keys(kind.days)) {
			if err := c.t.do(ctx, kind.name, params{"run": text(version), "at": date(day)}); err != nil {
				return err
			}
		}
	}
	for _, span := range spans(slices.Sorted(maps.Keys(c.events))) {
		if err := c.t.do(ctx, "calendar", params{"run": text(version), "first": date(span[0]), "last": date(span[1])}); err != nil {
			return err
		}
	}
	return nil
}

// spanDays is how many days, of those around which something has changed, are made
// at once: each reads the sessions of its neighbours, too.
const spanDays = 8

// spans gives the first and last of days that follow each other.
func spans(days []int64) (out [][2]int64) {
	for _, day := range days {
		if n := len(out) - 1; n >= 0 && day == out[n][1]+1 && day < out[n][0]+spanDays {
			out[n][1] = day
			continue
		}
		out = append(out, [2]int64{day, day})
	}
	return out
}
