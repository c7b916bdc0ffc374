package pricing

import (
	"slices"
	"strings"
	"time"
)

// Call is what the price of a model call depends on, besides its tokens.
type Call struct {
	Tenant   string
	Provider string // OpenTelemetry's name
	Model    string
	// Tier is the service tier; "": the usual one; schema.TierBatch for a batch's calls.
	Tier string
	At   time.Time // of the record
}

// Step is how the name of a model was found.
type Step string

// The steps, in the order they are tried.
const (
	Exact    Step = "exact"    // the book has the name
	Stripped Step = "stripped" // it has the name without path, region or date
	Alias    Step = "alias"    // it declares that the name stands for another
	Prefix   Step = "prefix"   // it has the name without its release, or with a *
)

// Reason is why there is no price; a label of metrics.
type Reason string

// The reasons. Priced is none.
const (
	Priced          Reason = ""
	NoModel         Reason = "no_model"         // the span names none
	UnknownProvider Reason = "unknown_provider" // or none
	UnknownModel    Reason = "unknown_model"
	NoPrice         Reason = "no_price" // the model is known, its price is not, or not for such tokens
	NoTier          Reason = "no_tier"  // there are no rates for its service tier
	NoUsage         Reason = "no_usage" // the span reports no tokens
)

// Reasons lists all there are but Priced.
func Reasons() []Reason {
	return []Reason{NoModel, UnknownProvider, UnknownModel, NoPrice, NoTier, NoUsage}
}

// Match is the price of a model, or why it has none.
type Match struct {
	Schedule Schedule
	Why      Reason
	// Version of the book that has the price, its step, and the names there.
	Version         string
	Step            Step
	Provider, Model string
	// PreferReported shows what spans report rather than what we compute.
	PreferReported bool
}

// Try is a name that was looked up.
type Try struct {
	Step            Step
	Provider, Model string
	Version         string // of the book
	Found           bool
}

// maxName bounds what is looked up: a search looks at each beginning of a name,
// and no model's is longer, with whatever path or ARN it stands in.
const maxName = 512

// tooLong reports whether a call's names are beyond what any book has.
func tooLong(c *Call) bool { return len(c.Provider)+len(c.Model)+len(c.Tier) > maxName }

// Find gives the price of a call's model. tried, if not nil, hears of each name
// that was looked up.
func (s *Books) Find(c Call, tried func(Try)) Match {
	c.Provider = strings.ToLower(strings.TrimSpace(c.Provider))
	c.Model = strings.TrimSpace(c.Model)
	f := finder{books: s, tenant: c.Tenant, milli: c.At.UnixMilli(), tried: tried}
	m := f.find(c)
	m.PreferReported = s.PreferReported(c.Tenant, c.At)
	return m
}

// finder is one search.
type finder struct {
	books  *Books
	tenant string
	milli  int64
	tried  func(Try)
}

// hit is an entry and how it was found.
type hit struct {
	*entry
	book *Book
	step Step
}

func (f *finder) find(c Call) Match {
	switch {
	case c.Model == "":
		return Match{Why: NoModel}
	case tooLong(&c):
		return Match{Why: UnknownModel}
	}
	provider, model := c.Provider, c.Model
	if routers[provider] {
		head, rest, ok := strings.Cut(model, "/")
		if !ok {
			return Match{Why: UnknownProvider}
		}
		provider, model = strings.ToLower(head), rest
		if known, ok := meant[provider]; ok {
			provider = known
		}
	}
	names := catalogues(provider)
	if !slices.ContainsFunc(names, f.knows) {
		return Match{Why: UnknownProvider}
	}
	if provider == either {
		return f.agreed(names, model, c.Tier)
	}
	return f.priced(f.search(provider, names, model), c.Tier)
}

// knows reports whether any book that is in force has the provider.
func (f *finder) knows(name string) bool {
	return slices.ContainsFunc(f.books.books, func(b *Book) bool { return b.names[name] && b.inForce(f.tenant, f.milli) })
}

