package population

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// Options say what is played.
type Options struct {
	Seed  uint64
	Users int
	// Days are simulated, ending with the day of End.
	Days int
	End  time.Time
	// Zone is the time zone of the tenant's days.
	Zone string
}

// Validate reports what cannot be played.
func (o Options) Validate() error {
	var errs []error
	if o.Users < 1 || o.Users > 1_000_000 {
		errs = append(errs, fmt.Errorf("%d users, want 1 to 1,000,000", o.Users))
	}
	if o.Days < 2 || o.Days > 400 {
		errs = append(errs, fmt.Errorf("%d days, want 2 to 400; the product believes ends of up to 30 days before they come", o.Days))
	}
	if _, err := time.LoadLocation(o.Zone); err != nil {
		errs = append(errs, fmt.Errorf("zone: %w", err))
	}
	return errors.Join(errs...)
}

// Words of the script.
const (
	Resolved   = "resolved"
	Completed  = "completed"
	Unresolved = "unresolved"
	Abandoned  = "abandoned"
)

// What the script's people do: the goals that conversion is of, the steps of
// the funnel, and the tasks.
var (
	Goals       = []string{"signup", "purchase"}
	FunnelSteps = []string{"search", "cart", "purchase"}
	Tasks       = []string{"refund", "address"}
)

// FunnelName, FunnelWithin and the others are what assumptions.yaml says of the
// population.
const (
	FunnelName   = "checkout"
	FunnelWithin = time.Hour
	Recontact    = 48 * time.Hour
	Lookback     = 24 * time.Hour
)

// Turn is a trace of a session.
type Turn struct {
	TraceID            string // 32 hexadecimal digits
	Start, End         time.Time
	Failed, Unanswered bool
	CostNano           int64
	Input, Output      int64 // tokens
	// Thumb is what a person says of it in MLflow; 0: nothing, 1 and -1: up and
	// down. First is what they said before they thought better of it.
	Thumb, First int
}

// Mark is a goal or a used feature.
type Mark struct {
	Name    string
	At      time.Time
	Goal    bool
	Value   int64 // millionths
	Orphan  bool  // its event names the user only
	EventID string
}

// Task is one that was begun.
type Task struct {
	Name      string
	Completed bool
	// Saved is how many minutes it says it saved, in millionths; negative: it
	// does not say.
	Saved int64
}

// Session is what one user did in one go.
type Session struct {
	ID, User string
	Turns    []Turn
	Outcome  string // "" is not told
	OutAt    time.Time
	Handoffs int
	Thumbs   int // 1, -1 or 0, as an event
	CSAT     int // 1 to 5, or 0
	Marks    []Mark
	Tasks    []Task
	Tickets  int
}

// Start is when it begins, End its newest end.
func (s *Session) Start() time.Time { return s.Turns[0].Start }

// End is its newest end.
func (s *Session) End() time.Time { return s.Turns[len(s.Turns)-1].End }

// Closes is when it counts.
func (s *Session) Closes() time.Time { return s.End().Add(30 * time.Minute) }

// Play makes the sessions of the population, in the order of their users. The
// same options make the same.
func Play(o Options) ([]Session, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(o.Zone)
	if err != nil {
		return nil, err
	}
	y, m, d := o.End.In(zone).Date()
	s := script{rng: rand.New(rand.NewPCG(o.Seed, 0x5e55)), end: o.End}
	for u := range o.Users {
		born := s.rng.IntN(o.Days)
		s.free = time.Time{}
		for day := born; day < o.Days; day++ {
			// Of those who are new half are back on the next day, then ever fewer.
			if day > born && s.rng.IntN(100) >= 20+30/(day-born) {
				continue
			}
			s.day(fmt.Sprintf("u%d-%d", o.Seed, u), time.Date(y, m, d-o.Days+1+day, 0, 0, 0, 0, zone))
		}
	}
	return s.all, nil
}

// script writes sessions.
type script struct {
	rng  *rand.Rand
	end  time.Time
	free time.Time // when the user may begin another session
	all  []Session
}

