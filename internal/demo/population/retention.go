package population

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// dayOf numbers a day of the zone, and midnight gives when it begins.
func dayOf(at time.Time, zone *time.Location) int {
	y, m, d := at.In(zone).Date()
	return int(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86_400)
}

func midnight(day int, zone *time.Location) time.Time {
	y, m, d := time.Unix(int64(day)*86_400, 0).UTC().Date()
	return time.Date(y, m, d, 0, 0, 0, 0, zone)
}

// activity is on which days each user was active: when their traces ended.
func activity(sessions []Session, zone *time.Location, now time.Time) map[string][]int {
	out := make(map[string][]int)
	for i := range sessions {
		for _, t := range sessions[i].Turns {
			if day := dayOf(t.End, zone); !t.End.After(now) && !slices.Contains(out[sessions[i].User], day) {
				out[sessions[i].User] = append(out[sessions[i].User], day)
			}
		}
	}
	return out
}

// people tells of users and cohorts, each day that the product must have told of.
func people(l Ledger, sessions []Session, zone *time.Location, now time.Time) {
	active := activity(sessions, zone, now)
	today := dayOf(now, zone)
	seen := make(map[int]bool)
	for _, days := range active {
		for _, d := range days {
			seen[d] = true
		}
	}
	first := slices.Min(slices.Collect(maps.Keys(seen)))
	for day := first; day <= today; day++ {
		at := midnight(day, zone).Unix()
		within := func(n int) (users int64) {
			for _, days := range active {
				users += flag(slices.ContainsFunc(days, func(d int) bool { return d > day-n && d <= day }))
			}
			return users
		}
		fresh := int64(0)
		for _, days := range active {
			fresh += flag(slices.Min(days) == day)
		}
		one, week, month := within(1), within(7), within(30)
		for metric, a := range map[string]Amount{
			"daily_active_users": {one, one}, "weekly_active_users": {week, week}, "monthly_active_users": {month, month},
			"stickiness": {month, one}, "new_users": {one, fresh}, "returning_users": {one, one - fresh},
		} {
			l.add(Key{"user", metric, "", at}, a.N, a.Part)
		}
		if day < today {
			cohorts(l, active, day, at)
		}
	}
}

// cohorts tells of those whose day n was one of the 28 days up to day.
func cohorts(l Ledger, active map[string][]int, day int, at int64) {
	for _, n := range []int{1, 7, 30} {
		for _, all := range active {
			born := slices.Min(all)
			if born < day-n-27 || born > day-n {
				continue
			}
			back := func(from, to int) bool {
				return slices.ContainsFunc(all, func(d int) bool { return d >= from && d <= min(to, day) })
			}
			name := fmt.Sprintf("retention_d%d_", n)
			l.add(Key{"retention", name + "classic", "", at}, 1, flag(back(born+n, born+n)))
			l.add(Key{"retention", name + "rolling", "", at}, 1, flag(back(born+n, day)))
			l.add(Key{"retention", name + "range", "", at}, 1, flag(back(born+1, born+n)))
		}
	}
}

// days tells of what is one amount a day: users who convert, tickets, what a day
// costs.
func days(l Ledger, sessions []Session, w Worth, zone *time.Location, now time.Time) {
	users, tickets := make(map[int]map[string][]*Session), make(map[int]int64)
	for i := range sessions {
		s := &sessions[i]
		day := dayOf(s.End(), zone)
		if users[day] == nil {
			users[day] = make(map[string][]*Session)
		}
		users[day][s.User] = append(users[day][s.User], s)
		tickets[dayOf(s.OutAt, zone)] += int64(s.Tickets)
	}
	for day, people := range users {
		at := midnight(day, zone).Unix()
		for _, g := range Goals {
			for _, list := range people {
				won := slices.ContainsFunc(list, func(s *Session) bool { return s.reached(g) })
				l.add(Key{"session_goal", "conversion_rate_users", "goal=" + g, at}, 1, flag(won))
			}
		}
		if midnight(day+1, zone).After(now) {
			continue
		}
		label := "assumptions=" + w.Version
		l.add(Key{"value", "ticket_reduction", label, at}, w.DailyTickets, w.DailyTickets-1_000_000*tickets[day])
		l.add(Key{"value", "roi", label, at}, w.Fixed, -w.Fixed)
		l.add(Key{"value", "roi_strict", label, at}, w.Fixed, -w.Fixed)
	}
}