// agreed is the price that all the catalogues have in common.
func (f *finder) agreed(names []string, model, tier string) (first Match) {
	if head, rest, ok := strings.Cut(model, "/"); ok && meant[strings.ToLower(head)] == either {
		model = rest
	}
	for i, name := range names {
		m := f.priced(f.search(name, []string{name}, model), tier)
		switch {
		case m.Why != Priced:
			return m
		case i == 0:
			first = m
		case !first.Schedule.equal(&m.Schedule):
			return Match{Why: UnknownProvider}
		}
	}
	return first
}

func (s *Schedule) equal(o *Schedule) bool {
	return s.RequestNano == o.RequestNano && slices.Equal(s.Brackets, o.Brackets)
}

func (f *finder) priced(h hit, tier string) Match {
	if h.entry == nil {
		return Match{Why: UnknownModel}
	}
	m := Match{Version: h.book.Version, Step: h.step, Provider: h.provider, Model: h.model}
	if h.base.empty() && h.request == 0 {
		m.Why = NoPrice
		return m
	}
	var ok bool
	if m.Schedule, ok = h.schedule(tier); !ok {
		m.Why = NoTier
	}
	return m
}

// search goes through the steps.
func (f *finder) search(provider string, names []string, model string) hit {
	lower := strings.ToLower(model)
	if h := f.look(Exact, names, model, (*Book).has); h.entry != nil {
		return h
	}
	stripped := candidates(lower, append(called(provider), names...))
	for _, name := range stripped {
		if h := f.look(Stripped, names, name, (*Book).hasFolded); h.entry != nil {
			return h
		}
	}
	if h := f.aliased(names, stripped); h.entry != nil {
		return h
	}
	for _, name := range stripped {
		if h := f.prefixed(names, name); h.entry != nil {
			return h
		}
	}
	return hit{}
}

// candidates are the names that decoration leaves of a model's, the most
// telling first.
func candidates(lower string, providers []string) []string {
	out := []string{lower}
	plain := bare(lower, providers)
	for _, name := range []string{plain, undated(lower), undated(plain)} {
		if name != "" && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

func (b *Book) has(k key) *entry       { return b.exact[k] }
func (b *Book) hasFolded(k key) *entry { return b.folded[k] }
func (b *Book) hasWild(k key) *entry   { return b.wild[k] }

// look asks the books in their order for a name.
func (f *finder) look(step Step, names []string, model string, ask func(*Book, key) *entry) hit {
	for _, b := range f.books.books {
		if !b.inForce(f.tenant, f.milli) {
			continue
		}
		for _, name := range names {
			if !b.names[name] {
				continue
			}
			e := ask(b, key{name, model})
			f.tell(step, b, key{name, model}, e != nil)
			if e != nil {
				return hit{e, b, step}
			}
		}
	}
	return hit{}
}

func (f *finder) tell(step Step, b *Book, k key, found bool) {
	if f.tried != nil {
		f.tried(Try{step, k.provider, k.model, b.Version, found})
	}
}

// aliased follows one alias: an alias of an alias is none.
func (f *finder) aliased(names, models []string) hit {
	for _, b := range f.books.books {
		if !b.inForce(f.tenant, f.milli) || len(b.aliases) == 0 {
			continue
		}
		for _, model := range models {
			for _, name := range names {
				means, ok := b.aliases[key{name, model}]
				f.tell(Alias, b, key{name, model}, ok)
				if !ok {
					continue
				}
				h := f.look(Exact, []string{means.provider}, means.model, (*Book).has)
				if h.entry == nil {
					h = f.look(Stripped, []string{means.provider}, strings.ToLower(means.model), (*Book).hasFolded)
				}
				h.step = Alias
				return h
			}
		}
	}
	return hit{}
}

// prefixed looks for the longest name that the model's begins with, if what
// follows only tells the release, or the book says by a * that it may be
// anything.
func (f *finder) prefixed(names []string, model string) hit {
	wild := slices.ContainsFunc(f.books.books, func(b *Book) bool { return len(b.wild) > 0 && b.inForce(f.tenant, f.milli) })
	for n := len(model); n > 0; n-- {
		if wild {
			if h := f.look(Prefix, names, model[:n], (*Book).hasWild); h.entry != nil {
				return h
			}
		}
		if release(model[n-1:]) {
			if h := f.look(Prefix, names, model[:n-1], (*Book).hasFolded); h.entry != nil {
				return h
			}
		}
	}
	return hit{}
}
