package population

import (
	"slices"
	"time"
)

// Worth is what assumptions.yaml says things are worth, as the ledger reckons:
// money in 1e-9, minutes in 1e-6.
type Worth struct {
	Version                     string
	HourNano, TicketNano, Fixed int64
	DailyTickets                int64 // 1e-6
	TaskMinutes                 map[string]int64
}

// Key is a metric of a series in a minute, or on a day that begins then.
type Key struct {
	View   string `json:"view"`
	Metric string `json:"metric"`
	Labels string `json:"labels"`
	Time   int64  `json:"time"` // Unix seconds
}

// Amount is what a rate or mean is of, and what it is the part or sum of.
type Amount struct {
	N    int64 `json:"n"`
	Part int64 `json:"part"`
}

// Entry is a line of a ledger that is kept in a file.
type Entry struct {
	Key
	Amount
}

// Ledger is what must be told, of everything that is not 0.
type Ledger map[Key]Amount

func (l Ledger) add(k Key, n, part int64) {
	a := l[k]
	l[k] = Amount{a.N + n, a.Part + part}
}

// without leaves out what adds up to nothing.
func (l Ledger) without() Ledger {
	for k, a := range l {
		if a == (Amount{}) {
			delete(l, k)
		}
	}
	return l
}

// Reckon gives the ledger of sessions as of an instant.
func Reckon(sessions []Session, w Worth, zone *time.Location, now time.Time) Ledger {
	l := make(Ledger)
	byUser := make(map[string][]*Session)
	for i := range sessions {
		byUser[sessions[i].User] = append(byUser[sessions[i].User], &sessions[i])
	}
	for i := range sessions {
		if s := &sessions[i]; !s.Closes().After(now) {
			e := entry{Ledger: l, s: s, w: w, now: now, same: byUser[s.User]}
			e.session()
			e.doings()
			e.worth()
		}
	}
	people(l, sessions, zone, now)
	days(l, sessions, w, zone, now)
	return l.without()
}

