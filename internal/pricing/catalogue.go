package pricing

import (
	"bufio"
	"embed"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"sync"
	"time"
)

// shipped holds the catalogues that scripts/prices.sh makes: the first whole,
// each later one with what changed since.
//
//go:embed data/*.tsv
var shipped embed.FS

// columns are how the catalogue abbreviates the units.
var columns = map[string]Unit{"in": Input, "out": Output, "cr": CacheRead, "cw": CacheWrite, "cw1h": CacheWrite1h, "re": Reasoning, "ai": AudioInput, "ao": AudioOutput}

// Shipped gives the books that come with the product, which are read once.
var Shipped = sync.OnceValues(func() ([]*Book, error) {
	names, err := fs.Glob(shipped, "data/*.tsv")
	if err != nil {
		return nil, err
	}
	var out []*Book
	for _, name := range names {
		text, err := shipped.ReadFile(name)
		if err != nil {
			return nil, err
		}
		b, err := parseCatalogue(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, b)
	}
	return out, nil
})

// parseCatalogue reads lines of provider, model and rates with tabs between; a
// line "# name: value" says something of the book.
func parseCatalogue(text string) (*Book, error) {
	b := newBook()
	b.Shipped = true
	lines := bufio.NewScanner(strings.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		if head, ok := strings.CutPrefix(line, "# "); ok {
			if err := b.head(head); err != nil {
				return nil, fmt.Errorf("line %d: %w", n, err)
			}
			continue
		}
		e, err := parseLine(line)
		if err == nil {
			err = b.add(e)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	if b.Version == "" {
		return nil, fmt.Errorf("no version")
	}
	return b, lines.Err()
}

func (b *Book) head(text string) (err error) {
	name, value, _ := strings.Cut(text, ": ")
	switch name {
	case "version":
		b.Version = value
	case "effective_at":
		b.EffectiveAt, err = time.Parse(time.RFC3339, value)
	}
	return err
}

func parseLine(line string) (*entry, error) {
	fields := strings.Split(line, "\t")
	if len(fields) != 3 {
		return nil, fmt.Errorf("%d fields, want 3", len(fields))
	}
	e := &entry{provider: fields[0], model: fields[1]}
	for field := range strings.FieldsSeq(fields[2]) {
		name, value, _ := strings.Cut(field, "=")
		atto, err := money(value, milliDigits)
		if err != nil {
			return nil, err
		}
		if err := e.set(name, atto); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// set puts the rate called name: in, batch.in, >200000.in.
func (e *entry) set(name string, atto uint64) error {
	where, last, dotted := strings.Cut(name, ".")
	if !dotted {
		where, last = "", name
	}
	unit, ok := columns[last]
	if !ok {
		return fmt.Errorf("rate %q is not known", name)
	}
	switch {
	case where == "":
		e.base.put(unit, atto)
	case where[0] == '>':
		above, err := strconv.ParseUint(where[1:], 10, 63)
		if err != nil {
			return fmt.Errorf("rate %q: %w", name, err)
		}
		e.long = putLong(e.long, above, unit, atto)
	default:
		e.putTier(where, func(t *tier) { t.rates.put(unit, atto) })
	}
	return nil
}

func putLong(longs []long, above uint64, unit Unit, atto uint64) []long {
	for i := range longs {
		if longs[i].above == above {
			longs[i].rates.put(unit, atto)
			return longs
		}
	}
	l := long{above: above}
	l.rates.put(unit, atto)
	return append(longs, l)
}

func (e *entry) putTier(name string, put func(*tier)) {
	if e.tiers == nil {
		e.tiers = make(map[string]tier)
	}
	t := e.tiers[name]
	put(&t)
	e.tiers[name] = t
}
