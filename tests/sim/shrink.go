package sim

import "slices"

// Shrink takes out of a failing plan what it fails without. fails plays a plan
// and reports whether it still fails; it is asked at most budget times, so that
// what comes back fails but need not be least.
func Shrink(plan Plan, budget int, fails func(Plan) bool) Plan {
	s := &shrinker{plan: plan, budget: budget, fails: fails}
	for size := max(1, len(plan.Events)/2); size >= 1; size /= 2 {
		for s.events(size) && size == 1 {
			continue // one event less may make another needless
		}
	}
	s.records()
	return s.plan
}

type shrinker struct {
	plan   Plan
	budget int
	fails  func(Plan) bool
}

// try takes a smaller plan if it fails too.
func (s *shrinker) try(smaller Plan) bool {
	if s.budget <= 0 {
		return false
	}
	s.budget--
	if !s.fails(smaller) {
		return false
	}
	s.plan = smaller
	return true
}

// events leaves out runs of so many events; it reports whether any went.
func (s *shrinker) events(size int) (went bool) {
	for at := len(s.plan.Events) - size; at >= 0; at -= size {
		smaller := s.plan
		smaller.Events = slices.Delete(slices.Clone(s.plan.Events), at, at+size)
		went = s.try(smaller) || went
	}
	return went
}

// records leaves out single records of what is produced.
func (s *shrinker) records() {
	for i := range s.plan.Events {
		for at := len(s.plan.Events[i].Sent) - 1; at >= 0 && len(s.plan.Events[i].Sent) > 1; at-- {
			smaller := s.plan
			smaller.Events = slices.Clone(s.plan.Events)
			e := &smaller.Events[i]
			e.Sent = slices.Delete(slices.Clone(e.Sent), at, at+1)
			s.try(smaller)
		}
	}
}
