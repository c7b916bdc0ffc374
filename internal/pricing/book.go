package pricing

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Book is prices that are in force from a moment on. It is not changed once it
// is part of Books.
type Book struct {
	// Version names the book in rows: its file and what was in it.
	Version string
	// EffectiveAt is the first record time that the book is for.
	EffectiveAt time.Time
	// Tenant is whom the book is for; "": everybody.
	Tenant string
	// Shipped is true for the catalogue that comes with the product.
	Shipped bool
	// PreferReported shows the cost that spans report, where they report one.
	PreferReported bool

	// unbilled are scopes whose spans repeat what other instrumentations tell; a
	// star stands for any rest.
	unbilled []string

	exact   map[key]*entry // names as the book writes them
	folded  map[key]*entry // names in lower case
	aliases map[key]key
	wild    map[key]*entry // names that end in *, without it; lower case
	names   map[string]bool
}

// key names a model of a provider, as books index providers.
type key struct{ provider, model string }

func newBook() *Book {
	return &Book{
		exact: make(map[key]*entry), folded: make(map[key]*entry), aliases: make(map[key]key),
		wild: make(map[key]*entry), names: make(map[string]bool),
	}
}

// Models is how many models the book has prices of.
func (b *Book) Models() int { return len(b.exact) + len(b.wild) }

// add puts a model's price into the book.
func (b *Book) add(e *entry) error {
	e.provider, e.model = bookName(e.provider), strings.TrimSpace(e.model)
	if e.provider == "" || e.model == "" {
		return fmt.Errorf("provider %q, model %q: both need a name", e.provider, e.model)
	}
	slices.SortFunc(e.long, byAbove)
	for _, t := range e.tiers {
		slices.SortFunc(t.long, byAbove)
	}
	b.names[e.provider] = true
	k := key{e.provider, e.model}
	if prefix, wild := strings.CutSuffix(e.model, "*"); wild {
		b.wild[key{e.provider, strings.ToLower(prefix)}] = e
		return nil
	}
	if _, twice := b.exact[k]; twice {
		return fmt.Errorf("%s/%s has two prices", e.provider, e.model)
	}
	b.exact[k] = e
	lower := key{e.provider, strings.ToLower(e.model)}
	if _, ok := b.folded[lower]; !ok || e.model == lower.model {
		b.folded[lower] = e
	}
	return nil
}

func byAbove(a, b long) int {
	switch {
	case a.above < b.above:
		return -1
	case a.above > b.above:
		return 1
	}
	return 0
}

// alias lets a name stand for a model, of this book or any other.
func (b *Book) alias(name, means key) error {
	name.provider, means.provider = bookName(name.provider), bookName(means.provider)
	name.model = strings.ToLower(strings.TrimSpace(name.model))
	if name.provider == "" || name.model == "" || means.model == "" {
		return fmt.Errorf("alias %q of %q: both need a provider and a model", name.model, means.model)
	}
	if _, twice := b.aliases[name]; twice {
		return fmt.Errorf("alias %s/%s is there twice", name.provider, name.model)
	}
	b.names[name.provider] = true
	b.aliases[name] = means
	return nil
}

// Books are all books, in the order they are asked. The zero value has none.
type Books struct {
	books   []*Book
	changes []int64 // Unix milliseconds at which a book comes into force, ascending
}

// NewBooks puts books in order: a tenant's own before the operator's before the
// shipped ones, and of each kind the newest first.
func NewBooks(books ...*Book) (*Books, error) {
	s := &Books{books: slices.Clone(books)}
	slices.SortStableFunc(s.books, func(a, b *Book) int {
		if d := a.rank() - b.rank(); d != 0 {
			return d
		}
		return b.EffectiveAt.Compare(a.EffectiveAt)
	})
	moments := make(map[int64]bool)
	versions := make(map[string]bool)
	for _, b := range s.books {
		moments[b.EffectiveAt.UnixMilli()] = true
		id := b.Version + "\x00" + b.Tenant + b.EffectiveAt.String()
		if versions[id] {
			return nil, fmt.Errorf("book %s is there twice", b.Version)
		}
		versions[id] = true
	}
	s.changes = slices.Sorted(maps.Keys(moments))
	return s, nil
}

func (b *Book) rank() int {
	switch {
	case b.Tenant != "":
		return 0
	case !b.Shipped:
		return 1
	}
	return 2
}

// All lists the books in the order they are asked.
func (s *Books) All() []*Book { return slices.Clone(s.books) }

// Changes are the moments at which prices may change, ascending.
func (s *Books) Changes() []time.Time {
	out := make([]time.Time, len(s.changes))
	for i, at := range s.changes {
		out[i] = time.UnixMilli(at).UTC()
	}
	return out
}

// epoch counts the changes up to a record's time: within an epoch, prices do
// not change.
func (s *Books) epoch(milli int64) int {
	n := len(s.changes)
	for n > 0 && s.changes[n-1] > milli {
		n--
	}
	return n
}

// inForce reports whether the book is for the tenant's records of the time.
func (b *Book) inForce(tenant string, milli int64) bool {
	return b.EffectiveAt.UnixMilli() <= milli && (b.Tenant == "" || b.Tenant == tenant)
}

// unbilledScope reports whether a tenant's spans of a scope repeat calls that another
// instrumentation tells too: they count nowhere. All books in force have a say.
func (s *Books) unbilledScope(tenant string, milli int64, scope string) bool {
	for _, b := range s.books {
		if len(b.unbilled) > 0 && b.inForce(tenant, milli) && slices.ContainsFunc(b.unbilled, func(name string) bool { return fits(name, scope) }) {
			return true
		}
	}
	return false
}

func fits(name, scope string) bool {
	prefix, open := strings.CutSuffix(name, "*")
	return name == scope || open && strings.HasPrefix(scope, prefix)
}

// PreferReported reports whether a tenant wants to see what its spans report.
func (s *Books) PreferReported(tenant string, at time.Time) bool {
	for _, b := range s.books {
		if b.inForce(tenant, at.UnixMilli()) && !b.Shipped {
			return b.PreferReported
		}
	}
	return false
}
