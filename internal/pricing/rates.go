package pricing

// Unit is what a token is priced as.
type Unit uint8

// The units. Each token of a call is one of them.
const (
	Input Unit = iota
	Output
	CacheRead
	CacheWrite
	CacheWrite1h
	Reasoning
	AudioInput
	AudioOutput
	Units // how many there are
)

// unitNames are how files call the units.
var unitNames = [Units]string{"input", "output", "cache_read", "cache_write", "cache_write_1h", "reasoning", "audio_input", "audio_output"}

func (u Unit) String() string { return unitNames[u] }

// OfOutput tells the units of what a model gives from those of what it takes.
func (u Unit) OfOutput() bool { return u == Output || u == Reasoning || u == AudioOutput }

// stands says whose rate a unit has that has none of its own: a provider that
// publishes no rate for cached tokens bills them as any others.
var stands = [Units]Unit{
	Input: Input, Output: Output, CacheRead: Input, CacheWrite: Input, CacheWrite1h: CacheWrite,
	Reasoning: Output, AudioInput: Input, AudioOutput: Output,
}

// Rates are what tokens cost, in atto-dollars (1e-18 US dollars) each.
type Rates struct {
	atto [Units]uint64
	set  [Units]bool
}

// Of gives a unit's rate in atto-dollars; false: there is none.
func (r *Rates) Of(u Unit) (atto uint64, ok bool) { return r.atto[u], r.set[u] }

func (r *Rates) put(u Unit, atto uint64) { r.atto[u], r.set[u] = atto, true }

// empty reports whether no unit has a rate.
func (r *Rates) empty() bool { return r.set == [Units]bool{} }

// over gives base with the rates that r has.
func (r *Rates) over(base Rates) Rates {
	for u := range Units {
		if r.set[u] {
			base.put(u, r.atto[u])
		}
	}
	return base
}

// filled gives every unit the rate that stands for it.
func filled(r Rates) Rates {
	for u := range Units { // a unit comes after the one that stands for it
		if from := stands[u]; !r.set[u] && r.set[from] {
			r.put(u, r.atto[from])
		}
	}
	return r
}

// long is rates for calls whose input is longer than above tokens.
type long struct {
	above uint64
	rates Rates
}

// entry is the price of one model as a book has it.
type entry struct {
	provider, model string // as the book writes them
	base            Rates
	long            []long // by above, ascending
	tiers           map[string]tier
	request         uint64 // nano-dollars a call
}

// tier is what differs for one service tier.
type tier struct {
	rates Rates
	long  []long
}

// standard are the names of what is no special tier.
var standard = map[string]bool{"": true, "default": true, "standard": true, "auto": true, "on_demand": true, "on-demand": true, "standard_only": true}

// Bracket is the rates of calls with more than Above input tokens.
type Bracket struct {
	Above uint64
	Rates Rates
	// Unpriced: nobody says what such a call costs.
	Unpriced bool
}

// Schedule is what calls of one model in one tier cost.
type Schedule struct {
	// Brackets are by Above, the first from 0 tokens on.
	Brackets []Bracket
	// RequestNano is what a call costs besides, in nano-dollars.
	RequestNano uint64
}

// schedule makes the entry's for a tier; false: the tier is special and the
// entry has no rates for it.
func (e *entry) schedule(name string) (Schedule, bool) {
	if standard[name] {
		return e.brackets(e.base, e.long, true), true
	}
	t, ok := e.tiers[name]
	if !ok {
		return Schedule{}, false
	}
	return e.brackets(t.rates.over(e.base), t.long, len(e.long) == 0 || len(t.long) > 0), true
}

// brackets lays long rates over base. When known is false, the model has other
// rates for long inputs and the tier's are not known.
func (e *entry) brackets(base Rates, longs []long, known bool) Schedule {
	s := Schedule{RequestNano: e.request, Brackets: []Bracket{{Rates: filled(base)}}}
	if !known {
		s.Brackets = append(s.Brackets, Bracket{Above: e.long[0].above, Unpriced: true})
		return s
	}
	for _, l := range longs {
		base = l.rates.over(base)
		s.Brackets = append(s.Brackets, Bracket{Above: l.above, Rates: filled(base)})
	}
	return s
}
