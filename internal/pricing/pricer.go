package pricing

import (
	"strings"
	"time"

	"github.com/spanmill/spanmill/pkg/schema"
)

// maxMatches bounds what a Pricer remembers: models beyond it are matched anew.
// A match takes about a kilobyte.
const maxMatches = 4096

// Pricer prices spans by Books and remembers what it matched. It is not safe
// for concurrent use; Books may be shared.
type Pricer struct {
	books   *Books
	matches map[cached]*Match
	usage   Usage
}

// cached is what a match depends on.
type cached struct {
	tenant, provider, model, tier string
	epoch                         int
}

// NewPricer makes a pricer.
func NewPricer(books *Books) *Pricer {
	return &Pricer{books: books, matches: make(map[cached]*Match)}
}

// Price fills cost for a span: what it costs by the books, what it reports, and
// which of them counts. received is the record's time in Unix milliseconds. The
// reason says why nothing was computed; it is Priced for a span that was, and
// for one that has no usage of its own. A call of a scope that the books leave
// unbilled becomes one of those.
func (p *Pricer) Price(tenant string, received int64, span *schema.Span, g *schema.GenAI, cost *schema.Cost) Reason {
	if g.Billable && span.Scope != nil && p.books.unbilledScope(tenant, received, span.Scope.Name) {
		g.Billable = false
	}
	*cost = schema.Cost{Source: schema.CostNone, Reported: g.CostNano, Itemised: g.CostDetailed}
	if !g.Billable {
		return Priced
	}
	m := p.find(cached{tenant, g.Provider, g.Model, g.PriceTier(), p.books.epoch(received)}, received)
	why := m.Why
	if why == Priced {
		p.usage = usageOf(span, g)
		var nano uint64
		if nano, cost.Input, why = m.Schedule.Cost(&p.usage); why == Priced {
			cost.Computed, cost.Version = schema.Count{N: nano, Set: true}, m.Version
		}
	}
	cost.Choose(m.PreferReported)
	return why
}

// find gives the match of a key, whose strings may be the record's.
func (p *Pricer) find(k cached, received int64) *Match {
	if m, ok := p.matches[k]; ok {
		return m
	}
	k.tenant = strings.Clone(k.tenant)
	call := Call{k.tenant, k.provider, k.model, k.tier, time.UnixMilli(received)}
	if tooLong(&call) {
		m := p.books.Find(call, nil)
		return &m // remembered, such names would be memory for whoever makes them up
	}
	if len(p.matches) >= maxMatches {
		clear(p.matches)
	}
	k.provider, k.model, k.tier = strings.Clone(k.provider), strings.Clone(k.model), strings.Clone(k.tier)
	m := p.books.Find(Call{k.tenant, k.provider, k.model, k.tier, time.UnixMilli(received)}, nil)
	p.matches[k] = &m
	return &m
}

const statusError = 2 // OTLP's

func usageOf(span *schema.Span, g *schema.GenAI) Usage {
	return Usage{
		Input: g.InputTokens, Output: g.OutputTokens,
		CacheRead: g.CacheReadTokens, CacheWrite: g.CacheWriteTokens, CacheWrite1h: g.CacheWrite1hTokens,
		Reasoning: g.ReasoningTokens, AudioInput: g.AudioInputTokens, AudioOutput: g.AudioOutputTokens,
		Failed: span.StatusCode == statusError,
	}
}
