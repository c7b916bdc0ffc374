package pricing

import "github.com/spanmill/spanmill/pkg/schema"

// Usage is a call's token counts. Input counts cache reads, cache writes and
// audio; CacheWrite1h is a part of CacheWrite; Output counts reasoning and audio.
type Usage struct {
	Input, Output                       schema.Count
	CacheRead, CacheWrite, CacheWrite1h schema.Count
	Reasoning                           schema.Count
	AudioInput, AudioOutput             schema.Count
	// Failed calls that report no tokens cost nothing.
	Failed bool
}

// Parts splits the usage into what each unit is charged for. A part is at most
// what is left of its whole.
func (u *Usage) Parts() (parts [Units]uint64) {
	in, out := u.Input.N, u.Output.N
	take := func(whole *uint64, part uint64) uint64 {
		part = min(part, *whole)
		*whole -= part
		return part
	}
	parts[CacheRead] = take(&in, u.CacheRead.N)
	written := take(&in, u.CacheWrite.N)
	parts[CacheWrite1h] = take(&written, u.CacheWrite1h.N)
	parts[CacheWrite] = written
	parts[AudioInput] = take(&in, u.AudioInput.N)
	parts[Input] = in
	parts[Reasoning] = take(&out, u.Reasoning.N)
	parts[AudioOutput] = take(&out, u.AudioOutput.N)
	parts[Output] = out
	return parts
}

// Cost is what a call costs in nano-dollars, and what of it is for input and for
// the call as such, each rounded half to even; Priced, or why there is none.
func (s *Schedule) Cost(u *Usage) (nano, input uint64, why Reason) {
	if !u.Input.Set && !u.Output.Set && (s.RequestNano == 0 || u.Failed) {
		return 0, 0, NoUsage
	}
	b := s.bracket(u.Input.N)
	if b.Unpriced {
		return 0, 0, NoTier
	}
	var total, in sum
	total.add(s.RequestNano, attoPerNano)
	in = total
	for unit, n := range u.Parts() {
		if n == 0 {
			continue
		}
		atto, ok := b.Rates.Of(Unit(unit))
		if !ok {
			return 0, 0, NoPrice
		}
		total.add(n, atto)
		if !Unit(unit).OfOutput() {
			in.add(n, atto)
		}
	}
	return total.nano(), in.nano(), Priced
}

// bracket is the one for a call with so much input.
func (s *Schedule) bracket(input uint64) *Bracket {
	at := 0
	for i := range s.Brackets {
		if i > 0 && input > s.Brackets[i].Above {
			at = i
		}
	}
	return &s.Brackets[at]
}