// day plays a user's day: a session or two, some of them around midnight.
func (s *script) day(user string, midnight time.Time) {
	at := midnight.Add(time.Duration(s.rng.IntN(20*60)) * time.Minute)
	if s.chance(15) {
		at = midnight.Add(23*time.Hour + time.Duration(s.rng.IntN(59))*time.Minute)
	}
	for range 1 + s.rng.IntN(2) {
		if at.Before(s.free) {
			at = s.free
		}
		x := s.session(user, at)
		if x.Closes().After(s.end) {
			return // the population ends with sessions that are closed
		}
		s.all = append(s.all, x)
		s.free = x.End().Add(time.Duration(2+s.rng.IntN(120)) * time.Minute)
		at = s.free
	}
}

func (s *script) chance(percent int) bool { return s.rng.IntN(100) < percent }

func (s *script) session(user string, at time.Time) Session {
	x := Session{ID: fmt.Sprintf("s-%016x", s.rng.Uint64()), User: user}
	for range 1 + s.rng.IntN(4) {
		t := s.turn(at)
		x.Turns = append(x.Turns, t)
		at = t.End.Add(time.Duration(5+s.rng.IntN(200)) * time.Second)
	}
	s.ending(&x)
	s.doings(&x)
	return x
}

func (s *script) turn(at time.Time) Turn {
	t := Turn{
		TraceID: fmt.Sprintf("%016x%016x", s.rng.Uint64()|1, s.rng.Uint64()), Start: at,
		End: at.Add(time.Duration(500+s.rng.IntN(12_000)) * time.Millisecond), Failed: s.chance(8),
		CostNano: int64(1+s.rng.IntN(50_000)) * 1000, Input: int64(100 + s.rng.IntN(2000)), Output: int64(10 + s.rng.IntN(500)),
	}
	t.Unanswered = !t.Failed && s.chance(4)
	if s.chance(20) {
		t.First = 1 - 2*s.rng.IntN(2)
		t.Thumb = t.First
		switch s.rng.IntN(3) {
		case 0:
			t.Thumb = -t.First // changed
		case 1:
			t.Thumb = 0 // taken back
		}
	}
	return t
}

// ending says how the session ends, and what its user says of it.
func (s *script) ending(x *Session) {
	switch n := s.rng.IntN(100); {
	case n < 40:
		x.Outcome = Resolved
	case n < 50:
		x.Outcome = Completed
	case n < 60:
		x.Outcome = Unresolved
	case n < 68:
		x.Outcome = Abandoned
	}
	x.OutAt = x.Turns[s.rng.IntN(len(x.Turns))].End
	if s.chance(15) {
		x.Handoffs = 1 + s.rng.IntN(2)
	}
	if s.chance(30) {
		x.Thumbs = 1 - 2*s.rng.IntN(2)
	}
	if s.chance(20) {
		x.CSAT = 1 + s.rng.IntN(5)
	}
	if s.chance(5) {
		x.Tickets = 1
	}
}

// doings are the funnel's steps, goals and tasks.
func (s *script) doings(x *Session) {
	at := x.Start()
	for i, step := range FunnelSteps {
		if !s.chance(70 - 10*i) {
			break
		}
		at = at.Add(time.Duration(s.rng.IntN(1800)) * time.Second)
		if s.chance(10) {
			at = at.Add(FunnelWithin) // too late for the funnel
		}
		goal := step == "purchase"
		mark := Mark{Name: step, At: at, Goal: goal}
		if goal {
			mark.Value = int64(s.rng.IntN(100_000_000))
		}
		x.Marks = append(x.Marks, mark)
	}
	if s.chance(10) {
		x.Marks = append(x.Marks, Mark{Name: "signup", At: x.End().Add(time.Minute), Goal: true, Orphan: true, Value: 2_500_000})
	}
	for _, name := range Tasks {
		if !s.chance(25) {
			continue
		}
		t := Task{Name: name, Completed: s.chance(70), Saved: -1}
		if s.chance(50) {
			t.Saved = int64(s.rng.IntN(20_000_000))
		}
		x.Tasks = append(x.Tasks, t)
	}
}
