package pricing

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// ownFile is a file in our own format: books, or the one book that the file is.
type ownFile struct {
	Books []ownBook `yaml:"books"`
}

type ownBook struct {
	EffectiveAt    string     `yaml:"effective_at"`
	Tenant         string     `yaml:"tenant"`
	PreferReported bool       `yaml:"prefer_reported"`
	UnbilledScopes []string   `yaml:"unbilled_scopes"`
	Models         []ownModel `yaml:"models"`
	Aliases        []ownAlias `yaml:"aliases"`
}

type ownModel struct {
	Provider string             `yaml:"provider"`
	Model    string             `yaml:"model"`
	Aliases  []string           `yaml:"aliases"`
	Request  string             `yaml:"request"`
	Long     []ownLong          `yaml:"long_context"`
	Tiers    map[string]ownTier `yaml:"tiers"`
	ownRates `yaml:",inline"`
}

// ownRates are US dollars for a million tokens; as text, so that no digit is
// lost.
type ownRates struct {
	Input        string `yaml:"input"`
	Output       string `yaml:"output"`
	CacheRead    string `yaml:"cache_read"`
	CacheWrite   string `yaml:"cache_write"`
	CacheWrite1h string `yaml:"cache_write_1h"`
	Reasoning    string `yaml:"reasoning"`
	AudioInput   string `yaml:"audio_input"`
	AudioOutput  string `yaml:"audio_output"`
}

type ownTier struct {
	Long     []ownLong `yaml:"long_context"`
	ownRates `yaml:",inline"`
}

type ownLong struct {
	Above    uint64 `yaml:"above"`
	ownRates `yaml:",inline"`
}

type ownAlias struct {
	Provider      string `yaml:"provider"`
	Model         string `yaml:"model"`
	MeansProvider string `yaml:"means_provider"`
	MeansModel    string `yaml:"means_model"`
}

// parseOwn reads a file in our own format.
func parseOwn(content []byte, version string) ([]*Book, error) {
	var file ownFile
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil {
		return nil, err
	}
	if err := decoder.Decode(new(any)); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one YAML document")
	}
	if len(file.Books) == 0 {
		return nil, errors.New("no books in it")
	}
	var out []*Book
	for i, o := range file.Books {
		b, err := o.book()
		if err != nil {
			return nil, fmt.Errorf("book %d: %w", i+1, err)
		}
		b.Version = version
		out = append(out, b)
	}
	return out, nil
}

func (o ownBook) book() (*Book, error) {
	b := newBook()
	b.Tenant, b.PreferReported = o.Tenant, o.PreferReported
	for _, scope := range o.UnbilledScopes {
		if scope == "" || scope == "*" {
			return nil, fmt.Errorf("unbilled_scopes: %q names no scope", scope)
		}
	}
	b.unbilled = o.UnbilledScopes
	b.EffectiveAt = time.UnixMilli(0).UTC()
	if o.EffectiveAt != "" {
		at, err := time.Parse(time.RFC3339, o.EffectiveAt)
		if err != nil {
			return nil, fmt.Errorf("effective_at %q is no time such as 2026-11-27T00:00:00Z", o.EffectiveAt)
		}
		b.EffectiveAt = at.UTC()
	}
	for _, m := range o.Models {
		e, err := m.entry()
		if err == nil {
			err = b.add(e)
		}
		for _, alias := range m.Aliases {
			if err == nil {
				err = b.alias(key{m.Provider, alias}, key{m.Provider, e.model})
			}
		}
		if err != nil {
			return nil, fmt.Errorf("%s/%s: %w", m.Provider, m.Model, err)
		}
	}
	for _, a := range o.Aliases {
		if a.MeansProvider == "" {
			a.MeansProvider = a.Provider
		}
		if err := b.alias(key{a.Provider, a.Model}, key{a.MeansProvider, a.MeansModel}); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (m ownModel) entry() (e *entry, err error) {
	e = &entry{provider: m.Provider, model: m.Model}
	if e.base, err = m.rates(); err != nil {
		return nil, err
	}
	if m.Request != "" {
		if e.request, err = money(m.Request, nanoDigits); err != nil {
			return nil, fmt.Errorf("request: %w", err)
		}
		if e.request > MaxNano {
			return nil, fmt.Errorf("request: %q %w", m.Request, errMoneyRange)
		}
	}
	if e.long, err = longs(m.Long); err != nil {
		return nil, err
	}
	for name, t := range m.Tiers {
		rates, err := t.rates()
		if err != nil {
			return nil, fmt.Errorf("tier %s: %w", name, err)
		}
		long, err := longs(t.Long)
		if err != nil {
			return nil, fmt.Errorf("tier %s: %w", name, err)
		}
		e.putTier(strings.ToLower(name), func(t *tier) { *t = tier{rates, long} })
	}
	return e, nil
}

func longs(in []ownLong) (out []long, err error) {
	for _, l := range in {
		rates, err := l.rates()
		if err != nil {
			return nil, fmt.Errorf("long_context above %d: %w", l.Above, err)
		}
		if l.Above == 0 || rates.empty() {
			return nil, errors.New("long_context: above and at least one rate must be given")
		}
		out = append(out, long{l.Above, rates})
	}
	return out, nil
}

func (o ownRates) rates() (r Rates, err error) {
	for u, text := range [Units]string{o.Input, o.Output, o.CacheRead, o.CacheWrite, o.CacheWrite1h, o.Reasoning, o.AudioInput, o.AudioOutput} {
		if text == "" {
			continue
		}
		atto, err := money(text, milliDigits)
		if err != nil {
			return r, fmt.Errorf("%s: %w", Unit(u), err)
		}
		r.put(Unit(u), atto)
	}
	return r, nil
}
