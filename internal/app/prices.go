package app

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/spanmill/spanmill/internal/pricing"
)

// prices are what model calls cost besides the catalogue that is shipped.
type prices struct {
	Prices     []string `help:"Price files, in our own format or LiteLLM's; FILE@TIME has a LiteLLM file in force from then on." placeholder:"FILE" type:"path"`
	PricesOnly bool     `help:"Leave out the prices that are shipped."`
}

func (p prices) config() pricing.Config {
	return pricing.Config{Files: p.Prices, OnlyFiles: p.PricesOnly}
}

// or gives the prices of a running writer where none are named.
func (p prices) or(w WriterSettings) prices {
	if len(p.Prices) == 0 && !p.PricesOnly {
		return prices{w.Prices, w.PricesOnly}
	}
	return p
}

// load reads the books and says what they are.
func (p prices) load(log *slog.Logger) (*pricing.Books, error) {
	books, err := pricing.Load(p.config())
	if err != nil {
		return nil, err
	}
	for _, b := range books.All() {
		log.Debug("price book", "version", b.Version, "effective_at", b.EffectiveAt, "tenant", b.Tenant, "models", b.Models())
	}
	return books, nil
}

// pricesCommand is about prices.
type pricesCommand struct {
	Find  pricesFindCommand  `cmd:"" help:"Explain what a model's calls cost, or why they have no price."`
	Books pricesBooksCommand `cmd:"" help:"List the price books, in the order they are asked."`
}

// pricesFindCommand explains a match.
type pricesFindCommand struct {
	prices
	Model    string    `arg:"" help:"The model, as spans name it."`
	Provider string    `help:"The provider, as OpenTelemetry names it; a model such as openai/gpt-4o has it in its name."`
	Tenant   string    `help:"Whose spans." default:"default"`
	Tier     string    `help:"Service tier: batch, flex, priority, …"`
	At       time.Time `help:"Time of the record; else now." placeholder:"TIME"`
}

// Run implements the command.
func (f pricesFindCommand) Run(c *console) error {
	books, err := f.load(slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	if f.At.IsZero() {
		f.At = time.Now()
	}
	var out strings.Builder
	call := pricing.Call{Tenant: f.Tenant, Provider: f.Provider, Model: f.Model, Tier: f.Tier, At: f.At}
	m := books.Find(call, func(t pricing.Try) {
		found := "no"
		if t.Found {
			found = "yes"
		}
		fmt.Fprintf(&out, "%-9s %s/%s in %s: %s\n", t.Step, t.Provider, t.Model, t.Version, found)
	})
	if m.Why != pricing.Priced {
		fmt.Fprintf(&out, "unpriced: %s\n", m.Why)
	} else {
		describe(&out, m)
	}
	_, err = fmt.Fprint(c.out, out.String())
	return err
}

// describe writes a price, in US dollars for a million tokens.
func describe(out *strings.Builder, m pricing.Match) {
	fmt.Fprintf(out, "%s/%s, found by step %s in book %s\n", m.Provider, m.Model, m.Step, m.Version)
	if n := m.Schedule.RequestNano; n > 0 {
		fmt.Fprintf(out, "  %-15s %s for a call\n", "request", dollars(n, 9))
	}
	for _, b := range m.Schedule.Brackets {
		if b.Above > 0 {
			fmt.Fprintf(out, "above %d input tokens:\n", b.Above)
		}
		if b.Unpriced {
			out.WriteString("  unpriced: no rates for the tier\n")
			continue
		}
		for u := range pricing.Units {
			if atto, ok := b.Rates.Of(u); ok {
				fmt.Fprintf(out, "  %-15s %s for a million tokens\n", u, dollars(atto, 12))
			}
		}
	}
}

// dollars writes n in units of 10^-digits dollars.
func dollars(n uint64, digits int) string {
	text := fmt.Sprintf("%0*d", digits+1, n)
	whole, fraction := text[:len(text)-digits], strings.TrimRight(text[len(text)-digits:], "0")
	for len(fraction) < 2 {
		fraction += "0"
	}
	return "$" + whole + "." + fraction
}

// pricesBooksCommand lists books.
type pricesBooksCommand struct{ prices }

// Run implements the command.
func (b pricesBooksCommand) Run(c *console) error {
	books, err := b.load(slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	for _, book := range books.All() {
		tenant := book.Tenant
		if tenant == "" {
			tenant = "all tenants"
		}
		if _, err := fmt.Fprintf(c.out, "%s: %d models, for %s, from %s\n", book.Version, book.Models(), tenant, book.EffectiveAt.Format(time.RFC3339)); err != nil {
			return err
		}
	}
	return nil
}