// entry reckons one session.
type entry struct {
	Ledger
	s    *Session
	w    Worth
	now  time.Time
	same []*Session // of its user
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// tell adds to a metric in the minute in which the session closes.
func (e *entry) tell(view, metric, labels string, n, part int64) {
	e.add(Key{view, metric, labels, e.s.Closes().Truncate(time.Minute).Unix()}, n, part)
}

func (e *entry) one(metric string, yes bool) { e.tell("session", metric, "", 1, flag(yes)) }

func (s *Session) feedback() (good, bad int) {
	for _, t := range s.Turns {
		good, bad = good+int(flag(t.Thumb > 0)), bad+int(flag(t.Thumb < 0))
	}
	good += int(flag(s.Thumbs > 0)) + int(flag(s.CSAT >= 4))
	bad += int(flag(s.Thumbs < 0)) + int(flag(s.CSAT == 1 || s.CSAT == 2))
	return good, bad
}

func (s *Session) cost() (nano int64) {
	for _, t := range s.Turns {
		nano += t.CostNano
	}
	return nano
}

func (s *Session) stuck() bool {
	last := s.Turns[len(s.Turns)-1]
	return last.Failed || last.Unanswered
}

func (s *Session) abandoned() bool {
	if s.Outcome != "" {
		return s.Outcome == Abandoned
	}
	return s.Handoffs == 0 && s.stuck()
}

func (s *Session) reached(goal string) bool {
	return slices.ContainsFunc(s.Marks, func(m Mark) bool { return m.Goal && m.Name == goal })
}

// returned: the user came back soon after.
func (e *entry) returned() bool {
	return slices.ContainsFunc(e.same, func(o *Session) bool {
		return o.Start().After(e.s.End()) && !o.Start().After(e.s.End().Add(Recontact))
	})
}

func (e *entry) decided() bool { return !e.s.End().Add(Recontact).After(e.now) }

func (e *entry) contained() bool {
	good, _ := e.s.feedback()
	return e.s.Handoffs == 0 && !e.s.abandoned() && (good > 0 || !e.returned())
}

func (e *entry) session() {
	s, told := e.s, e.s.Outcome == Completed || e.s.Outcome == Resolved
	_, bad := s.feedback()
	long := s.End().Sub(s.Start())
	goal := slices.ContainsFunc(s.Marks, func(m Mark) bool { return m.Goal })
	engaged := long > 10*time.Second || len(s.Turns) >= 2 || goal
	e.one("sessions_closed", true)
	e.tell("session", "session_duration", "", 1, int64(long))
	e.tell("session", "session_depth", "", 1, int64(len(s.Turns)))
	e.one("engagement_rate", engaged)
	e.one("bounce_rate", !engaged)
	e.one("single_turn_rate", len(s.Turns) == 1)
	e.one("completion_rate", told || s.Outcome == "" && !s.stuck() && bad == 0)
	e.one("completion_rate_told", told)
	e.one("abandonment_rate", s.abandoned())
	e.one("abandonment_rate_strict", !told && s.Handoffs == 0 && (s.Outcome == "" || s.Outcome == Abandoned || s.stuck()))
	e.one("escalation_rate", s.Handoffs > 0)
	e.one("deflection_rate", s.Handoffs == 0)
	e.one("resolution_rate", s.Outcome == Resolved)
	e.tell("session", "cost_per_session", "", 1, s.cost())
	e.tell("session", "cost_per_resolution", "", flag(s.Outcome == Resolved), s.cost())
	if s.Outcome == Resolved {
		turns := int64(0)
		for _, t := range s.Turns {
			turns += flag(!t.Start.After(s.OutAt))
		}
		e.tell("session", "turns_to_resolution", "", 1, turns)
	}
	if e.decided() {
		e.one("containment_rate", e.contained())
		if s.Outcome == Resolved {
			e.one("recontact_rate", e.returned())
		}
	}
}

func (e *entry) doings() {
	s := e.s
	for _, g := range Goals {
		e.tell("session_goal", "conversion_rate", "goal="+g, 1, flag(s.reached(g)))
	}
	done := int64(0)
	for _, t := range s.Tasks {
		label := "task=" + t.Name
		done += flag(t.Completed)
		e.tell("session_task", "tasks_completed_rate", label, 1, flag(t.Completed))
		e.tell("session_task", "automation_rate", label, 1, flag(t.Completed && s.Handoffs == 0))
		e.tell("session_task", "cost_per_task", label, flag(t.Completed), flag(t.Completed)*s.cost())
	}
	e.tell("session", "productivity", "", int64(s.End().Sub(s.Start())), done)
	at, there := time.Time{}, true
	for i, step := range FunnelSteps {
		before := there
		there = false
		for _, m := range s.Marks {
			if before && m.Name == step && !m.At.Before(at) && (i == 0 || !m.At.After(at.Add(FunnelWithin))) {
				at, there = m.At, true
				break
			}
		}
		if i > 0 {
			e.tell("funnel", "funnel_step_rate", "funnel="+FunnelName+",step="+step, flag(before), flag(there))
		}
	}
}

func (e *entry) worth() {
	s, label := e.s, "assumptions="+e.w.Version
	var done, saved, untold, gained int64
	for _, t := range s.Tasks {
		switch {
		case !t.Completed:
			continue
		case t.Saved < 0:
			untold++
			saved += e.w.TaskMinutes[t.Name]
		default:
			saved += t.Saved
		}
		done++
	}
	if untold > 0 {
		busy := time.Duration(0)
		for _, t := range s.Turns {
			busy += t.End.Sub(t.Start)
		}
		saved -= int64(busy) / 60_000
	}
	for _, m := range s.Marks {
		gained += 1000 * m.Value
	}
	gained += saved * e.w.HourNano / 60_000_000
	lenient, strict := gained+flag(s.Handoffs == 0)*e.w.TicketNano, gained+flag(e.contained())*e.w.TicketNano
	e.tell("value", "minutes_saved", label, done, saved)
	e.tell("value", "value", label, 1, lenient)
	e.tell("value", "roi", label, s.cost(), lenient-s.cost())
	if e.decided() {
		e.tell("value", "value_strict", label, 1, strict)
		e.tell("value", "roi_strict", label, s.cost(), strict-s.cost())
	}
}
